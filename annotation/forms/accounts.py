"""Signing in, and choosing one's own user name and password."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy

from annotation.models import Account
from annotation.rendering import spell_out


def check_name(name: str) -> None:
    """Refuses characters that hide, or turn round what stands beside the name on others' pages."""
    if spell_out(name) != name:
        raise ValidationError(
            gettext("A name holds no invisible characters and none that change the writing direction.")
        )


class SignInForm(AuthenticationForm):
    """Django's own, with one sentence for every failure: it never says whether the account exists."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": gettext_lazy(
            "No account has this user name and password. Mind capitals in the password."
        ),
    }

    def __init__(self, request: HttpRequest | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.fields["username"].label = gettext("User name")

    def clean(self) -> dict[str, Any]:
        """By way of allauth, which counts failures and refuses to look at a password after too many."""
        said = self.cleaned_data
        if said.get("username") and said.get("password"):
            adapter = get_adapter()
            account = adapter.authenticate(self.request, username=said["username"], password=said["password"])
            if account is None:
                raise self.get_invalid_login_error()
            self.user_cache = account
        return said


class NewSignInForm(forms.Form):
    """User name, the name others see, and a password typed twice."""

    username = forms.CharField(
        label=gettext_lazy("User name"),
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
        help_text=gettext_lazy("You sign in with it. Letters, digits and @ . + - _ only."),
    )
    display_name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        required=False,
        validators=[check_name],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        help_text=gettext_lazy("What others see; your user name where you leave it empty."),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least 8 characters, and not a common word."),
    )
    password_again = forms.CharField(
        label=gettext_lazy("Password again"),
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        password, again = data.get("password"), data.get("password_again")
        if password and again and password != again:
            self.add_error("password_again", gettext("The two passwords differ."))
        elif password:
            self._check_strength(password)
        return data

    def _check_strength(self, password: str) -> None:
        person = Account(
            username=self.cleaned_data.get("username", ""),
            first_name=self.cleaned_data.get("display_name", ""),
        )
        try:
            validate_password(password, person)
        except ValidationError as error:
            self.add_error("password", error)


class NameForm(forms.Form):
    """The name that others see."""

    display_name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        required=False,
        validators=[check_name],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        help_text=gettext_lazy("What others see; your user name where you leave it empty."),
    )


class LanguageForm(forms.Form):
    """In which language the person's pages are."""

    language = forms.ChoiceField(
        label=gettext_lazy("Pages in"),
        choices=lambda: [("", gettext("Whatever your browser asks for")), *settings.LANGUAGES],
        required=False,
    )


class NewPasswordForm(PasswordChangeForm):
    """The old password, and a new one typed twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = gettext("Password now")
        self.fields["new_password1"].label = gettext("New password")
        self.fields["new_password1"].help_text = gettext("At least 8 characters, and not a common word.")
        self.fields["new_password2"].label = gettext("New password again")
        self.fields["new_password2"].help_text = ""


class ChosenPasswordForm(SetPasswordForm):  # type: ignore[type-arg]  # not generic at run time
    """A new password typed twice, for who came by a link from an e-mail."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].label = gettext("New password")
        self.fields["new_password1"].help_text = gettext("At least 8 characters, and not a common word.")
        self.fields["new_password2"].label = gettext("New password again")
        self.fields["new_password2"].help_text = ""


class AddressForm(forms.Form):
    """One e-mail address, in lower case: what mail servers take for the same is the same."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()
