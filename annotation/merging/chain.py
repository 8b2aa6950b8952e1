"""Forward-backward over the hidden states R, E, A of many traces at once.

R (stands) goes to E (makes an error) with hazard h_t, else stays R. E and A (rests on an uncorrected error) go to R
with recovery r_t, else to A. A trace starts as if the step before its first had stood.

Steps lie trace after trace in flat arrays. To work on all traces at once without padding, a `Packing` sorts traces by
falling length, so that at position t the traces still running are a prefix: position t of all of them is one slice.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Packing:
    """`order[k]` is the flat step at packed place k; position t holds places `bounds[t]` to `bounds[t + 1]`."""

    order: Ints
    bounds: tuple[int, ...]
    rank_to_trace: Ints


@dataclass(frozen=True, slots=True)
class Beliefs:
    """Posterior probabilities of what happened at each step, flat (S,): the four ways to arrive at a state.

    `stayed` R from R, `erred` E from R, `recovered` R from E or A, `rested` A from E or A; they sum to 1.
    """

    stayed: Floats
    erred: Floats
    recovered: Floats
    rested: Floats

    @property
    def stands(self) -> Floats:
        """P(the step stands), (S,)."""
        return self.stayed + self.recovered


@dataclass(frozen=True, slots=True)
class FirstErrors:
    """P(the first error is at this step), flat (S,), and P(no error at all), one a trace."""

    at_step: Floats
    none: Floats


def pack(lengths: Ints) -> Packing:
    """Lay out traces of the given lengths (each >= 1) position by position."""
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    rank_to_trace = np.argsort(-lengths, kind="stable").astype(np.int64)
    longest = int(lengths.max(initial=0))
    alive = np.searchsorted(-lengths[rank_to_trace], -np.arange(longest), side="left")
    sorted_starts = starts[rank_to_trace]
    order = np.concatenate([sorted_starts[:n] + t for t, n in enumerate(alive)] or [np.zeros(0, np.int64)])
    return Packing(order, (0, *(int(b) for b in np.cumsum(alive))), rank_to_trace)


def forward_backward(
    packing: Packing, hazard: Floats, recovery: Floats, evidence: tuple[Floats, Floats, Floats]
) -> tuple[Beliefs, FirstErrors]:
    """Posterior beliefs of every step given all evidence of its trace.

    `hazard`, `recovery` and the three `evidence` arrays (the likelihood of the step's ratings in R, E, A, up to a
    factor a step) are flat (S,). `hazard` must lie strictly between 0 and 1. Rabiner 1989, with scaled forward
    variables.
    """
    order = packing.order
    leave, back = hazard[order], recovery[order]
    in_right, in_error, in_rest = (likelihood[order] for likelihood in evidence)
    # One step's four transitions times what its ratings say; everything after this is products and sums.
    moves = _Moves((1.0 - leave) * in_right, leave * in_error, back * in_right, (1.0 - back) * in_rest)
    before = _run_forward(packing, moves)
    moves = _Moves(*(move / before.scale for move in (moves.stay, moves.err, moves.recover, moves.rest)))
    after_right, after_wrong = _run_backward(packing, moves)
    err = moves.err * after_wrong
    beliefs = Beliefs(
        stayed=_unpack(order, before.right * moves.stay * after_right),
        erred=_unpack(order, before.right * err),
        recovered=_unpack(order, before.wrong * moves.recover * after_right),
        rested=_unpack(order, before.wrong * moves.rest * after_wrong),
    )
    none = np.empty(len(packing.rank_to_trace))
    none[packing.rank_to_trace] = before.none
    return beliefs, FirstErrors(_unpack(order, before.clean * err), none)


@dataclass(frozen=True, slots=True)
class _Moves:
    """Weight of each way to arrive at a step, packed (S,): R from R, E from R, R and A from E or A."""

    stay: Floats
    err: Floats
    recover: Floats
    rest: Floats


@dataclass(frozen=True, slots=True)
class _Before:
    """What is known just before each step, packed (S,): P(R), P(E or A), P(no error so far); and each step's scale.

    `none` is P(no error at all) by rank, (T,).
    """

    right: Floats
    wrong: Floats
    clean: Floats
    scale: Floats
    none: Floats


def _run_forward(packing: Packing, moves: _Moves) -> _Before:
    num_places, num_traces = len(packing.order), len(packing.rank_to_trace)
    blank = [np.empty(num_places) for _ in range(4)]
    before = _Before(blank[0], blank[1], blank[2], blank[3], np.empty(num_traces))
    right, wrong, clean = np.ones(num_traces), np.zeros(num_traces), np.ones(num_traces)
    for low, high in pairwise(packing.bounds):
        here, n = slice(low, high), high - low
        before.none[n : len(clean)] = clean[n:]
        right, wrong, clean = right[:n], wrong[:n], clean[:n]
        before.right[here], before.wrong[here], before.clean[here] = right, wrong, clean
        now_right = right * moves.stay[here] + wrong * moves.recover[here]
        now_wrong = right * moves.err[here] + wrong * moves.rest[here]
        total = now_right + now_wrong
        before.scale[here] = total
        right, wrong, clean = now_right / total, now_wrong / total, clean * moves.stay[here] / total
    before.none[: len(clean)] = clean
    return before


def _run_backward(packing: Packing, moves: _Moves) -> tuple[Floats, Floats]:
    """How well R, and E or A, at each step explain the rest of the trace, packed (S,) each; `moves` are scaled."""
    bounds = packing.bounds
    after_right, after_wrong = np.ones(len(packing.order)), np.ones(len(packing.order))
    for t in range(len(bounds) - 2, 0, -1):
        low, high = bounds[t], bounds[t + 1]
        here, earlier = slice(low, high), slice(bounds[t - 1], bounds[t - 1] + high - low)
        right, wrong = after_right[here], after_wrong[here]
        after_right[earlier] = moves.stay[here] * right + moves.err[here] * wrong
        after_wrong[earlier] = moves.recover[here] * right + moves.rest[here] * wrong
    return after_right, after_wrong


def _unpack(order: Ints, packed: Floats) -> Floats:
    flat = np.empty_like(packed)
    flat[order] = packed
    return flat
