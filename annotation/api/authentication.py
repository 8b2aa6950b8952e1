"""`Authorization: Bearer gradus_…`: a program that acts as the person who made the token."""

from __future__ import annotations

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from annotation.actions import tokens
from annotation.models import Account, ApiToken
from annotation.queries.tokens import find_working_token

_KEYWORD = b"bearer"


class ApiTokenAuthentication(BaseAuthentication):
    """A token may do what its person may, as far as its scopes and its project reach (annotation/api/scopes.py).

    One answer for every token that does not work (unknown, expired, revoked, account switched off): whoever tries
    secrets learns nothing from it.
    """

    def authenticate(self, request: Request) -> tuple[Account, ApiToken] | None:
        """None where there is no such header, so that a browser's session is tried next."""
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != _KEYWORD:
            return None
        if len(words) != 2:
            raise AuthenticationFailed("Write the header as: Authorization: Bearer <token>.")
        now = timezone.now()
        token = find_working_token(words[1].decode("latin-1"), now=now)
        if token is None:
            raise AuthenticationFailed("This token does not work: it is unknown, expired or revoked.")
        tokens.note_token_use(token=token, now=now)
        return token.account, token

    def authenticate_header(self, request: Request) -> str:
        """With it, DRF answers 401 and not 403 where nobody is signed in."""
        return 'Bearer realm="Gradus"'
