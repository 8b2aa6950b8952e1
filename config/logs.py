"""Logs: every line says of which request or task it is; as JSON where GRADUS_LOG_FORMAT asks for it.

A request's id comes from a proxy's `X-Request-ID`, or is made here, and goes back in the answer; the tasks that a
request queues log it too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextvars import ContextVar
from importlib import import_module
from typing import Any
from uuid import uuid4

from celery import current_task
from django.http import HttpRequest, HttpResponseBase

HEADER = "X-Request-ID"
_IS_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)  # whatever else somebody sends would stand in the log
_SLASH = "(?:/|%(?:25)*2F)"  # inside `next=` it is encoded, within an encoded address twice
_SECRET_LINK = re.compile(
    rf"({_SLASH}(?:join|start|new-password|e-mail{_SLASH}confirm){_SLASH})[^\s?#&\"']+", re.IGNORECASE
)
JSON_FIELDS = "{asctime} {levelname} {name} {message} {request_id} {task_id}"
JSON_NAMES = {"asctime": "at", "levelname": "level", "name": "logger"}
request_id: ContextVar[str] = ContextVar("request_id", default="")


class AddIds(logging.Filter):
    """Puts `request_id` and `task_id` on every record; empty outside of one."""

    def filter(self, record: logging.LogRecord) -> bool:
        task = current_task.request if current_task else None
        ids = {"request": request_id.get(), "task": (task.id if task else "") or ""}
        record.request_id, record.task_id = ids["request"], ids["task"]
        record.ids = "".join(f" [{name} {said}]" for name, said in ids.items() if said)
        return True


class HideSecrets(logging.Filter):
    """Takes the secret out of an address that is one: Django logs the addresses of requests that it refuses."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, str):
            record.msg = hide_secrets(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(hide_secrets(said) if isinstance(said, str) else said for said in record.args)
        return True


def hide_secrets(text: str) -> str:
    """The text with the links of invitations, first starts, new passwords and e-mail addresses cut after their view."""
    return _SECRET_LINK.sub(r"\1…", text)


class RequestIdMiddleware:
    """The first of all: what the others log has the id already."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        sent = request.headers.get(HEADER, "")
        said = sent if _IS_ID.fullmatch(sent) else uuid4().hex
        token = request_id.set(said)
        try:
            answer = self.get_response(request)
        finally:
            request_id.reset(token)
        answer.headers[HEADER] = said
        return answer


def report_errors(dsn: str) -> None:
    """Sends what nobody foresaw to Sentry, where an address is named: no person, no body, no value of a variable, which
    may be what a model wrote."""
    if not dsn:
        return
    import_module(
        "sentry_sdk"
    ).init(  # half the modules of a small web process: loaded only where it is wanted
        dsn=dsn,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        traces_sample_rate=0.0,
        before_send=lambda event, hint: hide_in_event(event),
    )


def hide_in_event(said: Any) -> Any:
    """What goes to Sentry, each text as `hide_secrets` leaves it: address, message, what was logged before."""
    if isinstance(said, str):
        return hide_secrets(said)
    if isinstance(said, dict):
        return {name: hide_in_event(inner) for name, inner in said.items()}
    return [hide_in_event(inner) for inner in said] if isinstance(said, list | tuple) else said


def describe_logging(level: str, form: str) -> dict[str, Any]:
    """Django's LOGGING: to standard error, as lines or, for `json`, as one JSON object a line."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"ids": {"()": "config.logs.AddIds"}, "secrets": {"()": "config.logs.HideSecrets"}},
        "formatters": {
            "line": {"format": "{asctime} {levelname} {name}{ids} {message}", "style": "{"},
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "format": JSON_FIELDS,
                "style": "{",
                "rename_fields": JSON_NAMES,
            },
        },
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "json" if form == "json" else "line",
                "filters": ["ids", "secrets"],
            }
        },
        "root": {"handlers": ["console"], "level": level},
    }
