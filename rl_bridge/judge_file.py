"""`judge`: scores the traces of a JSONL file with a process reward model, into another JSONL file.

One object a line. In: `prompt` (text or messages) and `steps` (whose concatenation is the completion), and anything
else. Out: the same object with `scores`, one probability a step, and `judge`, the PRM's name and revision.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rl_bridge.errors import BridgeError
from rl_bridge.layout import TraceTooLong
from rl_bridge.prm import Prm, TraceToScore, load_prm, score_traces

_TRACES_A_CHUNK = 256


class BadTraceLine(BridgeError):
    """A line is no JSON object with a prompt and steps."""


def judge_file(*, prm_folder: Path, source: Path, target: Path) -> int:
    """Score every trace of `source` into `target` and return how many there were.

    All lines are checked before the PRM is loaded, and `target` appears only when all are scored. Raises
    `BadTraceLine`, `NotAPrm`, and `TraceTooLong` naming the line.
    """
    rows = read_traces(source)
    opened = load_prm(prm_folder)
    judge = f"{opened.config.backbone}@{opened.revision[:12]}"
    unfinished = target.with_name(f".{target.name}.unfinished")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with unfinished.open("w", encoding="utf-8") as output:
            for row, scores in _score(opened, rows, source):
                output.write(json.dumps({**row, "scores": scores, "judge": judge}, ensure_ascii=False) + "\n")
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return len(rows)


def read_traces(source: Path) -> list[dict[str, Any]]:
    """Read and check the lines of `source`. Raises `BadTraceLine` naming the line."""
    if not source.is_file():
        raise BadTraceLine(f"There is no file {source}.")
    rows: list[dict[str, Any]] = []
    with source.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                rows.append(_read_line(line, f"{source}, line {number}"))
    return rows


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
    if not isinstance(row, dict) or not _is_prompt(row.get("prompt")):
        raise BadTraceLine(f"{place} has no `prompt` that is text or a list of messages.")
    steps = row.get("steps")
    if not isinstance(steps, list) or not steps or not all(isinstance(step, str) and step for step in steps):
        raise BadTraceLine(f"{place} has no `steps`: a list of texts, none of them empty.")
    return row


def _is_prompt(prompt: object) -> bool:
    if isinstance(prompt, list):
        return bool(prompt) and all(
            isinstance(message, dict)
            and all(isinstance(message.get(key), str) for key in ("role", "content"))
            for message in prompt
        )
    return isinstance(prompt, str)


def _score(
    opened: Prm, rows: list[dict[str, Any]], source: Path
) -> Iterator[tuple[dict[str, Any], list[float]]]:
    for start in range(0, len(rows), _TRACES_A_CHUNK):
        chunk = rows[start : start + _TRACES_A_CHUNK]
        traces = [TraceToScore(prompt=row["prompt"], steps=tuple(row["steps"])) for row in chunk]
        for offset, trace in enumerate(traces, start=start + 1):
            try:
                opened.encoder.encode(trace.prompt, trace.steps)
            except TraceTooLong as error:
                raise TraceTooLong(f"{source}, trace {offset}: {error}") from error
        yield from zip(chunk, score_traces(opened, traces), strict=True)
