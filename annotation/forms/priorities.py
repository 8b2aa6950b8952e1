"""Which prompts come first, last or not at all: a filter, and what holds for what it finds."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from annotation.models import Priority, Project, Prompt
from annotation.queries.prompts import list_verifiers, search_prompts


class PriorityForm(forms.Form):
    """Prompts that match everything that is filled in; all of them where nothing is."""

    text = forms.CharField(
        label="Prompts that hold this text", required=False, max_length=200, help_text="Empty: all prompts."
    )
    verifier = forms.ChoiceField(label="With the verifier", required=False)
    held_as = forms.TypedChoiceField(
        label="That are now handed out",
        required=False,
        coerce=int,
        empty_value=None,
        choices=[("", "in any order"), *Priority.choices],
    )
    priority = forms.TypedChoiceField(
        label="From now on",
        coerce=lambda value: Priority(int(value)),
        choices=Priority.choices,
        initial=Priority.USUAL,
        help_text="Traces of prompts that come first are drawn before all others; of held ones, none are.",
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project
        verifier = self.fields["verifier"]
        assert isinstance(verifier, forms.ChoiceField)
        verifier.choices = [("", "any"), *((name, name) for name in list_verifiers(project))]

    def list_prompts(self) -> QuerySet[Prompt]:
        """What the filter finds; call it on a valid form."""
        prompts, wanted = Prompt.objects.filter(project=self.project), self.cleaned_data
        if wanted["text"]:
            prompts = search_prompts(prompts, wanted["text"])
        if wanted["verifier"]:
            prompts = prompts.filter(verifier=wanted["verifier"])
        return prompts if wanted["held_as"] is None else prompts.filter(priority=wanted["held_as"])
