"""Refusals that DRF has no exception for."""

from __future__ import annotations

from rest_framework import status
from rest_framework.exceptions import APIException


class Conflict(APIException):
    """What is asked for can't be done as things stand now."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "This can't be done as things stand now."
    default_code = "conflict"


class TooLarge(APIException):
    """The body is over the limit."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The request is too large."
    default_code = "too_large"
