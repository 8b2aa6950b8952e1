"""What a server says, read: its answers, and its reasons for not giving one.

vLLM, Text Generation Inference and llama.cpp's server speak the same protocol, each with an accent.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from annotation.generation.backend import Completion

_FINISHED = {"stop": "stop", "eos_token": "stop", "stop_sequence": "stop", "eos": "stop", "length": "length"}
_LONGEST_REASON = 300
_IMPOSSIBLE = -9999.0  # what servers write for a probability of 0: vLLM this, llama.cpp the lowest float


class Unreadable(Exception):
    """The server's answer does not fit the protocol; the message says in which way."""


def read_completion(content: bytes) -> tuple[Completion, str]:
    """The first choice of an answer, and what the server calls itself. Raises Unreadable.

    Thinking that a server cut out of the text (`reasoning_content`) is put back in front of it, in the tags that it
    was written in: it is what raters and judges look at. Where it was cut off before it came to an end, it stays open.
    """
    answer = _read_object(content)
    try:
        choice = answer["choices"][0]
        message = choice["message"]
        text = message.get("content") or ""
        thinking = message.get("reasoning_content") or message.get("reasoning") or ""
    except (LookupError, TypeError, AttributeError) as error:
        raise Unreadable("its answer holds no message") from error
    if not isinstance(text, str) or not isinstance(thinking, str):
        raise Unreadable("its message is not text")
    logprobs = _read_logprobs(choice.get("logprobs"))
    usage = answer["usage"] if isinstance(answer.get("usage"), dict) else {}
    finish_reason = str(choice.get("finish_reason") or "")
    finish_reason = _FINISHED.get(finish_reason, finish_reason[:20])
    if thinking:
        is_cut_off = finish_reason == "length" and not text.strip()
        text = f"<think>{thinking}" if is_cut_off else f"<think>{thinking}</think>{text}"
    completion = Completion(
        text=text,
        num_prompt_tokens=_read_count(usage.get("prompt_tokens")),
        num_tokens=_read_count(usage.get("completion_tokens")) or (len(logprobs) or None),
        finish_reason=finish_reason,
        mean_logprob=sum(logprobs) / len(logprobs) if logprobs else None,
    )
    return completion, str(answer.get("system_fingerprint") or "")[:80]


def read_reason(content: bytes) -> str:
    """What an error's body says, whoever says it: one line, without control characters."""
    try:
        body: Any = json.loads(content)
    except (ValueError, RecursionError):
        return _shorten(content.decode("utf-8", "replace"))
    for key in ("error", "detail", "message"):
        if isinstance(body, dict) and key in body:
            body = body[key]
    if isinstance(body, dict) and "message" in body:
        body = body["message"]
    return _shorten(body if isinstance(body, str) else json.dumps(body))


def read_retry_after(headers: Mapping[str, str], *, now: dt.datetime) -> float | None:
    """Seconds to wait as the header says, in seconds or as a date; None where it makes no sense."""
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            when = parsedate_to_datetime(text)
        except ValueError:
            return None
        seconds = (when if when.tzinfo else when.replace(tzinfo=dt.UTC)).timestamp() - now.timestamp()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _read_object(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unreadable("its answer is not JSON") from error
    if not isinstance(answer, dict):
        raise Unreadable("its answer is not a JSON object")
    return answer


def _read_logprobs(told: Any) -> list[float]:
    """The log-probability of each token, where the server tells them: in OpenAI's layout, or in its older one."""
    if not isinstance(told, dict):
        return []
    entries = told.get("content")
    if isinstance(entries, list):
        numbers = [entry.get("logprob") if isinstance(entry, dict) else None for entry in entries]
    else:
        numbers = told.get("token_logprobs") or []
    told_numbers = [float(number) for number in numbers if isinstance(number, int | float)]
    return [number for number in told_numbers if math.isfinite(number) and number > _IMPOSSIBLE]


def _read_count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def _shorten(text: str) -> str:
    plain = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return plain if len(plain) <= _LONGEST_REASON else plain[: _LONGEST_REASON - 1] + "…"
