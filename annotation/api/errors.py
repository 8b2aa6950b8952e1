"""Every refusal has one shape: problem details for HTTP (RFC 9457), as application/problem+json."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from annotation.api.refusals import TooLarge
from annotation.importing.rows import clean_text

CONTENT_TYPE = "application/problem+json"
_BY_DJANGO = re.compile(r"No (\w+) matches the given query\.")
_WORD_ENDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


class ProblemSerializer(serializers.Serializer[dict[str, Any]]):
    """The body of a refusal, for the schema."""

    type = serializers.CharField(
        help_text='Always "about:blank": the status says what kind of problem it is.'
    )
    title = serializers.CharField(help_text="The status in words.")
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What went wrong, in one sentence.")
    errors = serializers.DictField(  # type: ignore[assignment]  # the schema's field shadows Serializer.errors
        help_text="For each wrong field, what is wrong with it; empty where no field is."
    )


def render_problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None, hence the server's own 500, for what nobody foresaw."""
    if isinstance(error, RequestDataTooBig):
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024**2
        error = TooLarge(f"A request may have {limit} MiB; send the rest in another one.")
    elif isinstance(error, RecursionError):
        error = ParseError("The JSON is nested too deeply to be read.")
    response = exception_handler(error, context)
    if response is None:
        return None
    detail, errors = _split(response.data)
    if unfound := _BY_DJANGO.fullmatch(detail):
        noun = _WORD_ENDS.sub(" ", unfound[1]).lower()
        detail = f"There is no such {noun}, or it reaches beyond the projects that you or your token may see."
    response.data = describe_problem(response.status_code, detail, errors)
    response.content_type = CONTENT_TYPE
    return response


def describe_problem(status: int, detail: str, errors: dict[str, Any] | None = None) -> dict[str, Any]:
    """The body of a refusal. What it repeats of the request can hold halves of characters, which no answer can."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": clean_text(detail),
        "errors": _clean(errors or {}),
    }


def _clean(said: Any) -> Any:
    if isinstance(said, dict):
        return {clean_text(str(name)): _clean(inner) for name, inner in said.items()}
    if isinstance(said, list | tuple):
        return [_clean(inner) for inner in said]
    return clean_text(said) if isinstance(said, str) else said


def _split(data: Any) -> tuple[str, dict[str, Any]]:
    """(sentence, errors by field) of what DRF made of an exception."""
    if isinstance(data, dict) and isinstance(data.get("detail"), ErrorDetail):
        return str(data["detail"]), {}
    if isinstance(data, dict):
        return "Some fields are wrong; `errors` says which and why.", data
    return " ".join(str(sentence) for sentence in data), {}
