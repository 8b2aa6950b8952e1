"""How signing in by django-allauth goes in this product. Named in config/signing_in.py."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from annotation.actions import sign_ins
from annotation.models import Account
from annotation.views.visitors import find_address_by_short_chain

# What allauth would send an e-mail about is what the audit log keeps.
_FACTOR_EVENTS = {
    "mfa/email/totp_activated": "turned on a second factor",
    "mfa/email/totp_deactivated": "turned off a second factor",
    "mfa/email/webauthn_added": "added a passkey",
    "mfa/email/webauthn_removed": "removed a passkey",
    "mfa/email/recovery_codes_generated": "made recovery codes",
    "socialaccount/email/account_connected": "connected single sign-on",
}


class AccountRules(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Nobody signs up by themselves; sign-ins and failures are recorded; five failures close an account for a while."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": gettext_lazy(
            "Too many attempts failed. Wait five minutes, then try again; the right password does not help before."
        ),
        "incorrect_password": gettext_lazy("That is not your password."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """allauth refuses a chain of proxies that is too short with an error. Raises PermissionDenied."""
        return find_address_by_short_chain(request) or str(super().get_client_ip(request))

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        sign_ins.record_failure(username=str(credentials.get("username", "")), now=timezone.now())

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """allauth's own has the host in it, whose port and case whoever asks may choose anew for each attempt."""
        return str(credentials.get("username", "")).lower()

    def post_login(self, request: HttpRequest, user: Account, **details: Any) -> HttpResponse:
        sign_ins.record_sign_in(account=user, now=timezone.now())
        answer: HttpResponse = super().post_login(request, user, **details)
        note_session(request, user)
        return answer

    def respond_user_inactive(self, request: HttpRequest, user: Account) -> HttpResponse:
        """Whoever was switched off between two steps of signing in."""
        return redirect("annotation:sign_in")

    def reauthenticate(self, user: Account, password: str) -> bool:
        is_right = bool(super().reauthenticate(user, password))
        if not is_right:
            sign_ins.record_wrong_answer(
                account=user, verb="failed to confirm with a password", now=timezone.now()
            )
        return is_right

    def add_message(self, *args: Any, **options: Any) -> None:
        """None of allauth's: the page that follows shows what happened."""

    def send_notification_mail(self, template_prefix: str, user: Account, *args: Any, **options: Any) -> None:
        if template_prefix in _FACTOR_EVENTS:
            sign_ins.record_factor(account=user, verb=_FACTOR_EVENTS[template_prefix], now=timezone.now())

    def get_reauthentication_methods(self, user: Account) -> list[dict[str, Any]]:
        """In our words, which are translated. Raises PermissionDenied for who signs in elsewhere and has none here."""
        words = {
            "account_reauthenticate": gettext("Use your password"),
            "mfa_reauthenticate": gettext("Use a code"),
            "mfa_reauthenticate_webauthn": gettext("Use a passkey"),
        }
        named = {reverse(name): said for name, said in words.items()}
        methods = super().get_reauthentication_methods(user)
        if not methods:
            raise PermissionDenied(
                gettext(
                    "You have no password here, so nothing can tell that it is you. Whoever runs this server can make "
                    "you a link to choose one."
                )
            )
        return [
            {**method, "description": named.get(method["url"], method["description"])} for method in methods
        ]


def note_session(request: HttpRequest, account: Account) -> None:
    """Puts the request's session on the person's list of those they are signed in with."""
    if not request.session.session_key:
        request.session.save()
    sign_ins.note_session(
        account=account,
        key=str(request.session.session_key),
        ip=get_adapter().get_client_ip(request),
        user_agent=request.headers.get("User-Agent", ""),
        now=timezone.now(),
    )


@receiver(authentication_failed)
def record_wrong_code(sender: object, user: Account, reauthentication: bool, **_: Any) -> None:
    verb = "failed to confirm with a code" if reauthentication else "gave a wrong second factor"
    sign_ins.record_wrong_answer(account=user, verb=verb, now=timezone.now())


class SecondFactorRules(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """The secrets of authenticator apps and recovery codes lie encrypted: a copy of the database opens no account."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": gettext_lazy(
            "That is not the code of this moment. Wait for the next one and type that."
        ),
    }

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Whom a passkey is for: the host name that the browser shows, behind a proxy too, since it hands it on."""
        return {**super().get_public_key_credential_rp_entity(), "name": settings.MFA_TOTP_ISSUER}

    def get_public_key_credential_user_entity(self, user: Account) -> dict[str, Any]:
        """What the device shows where it holds passkeys of several accounts: the user name, never an e-mail address."""
        return {**super().get_public_key_credential_user_entity(user), "name": user.username}

    def generate_authenticator_name(self, user: Account, type: str) -> str:
        num = Authenticator.objects.filter(user=user, type=type).count()
        return gettext("Passkey %(number)d") % {"number": num + 1}

    def encrypt(self, text: str) -> str:
        return _make_cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _make_cipher().decrypt(encrypted_text.encode()).decode()


def _make_cipher() -> Fernet:
    """Under a key that only the installation's secret key gives."""
    key = hashlib.sha256(b"gradus second factors" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
