"""Inviting people to a project, and giving those in it another role."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms

from annotation.models import Account, Project, Role
from annotation.queries.people import list_accounts_in


class InvitationForm(forms.Form):
    role = forms.TypedChoiceField(choices=Role, coerce=Role, initial=Role.RATER)
    note = forms.CharField(
        max_length=120, required=False, help_text="For whom it is. Only the project's admins see it."
    )
    max_uses = forms.IntegerField(
        label="For how many people", min_value=1, max_value=1000, initial=1, help_text="1 to 1000."
    )
    valid_days = forms.TypedChoiceField(
        label="Works for",
        choices=[("1", "1 day"), ("7", "7 days"), ("30", "30 days"), ("90", "90 days")],
        initial="7",
        coerce=int,
    )

    def expires_at(self, now: dt.datetime) -> dt.datetime:
        return now + dt.timedelta(days=self.cleaned_data["valid_days"])


class RoleForm(forms.Form):
    account = forms.ModelChoiceField(label="Person", queryset=Account.objects.none())
    role = forms.TypedChoiceField(choices=Role, coerce=Role, initial=Role.ADJUDICATOR)

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = self.fields["account"]
        assert isinstance(people, forms.ModelChoiceField)
        people.queryset = list_accounts_in(project)
