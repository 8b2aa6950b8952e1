"""What a person says about a new API token."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django import forms

from annotation.models import Account, Project, TokenScope
from annotation.queries.access import list_projects_of

_READ_ALL = tuple(scope for scope in TokenScope if scope.endswith(":read"))
_KINDS: dict[str, tuple[str, tuple[TokenScope, ...]]] = {
    "download": ("Download exports", (TokenScope.PROJECTS_READ, TokenScope.EXPORTS_READ)),
    "export": (
        "Start and download exports",
        (TokenScope.PROJECTS_READ, TokenScope.EXPORTS_READ, TokenScope.EXPORTS_WRITE),
    ),
    "read": ("Read everything that you can read", _READ_ALL),
    "all": ("Everything that you can do", tuple(TokenScope)),
    "own": ("What is ticked below", ()),
}


@dataclass(frozen=True)
class TokenChoices:
    """A valid form's token."""

    name: str
    scopes: tuple[TokenScope, ...]
    project: Project | None
    expires_at: dt.datetime


class ProjectField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Projects by their names."""

    def label_from_instance(self, obj: Project) -> str:
        return obj.name


class TokenForm(forms.Form):
    """The usual tokens by one choice; any other by ticking scopes, which then count alone."""

    name = forms.CharField(max_length=80, help_text="What it is for, so that you can tell it from others.")
    kind = forms.ChoiceField(
        label="May",
        choices=[(key, words) for key, (words, _) in _KINDS.items()],
        initial="download",
        help_text="It can never do more than you can.",
    )
    project = ProjectField(
        label="In", queryset=Project.objects.none(), required=False, empty_label="All your projects"
    )
    valid_days = forms.TypedChoiceField(
        label="Works for",
        choices=[("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "1 year")],
        initial="90",
        coerce=int,
    )
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, scope.label) for scope in TokenScope],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        label="Scopes of a token of your own making",
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["project"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = list_projects_of(account).order_by("name")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("kind") == "own" and not cleaned.get("scopes") and "scopes" not in self.errors:
            self.add_error("scopes", "Tick at least one thing that the token may do.")
        return cleaned

    def choices(self, now: dt.datetime) -> TokenChoices:
        """What a valid form asks for."""
        chosen = self.cleaned_data
        ticked = tuple(TokenScope(scope) for scope in chosen["scopes"])
        return TokenChoices(
            name=chosen["name"],
            scopes=ticked or _KINDS[chosen["kind"]][1],
            project=chosen["project"],
            expires_at=now + dt.timedelta(days=chosen["valid_days"]),
        )
