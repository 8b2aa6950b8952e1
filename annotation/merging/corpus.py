"""Turns the rows of a merge into flat sorted arrays, and refuses rows that contradict each other.

Everything is sorted by id first, so no later sum depends on the order in which rows arrived; numbers written as text
sort as numbers, so that the same project with other ids in the same order sums alike. Steps of all traces lie one after
another: trace i owns steps `starts[i]` to `starts[i + 1]`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import cast

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from annotation.merging.chain import Floats, Ints
from annotation.merging.data import ComparisonRow, JudgeRow, MergeInput, MergeInputError, RatingRow, TraceRow

Bools = npt.NDArray[np.bool_]

LOWEST_SCORE = 0.02
"""A judge's probabilities are clipped to [.02, .98]: nobody is surer than that."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Single step labels, sorted by step, then rater: (N,) each. `column` is 0, 1, 2 for -1, 0, +1."""

    step: Ints
    rater: Ints
    column: Ints


@dataclass(frozen=True, slots=True)
class Corpus:
    """A merge's input as arrays: T traces, S steps, R raters, J judges.

    `gold` (S,) is nan outside gold traces, `verdicts` (T,) where no verifier ran; `log_odds` holds an (S,) array a
    judge, logit(clip(p, .02, .98)), nan where the judge did not score.
    """

    traces: tuple[TraceRow, ...]
    starts: Ints
    prompts: tuple[str, ...]
    prompt_of: Ints
    verdicts: Floats
    is_gold: Bools
    gold: Floats
    raters: tuple[str, ...]
    labels: Labels
    num_raters: Ints
    num_blind_raters: Ints
    judges: tuple[str, ...]
    log_odds: tuple[Floats, ...]
    comparisons: tuple[ComparisonRow, ...]

    @property
    def num_steps(self) -> int:
        """S, over all traces."""
        return int(self.starts[-1])

    @property
    def lengths(self) -> Ints:
        """Steps of each trace, (T,)."""
        return np.diff(self.starts)


def rank_id(name: str) -> tuple[int, str]:
    """What ids are sorted by: shorter ones first, so that "9" comes before "10"."""
    return len(name), name


def build_corpus(data: MergeInput) -> Corpus:
    """Sort, check and flatten the rows; raises MergeInputError for the first that cannot be right."""
    traces = tuple(sorted(data.traces, key=lambda row: rank_id(row.trace_id)))
    index = _index_traces(traces)
    starts = np.concatenate([[0], np.cumsum([row.num_steps for row in traces])]).astype(np.int64)
    prompts = tuple(sorted({row.prompt_id for row in traces}, key=rank_id))
    prompt_index = {prompt: i for i, prompt in enumerate(prompts)}
    verdicts = [
        np.nan if row.final_answer_correct is None else float(row.final_answer_correct) for row in traces
    ]
    is_gold = np.array([row.gold is not None for row in traces], dtype=bool)
    gold = np.full(int(starts[-1]), np.nan)
    gold[np.repeat(is_gold, np.diff(starts))] = list(chain.from_iterable(row.gold or () for row in traces))
    raters, labels, num_raters, num_blind = _flatten_ratings(data.ratings, traces, index, starts)
    judges, log_odds = _flatten_scores(data.judges, traces, index, starts)
    return Corpus(
        traces=traces,
        starts=starts,
        prompts=prompts,
        prompt_of=np.array([prompt_index[row.prompt_id] for row in traces], dtype=np.int64),
        verdicts=np.array(verdicts, dtype=np.float64),
        is_gold=is_gold,
        gold=gold,
        raters=raters,
        labels=labels,
        num_raters=num_raters,
        num_blind_raters=num_blind,
        judges=judges,
        log_odds=log_odds,
        comparisons=_check_comparisons(data.comparisons, traces, index),
    )


def _index_traces(traces: tuple[TraceRow, ...]) -> dict[str, int]:
    index: dict[str, int] = {}
    for i, row in enumerate(traces):
        if index.setdefault(row.trace_id, i) != i:
            raise MergeInputError(f"trace {row.trace_id!r} appears twice")
        if row.num_steps < 1:
            raise MergeInputError(f"trace {row.trace_id!r} has {row.num_steps} steps; a trace has at least 1")
        for what, known in (("gold", row.gold), ("decided", row.decided)):
            if known is None:
                continue
            if len(known) != row.num_steps:
                raise MergeInputError(_wrong_length(row.trace_id, what, len(known), row.num_steps))
            if not {0, 1}.issuperset(known):
                raise MergeInputError(f"{what} of trace {row.trace_id!r} holds something other than 0 and 1")
    return index


def _find_rows(
    rows: Sequence[RatingRow | JudgeRow],
    sizes: list[int],
    whose: list[str],
    traces: tuple[TraceRow, ...],
    index: dict[str, int],
) -> Ints:
    """The trace of each row, (N,); checks that it exists, that lengths agree, that no (trace, source) comes twice."""
    try:
        found = np.array([index[row.trace_id] for row in rows], dtype=np.int64)
    except KeyError as error:
        raise MergeInputError(
            f"trace {error.args[0]!r} is rated or scored but not among the traces"
        ) from None
    expected = np.array([row.num_steps for row in traces], dtype=np.int64)[found]
    wrong = np.flatnonzero(np.array(sizes, dtype=np.int64) != expected)
    if len(wrong):
        i = int(wrong[0])
        raise MergeInputError(_wrong_length(rows[i].trace_id, whose[i], sizes[i], int(expected[i])))
    if len(set(zip(found.tolist(), whose, strict=True))) != len(rows):
        seen: set[tuple[str, str]] = set()
        for row, name in zip(rows, whose, strict=True):
            if (row.trace_id, name) in seen:
                raise MergeInputError(f"trace {row.trace_id!r} has two rows of {name!r}")
            seen.add((row.trace_id, name))
    return found


