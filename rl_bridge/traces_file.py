"""Reads traces from JSON Lines: `prompt` (or `problem`) and `steps`, whose concatenation is the completion.

Loads no torch: a wrong line is said before a model is opened.
"""

import json
from pathlib import Path
from typing import Any

from rl_bridge.errors import BridgeError


class BadTraceLine(BridgeError):
    """A line is no JSON object with a prompt and steps."""


def read_lines(source: Path) -> list[tuple[dict[str, Any], str]]:
    """Each line's object, with the words that name its place. Raises `BadTraceLine` naming the line."""
    if not source.is_file():
        raise BadTraceLine(f"There is no file {source}.")
    rows: list[tuple[dict[str, Any], str]] = []
    with source.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                place = f"{source}, line {number}"
                rows.append((_read_line(line, place), place))
    return rows


def check_trace(row: object, place: str) -> dict[str, Any]:
    """`row` itself where it is a trace. Raises `BadTraceLine`, beginning with `place`."""
    if isinstance(row, dict) and "prompt" not in row and isinstance(row.get("problem"), str):
        row = {**row, "prompt": row["problem"]}  # ProcessBench's word
    if not isinstance(row, dict) or not _is_prompt(row.get("prompt")):
        raise BadTraceLine(f"{place} has no `prompt` that is text or a list of messages.")
    steps = row.get("steps")
    if not isinstance(steps, list) or not steps or not all(isinstance(step, str) and step for step in steps):
        raise BadTraceLine(f"{place} has no `steps`: a list of texts, none of them empty.")
    return row


def _read_line(line: bytes, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8-sig"))
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise BadTraceLine(f"{place} holds half a surrogate pair, which is no character.") from error
    except UnicodeDecodeError as error:
        raise BadTraceLine(f"{place} is not UTF-8 text.") from error
    except (ValueError, RecursionError) as error:
        raise BadTraceLine(f"{place} is not JSON.") from error
    return check_trace(row, place)


def _is_prompt(prompt: object) -> bool:
    if isinstance(prompt, list):
        return bool(prompt) and all(
            isinstance(message, dict)
            and all(isinstance(message.get(key), str) for key in ("role", "content"))
            for message in prompt
        )
    return isinstance(prompt, str)
