"""Inviting people to a project, and giving those in it another role."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from django import forms
from django.core.validators import validate_email

from annotation.models import Account, Project, Role
from annotation.queries.people import list_accounts_in

MAX_ADDRESSES = 50


class InvitationForm(forms.Form):
    role = forms.TypedChoiceField(choices=Role, coerce=Role, initial=Role.RATER)
    emails = forms.CharField(
        label="Send it by e-mail to",
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "ann@example.org, bob@example.org"}),
        help_text="Addresses with commas or line breaks between them; each gets a link of its own that works once. "
        "Empty: you get a link to pass on yourself.",
    )
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

    def clean_emails(self) -> list[str]:
        """The addresses, each once, in their order."""
        addresses = list(dict.fromkeys(re.split(r"[\s,;]+", self.cleaned_data["emails"].strip())))
        addresses = [address for address in addresses if address]
        if len(addresses) > MAX_ADDRESSES:
            raise forms.ValidationError(f"At most {MAX_ADDRESSES} addresses at a time.")
        for address in addresses:
            try:
                validate_email(address)
            except forms.ValidationError as error:
                raise forms.ValidationError(f"“{address[:80]}” is no e-mail address.") from error
        return addresses

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