def _wrong_length(trace_id: str, whose: str, size: int, expected: int) -> str:
    return f"trace {trace_id!r} has {expected} steps, but its row of {whose!r} has {size}"


def _flatten_ratings(
    rows: Sequence[RatingRow], traces: tuple[TraceRow, ...], index: dict[str, int], starts: Ints
) -> tuple[tuple[str, ...], Labels, Ints, Ints]:
    rows = list(rows)
    whose = [row.rater for row in rows]
    sizes = [len(row.labels) for row in rows]
    found = _find_rows(rows, sizes, whose, traces, index)
    raters = tuple(sorted(set(whose), key=rank_id))
    rater_index = {rater: i for i, rater in enumerate(raters)}
    rater_of = np.array([rater_index[name] for name in whose], dtype=np.int64)
    values = _to_floats(list(chain.from_iterable(row.labels for row in rows)), "labels")
    bad = ~(np.isnan(values) | np.isin(values, (-1.0, 0.0, 1.0)))
    row_of = np.repeat(np.arange(len(rows)), sizes)
    if bad.any():
        i = int(np.flatnonzero(bad)[0])
        row = rows[int(row_of[i])]
        raise MergeInputError(
            f"rater {row.rater!r} gave trace {row.trace_id!r} the label {values[i]:g}; labels are -1, 0, 1 or none"
        )
    steps = row_steps(starts[found], np.array(sizes, dtype=np.int64))
    given = ~np.isnan(values)
    steps, owners, columns = steps[given], rater_of[row_of[given]], values[given].astype(np.int64) + 1
    order = np.lexsort((owners, steps))
    has_label = np.bincount(row_of[given], minlength=len(rows)) > 0
    blind = has_label & ~np.array([row.assisted for row in rows], dtype=bool)
    return (
        raters,
        Labels(steps[order], owners[order], columns[order]),
        np.bincount(found[has_label], minlength=len(traces)).astype(np.int64),
        np.bincount(found[blind], minlength=len(traces)).astype(np.int64),
    )


def _flatten_scores(
    rows: Sequence[JudgeRow], traces: tuple[TraceRow, ...], index: dict[str, int], starts: Ints
) -> tuple[tuple[str, ...], tuple[Floats, ...]]:
    rows = list(rows)
    whose = [row.judge for row in rows]
    found = _find_rows(rows, [len(row.probabilities) for row in rows], whose, traces, index)
    judges = tuple(sorted(set(whose)))
    log_odds = tuple(np.full(int(starts[-1]), np.nan) for _ in judges)
    owners = np.array([judges.index(name) for name in whose], dtype=np.int64)
    for j, judge in enumerate(judges):
        mine = np.flatnonzero(owners == j)
        flat: list[float | None] = list(chain.from_iterable(rows[i].probabilities for i in mine))
        values = _to_floats(flat, "probabilities")
        if not (np.isnan(values) | ((values >= 0.0) & (values <= 1.0))).all():
            raise MergeInputError(f"judge {judge!r} gave a probability outside [0, 1]")
        if int(np.isnan(values).sum()) != flat.count(None):
            raise MergeInputError(f"judge {judge!r} gave a probability that is not a number")
        sizes = np.array([len(rows[i].probabilities) for i in mine], dtype=np.int64)
        steps = row_steps(starts[found[mine]], sizes)
        log_odds[j][steps] = logit(np.clip(values, LOWEST_SCORE, 1.0 - LOWEST_SCORE))
    return judges, log_odds


def _to_floats(values: Sequence[float | None], what: str) -> Floats:
    try:
        # None becomes nan, which numpy's types do not know.
        return np.array(cast("list[float]", values), dtype=np.float64)
    except (TypeError, ValueError):
        raise MergeInputError(f"{what} must be numbers or none") from None


def row_steps(first: Ints, sizes: Ints) -> Ints:
    """The flat step of each entry of rows that begin at the steps `first` and have the given sizes."""
    ends = np.cumsum(sizes)
    return np.asarray(np.arange(int(sizes.sum()), dtype=np.int64) + np.repeat(first - (ends - sizes), sizes))


def _check_comparisons(
    rows: Sequence[ComparisonRow], traces: tuple[TraceRow, ...], index: dict[str, int]
) -> tuple[ComparisonRow, ...]:
    for row in rows:
        for trace_id in (row.trace_a, row.trace_b):
            if trace_id not in index:
                raise MergeInputError(f"trace {trace_id!r} is compared but not among the traces")
            if traces[index[trace_id]].prompt_id != row.prompt_id:
                raise MergeInputError(
                    f"trace {trace_id!r} is compared under prompt {row.prompt_id!r}, not its own"
                )
        if row.trace_a == row.trace_b:
            raise MergeInputError(f"trace {row.trace_a!r} is compared with itself")
        if row.choice not in ("a", "b", "tie", "both_bad"):
            raise MergeInputError(f"{row.choice!r} is no choice; choices are a, b, tie and both_bad")
    return tuple(
        sorted(
            rows,
            key=lambda row: (
                *(rank_id(name) for name in (row.prompt_id, row.trace_a, row.trace_b, row.rater)),
                row.choice,
            ),
        )
    )
