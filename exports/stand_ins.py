"""Stand-ins: a made-up trace or pair that the rules of an export can't tell from a real one of the same case.

The verdict on a trace depends on little: its source, its evidence, its prompt's split, whether it is blank, and on
which side of the thresholds its posteriors lie. So the rules are asked once a case, of a stand-in, and the answer holds
for all traces of it: for the preview, which counts them, and for the snapshot, which writes them.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exports.policy import ExportPolicy
from exports.rows import Chat, JudgedPair, JudgedTrace

Openings = Literal["same", "different", "broken"]
_BROKEN = Chat("{% no end", {}, dt.datetime.min)
_ANOTHER = Chat("Another opening.", {}, dt.datetime.min)


class Source(NamedTuple):  # a tuple, since one is hashed for each row of an export
    """Where a trace comes from; `batch` 0 is none, `day` an ISO date."""

    model: str
    batch: int
    day: str
    language: str


class Fork(NamedTuple):
    """The steps in which two traces first differ: on which side each posterior lies (None = no evidence), whether
    either step is blank, and how the texts compare that the two continue."""

    chosen_side: int | None
    rejected_side: int | None
    is_chosen_blank: bool
    is_rejected_blank: bool
    openings: Openings


def sides_of(posteriors: pa.ListArray, policy: ExportPolicy) -> pa.Array:
    """For each trace, on which side of the thresholds each step lies: 0 bad, 1 between, 2 good; a byte a step."""
    p = posteriors.flatten().to_numpy(zero_copy_only=False)
    sides = (p > policy.bad_to).astype(np.uint8) + (p >= policy.good_from).astype(np.uint8)
    offsets = pc.subtract(posteriors.offsets, posteriors.offsets[0])
    return pa.Array.from_buffers(
        pa.binary(), len(posteriors), [None, pa.array(offsets).buffers()[1], pa.py_buffer(sides)]
    )


def sides_of_traces(p_traces: pa.ChunkedArray, policy: ExportPolicy) -> pa.ChunkedArray:
    """On which side of each threshold P(trace) lies; null where there is none."""
    sides = pc.add(
        pc.greater(p_traces, policy.bad_to).cast(pa.int8()),
        pc.greater_equal(p_traces, policy.good_from).cast(pa.int8()),
    )
    return pc.add(sides, pc.multiply(pc.greater_equal(p_traces, policy.sft_from).cast(pa.int8()), 4))


def stand_in_for_trace(
    prompt_id: int,
    source: Source,
    provenance: str,
    num_raters: int,
    is_blank: bool,
    sides: bytes,
    *,
    p_trace: float | None,
    policy: ExportPolicy,
    trace_id: int = 0,
) -> JudgedTrace:
    """A trace of this case, with made-up texts and with posteriors on these sides."""
    steps = [" " if is_blank else "x"] * len(sides)
    posterior = () if p_trace is None else tuple(_value_on(side, policy) for side in sides)
    return _make_trace(
        prompt_id,
        source,
        provenance,
        steps,
        posterior,
        p_trace=p_trace,
        num_raters=num_raters,
        trace_id=trace_id,
    )


def stand_in_for_pair(
    prompt_id: int,
    chosen: Source,
    rejected: Source,
    provenance: str,
    num_people: int,
    is_chosen_blank: bool,
    is_rejected_blank: bool,
    is_same_text: bool,
    is_same_prompt: bool,
    fork: Fork | None = None,
    *,
    policy: ExportPolicy,
) -> JudgedPair:
    """A pair of this case at the policy's least probability. Without a `fork`, its traces share no step."""
    better = _steps_of("chosen", " ", is_chosen_blank, fork is not None and fork.is_chosen_blank)
    worse = _steps_of("rejected", "\n", is_rejected_blank, fork is not None and fork.is_rejected_blank)
    sides = (fork.chosen_side, fork.rejected_side) if fork else (None, None)
    posteriors = [() if side is None else (1.0, _value_on(side, policy)) for side in sides]
    openings = fork.openings if fork else "same"
    return JudgedPair(
        _make_trace(
            prompt_id,
            chosen,
            provenance,
            better,
            posteriors[0],
            chat=_BROKEN if openings == "broken" else None,
        ),
        _make_trace(
            prompt_id,
            rejected,
            provenance,
            better if is_same_text else worse,
            posteriors[1],
            prompt="?" if is_same_prompt else "another?",
            chat=_ANOTHER if openings == "different" else None,
        ),
        policy.min_p_preference,
        0.0,
        provenance,
        num_people,
    )


def _steps_of(text: str, space: str, is_blank: bool, is_blank_at_fork: bool) -> list[str]:
    return [" " if is_blank else "shared ", space if is_blank or is_blank_at_fork else text]


def _value_on(side: int, policy: ExportPolicy) -> float:
    return (policy.bad_to, (policy.bad_to + policy.good_from) / 2, policy.good_from)[side]


def _make_trace(
    prompt_id: int,
    source: Source,
    provenance: str,
    steps: list[str],
    posterior: tuple[float, ...],
    *,
    prompt: str = "?",
    p_trace: float | None = None,
    num_raters: int = 0,
    chat: Chat | None = None,
    trace_id: int = 0,
) -> JudgedTrace:
    return JudgedTrace(
        trace_id=trace_id,
        prompt_id=prompt_id,
        prompt=prompt,
        completion="".join(steps),
        step_ends=tuple(int(end) for end in np.cumsum([len(step) for step in steps])),
        model=source.model,
        segmenter="",
        posterior=posterior,
        p_trace=p_trace,
        first_error=None if p_trace is None else -1,
        provenance=provenance,
        num_blind_raters=num_raters,
        chat=chat,
        batch_id=source.batch or None,
        made_on=dt.date.fromisoformat(source.day),
        language=source.language,
    )
