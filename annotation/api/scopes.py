"""Holds API tokens to their scopes. A module of its own: DRF's settings import it before any view can be."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from annotation.models import ApiToken


class TokenReaches(BasePermission):
    """Holds a token to its scopes: a view names its noun in `scope`, and one that names none takes no token."""

    def has_permission(self, request: Request, view: Any) -> bool:
        token = request.auth
        is_known = hasattr(view, str(request.method).lower())  # else DRF answers 405
        if not isinstance(token, ApiToken) or not is_known:
            return True
        noun = getattr(view, "scope", None)
        is_write = request.method not in SAFE_METHODS
        if noun is not None and token.may(noun, write=is_write):
            return True
        needed = f"{noun}:{'write' if is_write else 'read'}"
        raise PermissionDenied(f"This token lacks the scope {needed}. Make one that has it.")
