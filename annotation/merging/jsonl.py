"""A merge's rows as JSON lines: what the command line reads and writes.

`traces.jsonl`: trace_id, prompt_id, n_steps, final_answer_correct (true, false, null), gold, and for gold rows right
(0 or 1 a step). `ratings.jsonl`: trace_id, step (from 0), rater, label (-1, 0, 1, null), assisted. `judges.jsonl`:
trace_id, step, judge, p (in [0, 1], null). `comparisons.jsonl`: prompt_id, trace_a, trace_b, rater, choice (a, b, tie,
both_bad). The last three may be absent. Ids are strings or whole numbers and come back as they went in; other whole
numbers may be written 1.0, as pandas does beside nulls.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast, get_args

from annotation.merging.data import (
    Choice,
    ComparisonRow,
    JudgeRow,
    MergedPreference,
    MergedTrace,
    MergeInput,
    RatingRow,
    TraceRow,
)

Id = str | int

INPUTS = ("traces.jsonl", "ratings.jsonl", "judges.jsonl", "comparisons.jsonl")

MAX_STEPS = 1_000_000
"""More steps than this in one trace are a slip, not a trace."""


class JsonLinesError(ValueError):
    """A file cannot be read as the rows it should hold; the message names file and line."""


class _NoNumber(ValueError):
    """NaN or an infinity, which some writers of JSON let through."""


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder of JSON lines holds, and each id as it was written there."""

    data: MergeInput
    trace_ids: dict[str, Id]
    prompt_ids: dict[str, Id]


# Not frozen: a million of these are made, and freezing would take a third of the reading time.
@dataclass(slots=True)
class _Line:
    file: str
    number: int
    row: dict[str, Any]

    def error(self, why: str) -> JsonLinesError:
        return JsonLinesError(f"{self.file} line {self.number}: {why}")


def read_folder(folder: Path) -> Folder:
    """Read and check all rows of a folder. Raises JsonLinesError with one sentence for the first that is wrong."""
    if not (folder / "traces.jsonl").is_file():
        raise JsonLinesError(f"{folder} holds no traces.jsonl")
    traces: dict[Id, TraceRow] = {}
    prompt_ids: dict[str, Id] = {}
    trace_ids: dict[str, Id] = {}
    for line in _read_lines(folder / "traces.jsonl"):
        row = _read_trace(line)
        if trace_ids.setdefault(row.trace_id, line.row["trace_id"]) in traces:
            raise line.error(f"trace {row.trace_id!r} appears twice")
        traces[line.row["trace_id"]] = row
        if prompt_ids.setdefault(row.prompt_id, line.row["prompt_id"]) != line.row["prompt_id"]:
            raise line.error(f"prompt {row.prompt_id!r} is written both as text and as a number")
    ratings = _read_ratings(folder / "ratings.jsonl", traces)
    judges = _read_judges(folder / "judges.jsonl", traces)
    comparisons = [_read_comparison(line, traces) for line in _read_lines(folder / "comparisons.jsonl")]
    return Folder(MergeInput(list(traces.values()), ratings, judges, comparisons), trace_ids, prompt_ids)


def format_trace(merged: MergedTrace, folder: Folder) -> str:
    """One line of the output, without its end."""
    return json.dumps(
        {
            "trace_id": folder.trace_ids[merged.trace_id],
            "p_correct": merged.posterior,
            "p_trace": merged.p_trace,
            "first_error": merged.first_error,
            "provenance": merged.provenance,
        }
    )


def format_preference(pair: MergedPreference, folder: Folder) -> str:
    """One line of the preferences, without its end."""
    return json.dumps(
        {
            "prompt_id": folder.prompt_ids[pair.prompt_id],
            "chosen": folder.trace_ids[pair.chosen],
            "rejected": folder.trace_ids[pair.rejected],
            "p": pair.p,
            "margin": pair.margin,
        }
    )


