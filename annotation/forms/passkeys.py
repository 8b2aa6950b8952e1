"""What a browser says of a passkey: read strictly, since anybody may send anything, and refused in one sentence."""

from __future__ import annotations

import json
import re
import struct
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import (
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
    SignupWebAuthnForm,
)
from allauth.mfa.webauthn.internal import auth
from cryptography.exceptions import InvalidSignature
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from fido2.utils import websafe_decode

from annotation.actions import sign_ins
from annotation.forms.accounts import check_name
from annotation.models import Account

_LONGEST = 20_000  # letters; a statement of the strictest makers has 6,000
_BASE64_URL = re.compile(r"[\w-]+", re.ASCII)
_PARTS = ("clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle")
# What the libraries raise over bytes that are no passkey's.
_NONSENSE = (
    ArithmeticError,
    AttributeError,
    InvalidSignature,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    ValidationError,
    struct.error,
)
_REFUSED = gettext_lazy(
    "That passkey was not accepted. Try again, with the passkey that you added here, or sign in another way."
)
_NOT_ADDED = gettext_lazy("The browser’s passkey could not be read. Nothing was added; try again.")


class CredentialField(forms.Field):
    """The JSON of a PublicKeyCredential. Only the parts that are checked are kept: the rest may be anything."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> dict[str, Any] | None:
        if value in self.empty_values:
            return None
        try:
            return _pick(json.loads(value) if len(value) <= _LONGEST else None)
        except _NONSENSE as error:
            raise ValidationError(self.error_messages["invalid"]) from error


def _pick(said: Any) -> dict[str, Any]:
    answer = said["response"]
    return {
        "id": _check(said["id"]),
        "rawId": _check(said["rawId"]),
        "type": "public-key",
        "response": {name: _check(answer[name]) for name in _PARTS if answer.get(name)},
        "clientExtensionResults": {},
    }


def _check(text: str) -> str:
    if not _BASE64_URL.fullmatch(text):
        raise ValueError(text)
    return text


def _make_field(words: Any) -> CredentialField:
    return CredentialField(error_messages={"required": words, "invalid": words})


def _make_name_field(**options: Any) -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Name"),
        max_length=60,
        validators=[check_name],
        help_text=gettext_lazy("By which you know it again, such as the device it is on."),
        **options,
    )


class NewPasskeyForm(SignupWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """A passkey just made, and what to call it."""

    name = _make_name_field(required=False)
    credential = _make_field(_NOT_ADDED)

    def clean(self) -> dict[str, Any]:
        try:
            said: dict[str, Any] = super().clean()
        except _NONSENSE as error:
            raise ValidationError(_NOT_ADDED) from error
        return said


class PasskeyNameForm(EditWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    name = _make_name_field()


class _UsedPasskey(forms.Form):
    """A passkey that is used: what fails is recorded and, where the person is known, counted as wrong codes are."""

    credential = _make_field(_REFUSED)
    verb = ""

    def clean_credential(self) -> Authenticator:
        said = self.cleaned_data["credential"]
        try:
            passkey: Authenticator = super().clean_credential()  # type: ignore[misc]
            if not passkey.user.is_active:
                raise ValidationError(_REFUSED)
        except _NONSENSE as error:
            if isinstance(error, ValidationError) and getattr(error, "code", "") == "too_many_login_attempts":
                raise
            self._record(said)
            raise ValidationError(_REFUSED) from error
        return passkey

    def _record(self, said: dict[str, Any]) -> None:
        account = getattr(self, "user", None) or _find_owner(said)
        if isinstance(account, Account):
            sign_ins.record_wrong_answer(account=account, verb=self.verb, now=timezone.now())


def _find_owner(said: dict[str, Any]) -> Account | None:
    """Whose passkey it says that it is, where that account has one with this number: else anybody could write into
    anybody's history by counting through the accounts."""
    try:
        account: Account = auth.extract_user_from_response(said)
        number = websafe_decode(said["rawId"])
    except _NONSENSE:
        return None
    return account if number in _list_numbers(account) else None


def _list_numbers(account: Account) -> list[bytes]:
    passkeys = Authenticator.objects.filter(user=account, type=Authenticator.Type.WEBAUTHN)
    return [passkey.wrap().authenticator_data.credential_data.credential_id for passkey in passkeys]


class SecondFactorForm(_UsedPasskey, AuthenticateWebAuthnForm):  # type: ignore[misc]
    """After the password."""

    verb = "gave a wrong second factor"


class ConfirmPasskeyForm(_UsedPasskey, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """For who is signed in, before something that changes how they sign in."""

    verb = "failed to confirm with a passkey"


class PasskeySignInForm(_UsedPasskey, LoginWebAuthnForm):  # type: ignore[misc]
    """In place of user name and password."""

    verb = "failed to sign in with a passkey"


def say_refusal(form: forms.Form) -> str:
    """The first sentence of a refused form."""
    return next((str(said) for errors in form.errors.values() for said in errors), gettext("Try again."))
