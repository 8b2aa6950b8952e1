"""Why a data set can't be read, as one sentence for the person who named it.

`datasets` and the hub's client write for programmers: they name classes and variables, and what could be chosen stands
in their second line, if at all.
"""

from __future__ import annotations

import re

from datasets.exceptions import DatasetsError
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

from annotation.importing.hub_repositories import READ_TOKEN

# The ancestor that the hub's errors share with what the HTTP library raises where there is no connection.
_HTTP_ERROR: type[Exception] = HfHubHTTPError.__mro__[1]
_UNREACHABLE = (OfflineModeIsEnabled, LocalEntryNotFoundError)
EXPECTED: tuple[type[Exception], ...] = (
    DatasetsError,
    _HTTP_ERROR,
    OSError,
    ValueError,
    KeyError,
    TypeError,
    RuntimeError,
)
"""What reading a data set raises, the connection's errors among it."""

_CHOICES = re.compile(r"available(?: config| split)?s?: (\[[^\]]*\])", re.IGNORECASE)
_LONGEST_LIST = 400


def explain_fault(error: Exception, *, name: str, config: str, split: str) -> str:
    """One sentence, with what can be chosen instead where `datasets` says it."""
    said, shown = str(error), f"“{name[:120]}”"
    if isinstance(error, _UNREACHABLE):
        return _say_unreachable(shown)
    if isinstance(error, _HTTP_ERROR):
        return _explain_answer(error, shown)
    if choices := _find_choices(said):
        if "split" in said:
            return f"The data set {shown} has no split “{split[:80]}”; it has {choices}."
        if config:
            return f"The data set {shown} has no configuration “{config[:80]}”; it has {choices}."
        return f"The data set {shown} has several configurations; name one of them: {choices}."
    reason = (said.strip().splitlines() or [type(error).__name__])[0][:300]
    return f"The data set {shown} can't be read: {reason}"


def _explain_answer(error: Exception, shown: str) -> str:
    """Of the hub itself, or of what stands between; without an answer there was no connection."""
    if isinstance(error, GatedRepoError):
        return (
            f"The hub gives {shown} only to those who asked for it; {READ_TOKEN} has to be the token of one."
        )
    if isinstance(error, RepositoryNotFoundError):
        return f"The hub has no data set {shown}, or none that may be read without a token ({READ_TOKEN})."
    if isinstance(error, HfHubHTTPError):
        return f"The hub did not give out {shown}: it answered {error.response.status_code}."
    return _say_unreachable(shown)


def _say_unreachable(shown: str) -> str:
    return (
        f"The Hugging Face hub can't be reached from this server: bring {shown} as a file, or from a folder on the "
        "server."
    )


def _find_choices(said: str) -> str:
    found = _CHOICES.search(said)
    names = re.findall(r"'([^']*)'", found.group(1)) if found else []
    choices = ", ".join(names)
    return choices if len(choices) <= _LONGEST_LIST else f"{choices[:_LONGEST_LIST].rpartition(',')[0]} …"