def _read_lines(path: Path) -> Iterator[_Line]:
    """The JSON objects of a file, blank lines left out; nothing when there is no file."""
    if not path.exists():
        return
    name = path.name
    decode = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                try:
                    text = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                    if not text:
                        continue
                    row, end = decode(text)
                except UnicodeDecodeError:
                    raise JsonLinesError(f"{name} line {number}: this is not UTF-8 text") from None
                except _NoNumber as error:
                    raise JsonLinesError(f"{name} line {number}: {error}") from None
                except (ValueError, RecursionError):
                    raise JsonLinesError(f"{name} line {number}: this is not valid JSON") from None
                if end != len(text):
                    raise JsonLinesError(f"{name} line {number}: there is more than one JSON value")
                if not isinstance(row, dict):
                    raise JsonLinesError(f"{name} line {number}: this is not a JSON object")
                yield _Line(name, number, row)
    except OSError as error:
        raise JsonLinesError(f"{path.name} cannot be read: {error.strerror}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise _NoNumber(f"{name} is no number; null says that there is none")


def _get_id(line: _Line, key: str) -> str:
    value = line.row.get(key)
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise line.error(f"{key} must be text or a whole number, not {_show(value)}")


def _get_flag(line: _Line, key: str) -> bool:
    value = line.row.get(key, False)
    if value in (0, 1, None):
        return bool(value)
    raise line.error(f"{key} must be true or false, not {_show(value)}")


def _read_trace(line: _Line) -> TraceRow:
    num_steps = line.row.get("n_steps")
    if type(num_steps) is float and num_steps.is_integer():
        num_steps = int(num_steps)
    if type(num_steps) is not int or not 1 <= num_steps <= MAX_STEPS:
        raise line.error(f"n_steps must be a whole number from 1 to {MAX_STEPS}, not {_show(num_steps)}")
    verdict = line.row.get("final_answer_correct")
    if verdict not in (0, 1, None):
        raise line.error(f"final_answer_correct must be true, false or null, not {_show(verdict)}")
    gold: tuple[int, ...] | None = None
    if _get_flag(line, "gold"):
        right = line.row.get("right")
        if (
            not isinstance(right, list)
            or len(right) != num_steps
            or any(value not in (0, 1) for value in right)
        ):
            raise line.error(f"a gold trace needs right: a list of {num_steps} times 0 or 1")
        gold = tuple(int(value) for value in right)
    return TraceRow(
        trace_id=_get_id(line, "trace_id"),
        prompt_id=_get_id(line, "prompt_id"),
        num_steps=num_steps,
        final_answer_correct=None if verdict is None else bool(verdict),
        gold=gold,
    )


def _find_trace(line: _Line, traces: dict[Id, TraceRow], key: str = "trace_id") -> TraceRow:
    value = line.row.get(key)
    try:
        return traces[cast(Id, value)]
    except (KeyError, TypeError):
        raise line.error(f"{key} {_show(value)} is not in traces.jsonl") from None


def _find_place(line: _Line, trace: TraceRow, values: list[Any]) -> int:
    """The step of a rating or a score, checked to be a step of its trace that is still free in `values`."""
    step = line.row.get("step")
    if type(step) is float and step.is_integer():
        step = int(step)
    if type(step) is not int or not 0 <= step < trace.num_steps:
        raise line.error(
            f"step {_show(step)} is not a step of trace {trace.trace_id!r}, which has {trace.num_steps}"
        )
    if values[step] is not None:
        raise line.error(
            f"step {step} of trace {trace.trace_id!r} has already been judged by the same source"
        )
    return step


def _read_ratings(path: Path, traces: dict[Id, TraceRow]) -> list[RatingRow]:
    given: dict[tuple[str, str], list[int | None]] = {}
    assisted: set[tuple[str, str]] = set()
    for line in _read_lines(path):
        trace = _find_trace(line, traces)
        key = (trace.trace_id, _get_id(line, "rater"))
        labels = given.get(key)
        if labels is None:
            labels = given[key] = [None] * trace.num_steps
        step, label = _find_place(line, trace, labels), line.row.get("label", "missing")
        if type(label) is float and label.is_integer():
            label = int(label)  # a column with nulls, as pandas writes it
        if label is not None and (type(label) is not int or label not in (-1, 0, 1)):
            raise line.error(f"label must be -1, 0, 1 or null, not {_show(label)}")
        labels[step] = label
        if line.row.get("assisted") and _get_flag(line, "assisted"):
            assisted.add(key)
    return [RatingRow(key[0], key[1], tuple(labels), key in assisted) for key, labels in given.items()]


def _read_judges(path: Path, traces: dict[Id, TraceRow]) -> list[JudgeRow]:
    given: dict[tuple[str, str], list[float | None]] = {}
    for line in _read_lines(path):
        trace = _find_trace(line, traces)
        key = (trace.trace_id, _get_id(line, "judge"))
        scores = given.get(key)
        if scores is None:
            scores = given[key] = [None] * trace.num_steps
        step, p = _find_place(line, trace, scores), line.row.get("p", "missing")
        if p is not None and (type(p) not in (float, int) or not 0.0 <= p <= 1.0):
            raise line.error(f"p must be a number from 0 to 1 or null, not {_show(p)}")
        scores[step] = p
    return [JudgeRow(key[0], key[1], tuple(scores)) for key, scores in given.items()]


def _read_comparison(line: _Line, traces: dict[Id, TraceRow]) -> ComparisonRow:
    prompt_id = _get_id(line, "prompt_id")
    a, b = _find_trace(line, traces, "trace_a"), _find_trace(line, traces, "trace_b")
    choice: Choice | None = line.row.get("choice")
    if choice is None or choice not in get_args(Choice):
        raise line.error(f"choice must be a, b, tie or both_bad, not {_show(choice)}")
    if a.trace_id == b.trace_id:
        raise line.error(f"trace {a.trace_id!r} is compared with itself")
    for trace in (a, b):
        if trace.prompt_id != prompt_id:
            raise line.error(
                f"trace {trace.trace_id!r} answers prompt {trace.prompt_id!r}, not {prompt_id!r}"
            )
    return ComparisonRow(prompt_id, a.trace_id, b.trace_id, _get_id(line, "rater"), choice)


def _show(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
