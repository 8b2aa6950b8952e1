"""`judge`: scores the traces of a JSONL file with a process reward model, into another JSONL file.

One object a line. In: `prompt` (text or messages) and `steps` (whose concatenation is the completion), and anything
else. Out: the same object with `scores`, one probability a step, and `judge`, the PRM's name and revision.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from rl_bridge.layout import TraceTooLong
from rl_bridge.prm import Prm, TraceToScore, load_prm, score_traces
from rl_bridge.traces_file import read_lines

_TRACES_A_CHUNK = 256


def judge_file(*, prm_folder: Path, source: Path, target: Path) -> int:
    """Score every trace of `source` into `target` and return how many there were.

    All lines are checked before the PRM is loaded, and `target` appears only when all are scored. A bar on a terminal
    says how far it is (none where the errors go elsewhere). Raises
    `BadTraceLine`, `NotAPrm`, and `TraceTooLong` naming the line.
    """
    rows = [row for row, _ in read_lines(source)]
    opened = load_prm(prm_folder)
    judge = f"{opened.config.backbone}@{opened.revision[:12]}"
    unfinished = target.with_name(f".{target.name}.unfinished")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            unfinished.open("w", encoding="utf-8") as output,
            tqdm(total=len(rows), desc="judged", unit=" traces", disable=None) as bar,
        ):
            for row, scores in _score(opened, rows, source):
                output.write(json.dumps({**row, "scores": scores, "judge": judge}, ensure_ascii=False) + "\n")
                bar.update()
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return len(rows)


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
