"""`judge`: scores the traces of a JSONL file with a process reward model, into another JSONL file.

One object a line. In: `prompt` (text or messages) and `steps` (whose concatenation is the completion), and anything
else. Out: the same object with `scores`, one probability a step, and `judge`, the PRM's name and revision. A
trace that is too long for the PRM has null for `scores`, and a `reason`; hours of judging are not lost for it.
"""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from rl_bridge.layout import TraceTooLong
from rl_bridge.prm import Prm, TraceToScore, load_prm, score_traces
from rl_bridge.traces_file import read_lines

_TRACES_A_CHUNK = 256


@dataclasses.dataclass(frozen=True, slots=True)
class JudgedFile:
    """How many traces a file has, and how many of them the PRM could not read."""

    num_traces: int
    num_unread: int


def judge_file(*, prm_folder: Path, source: Path, target: Path) -> JudgedFile:
    """Score every trace of `source` into `target`.

    All lines are checked before the PRM is loaded, and `target` appears only when all are scored. A bar on a terminal
    says how far it is (none where the errors go elsewhere). Raises `BadTraceLine` and `NotAPrm`.
    """
    rows = [row for row, _ in read_lines(source)]
    opened = load_prm(prm_folder)
    judge = f"{opened.config.backbone}@{opened.revision[:12]}"
    unfinished = target.with_name(f".{target.name}.unfinished")
    target.parent.mkdir(parents=True, exist_ok=True)
    num_unread = 0
    try:
        with (
            unfinished.open("w", encoding="utf-8") as output,
            tqdm(total=len(rows), desc="judged", unit=" traces", disable=None) as bar,
        ):
            for row, said in _score(opened, rows):
                output.write(json.dumps({**row, **said, "judge": judge}, ensure_ascii=False) + "\n")
                num_unread += said["scores"] is None
                bar.update()
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return JudgedFile(num_traces=len(rows), num_unread=num_unread)


def _score(opened: Prm, rows: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each row with what is said of it: `scores`, and where those are null a `reason`."""
    for start in range(0, len(rows), _TRACES_A_CHUNK):
        chunk = rows[start : start + _TRACES_A_CHUNK]
        traces = [TraceToScore(prompt=row["prompt"], steps=tuple(row["steps"])) for row in chunk]
        reasons = [_find_reason(opened, trace) for trace in traces]
        fitting = [trace for trace, reason in zip(traces, reasons, strict=True) if reason is None]
        scores = iter(score_traces(opened, fitting))
        for row, reason in zip(chunk, reasons, strict=True):
            if "scores" in row:
                row.pop("reason", None)  # of a judge before this one
            yield row, {"scores": next(scores)} if reason is None else {"scores": None, "reason": reason}


def _find_reason(opened: Prm, trace: TraceToScore) -> str | None:
    """Why the PRM can't read a trace; None where it can."""
    try:
        opened.encoder.encode(trace.prompt, trace.steps)
    except TraceTooLong as error:
        return str(error)
    return None
