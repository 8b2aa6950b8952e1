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

    `hazard`, `recovery` and the three `evidence` arrays (the log-likelihood of the step's ratings in R, E, A, up to a
    number added to all three) are flat (S,). `hazard` must lie strictly between 0 and 1. Rabiner 1989, on log-odds:
    hundreds of steps against a state, then hundreds for it, go beyond what a probability can hold.
    """
    order = packing.order
    leave, back = hazard[order], recovery[order]
    in_right, in_error, in_rest = (likelihood[order] for likelihood in evidence)
    with np.errstate(divide="ignore"):  # without recovery, the logarithm of 0: -inf
        moves = _Moves(
            stay=np.log1p(-leave) + in_right,
            err=np.log(leave) + in_error,
            recover=np.log(back) + in_right,
            rest=np.log1p(-back) + in_rest,
        )
    first = slice(0, packing.bounds[1] if len(packing.bounds) > 1 else 0)
    moves.recover[first] = moves.rest[first] = -np.inf  # nothing was wrong before the first step
    before = _run_forward(packing, moves)
    after = _run_backward(packing, moves)
    weights = np.stack(
        [before.right + moves.stay + after, before.right + moves.err, moves.recover + after, moves.rest]
    )
    top = weights.max(axis=0)
    shares = np.exp(weights - top)
    total = shares.sum(axis=0)
    beliefs = Beliefs(*(_unpack(order, share / total) for share in shares))
    none = np.empty(len(packing.rank_to_trace))
    none[packing.rank_to_trace] = before.none
    return beliefs, FirstErrors(_unpack(order, np.exp(before.clean + moves.err - top) / total), none)


def log_likelihood(
    packing: Packing, hazard: Floats, recovery: Floats, evidence: tuple[Floats, Floats, Floats]
) -> float:
    """Log-probability of all evidence, states summed out; arguments as in `forward_backward`."""
    order = packing.order
    leave, back = hazard[order], recovery[order]
    in_right, in_error, in_rest = (likelihood[order] for likelihood in evidence)
    with np.errstate(divide="ignore"):  # without recovery, the logarithm of 0: -inf
        moves = (np.log1p(-leave) + in_right, np.log(leave) + in_error, np.log(back) + in_right)
        rest = np.log1p(-back) + in_rest
    num_traces = len(packing.rank_to_trace)
    right, wrong, total = np.zeros(num_traces), np.full(num_traces, -np.inf), 0.0
    for low, high in pairwise(packing.bounds):
        here, n = slice(low, high), high - low
        total += float(np.logaddexp(right[n:], wrong[n:]).sum())
        right, wrong = (
            np.logaddexp(right[:n] + moves[0][here], wrong[:n] + moves[2][here]),
            np.logaddexp(right[:n] + moves[1][here], wrong[:n] + rest[here]),
        )
    return total + float(np.logaddexp(right, wrong).sum())


@dataclass(frozen=True, slots=True)
class _Moves:
    """Log-weight of each way to arrive at a step, packed (S,): R from R, E from R, R and A from E or A."""

    stay: Floats
    err: Floats
    recover: Floats
    rest: Floats


@dataclass(frozen=True, slots=True)
class _Before:
    """What is known just before each step, packed (S,), as log-odds against E or A: of R, and of no error so far.

    `none` is P(no error at all) by rank, (T,).
    """

    right: Floats
    clean: Floats
    none: Floats


def _run_forward(packing: Packing, moves: _Moves) -> _Before:
    num_places, num_traces = len(packing.order), len(packing.rank_to_trace)
    before = _Before(np.empty(num_places), np.empty(num_places), np.empty(num_traces))
    right, clean = np.zeros(num_traces), np.zeros(num_traces)
    for low, high in pairwise(packing.bounds):
        here, n = slice(low, high), high - low
        before.none[n : len(clean)] = _chance_of_none(right[n:], clean[n:])
        right, clean = right[:n], clean[:n]
        before.right[here], before.clean[here] = right, clean
        stayed = moves.stay[here]
        wrong = np.logaddexp(right + moves.err[here], moves.rest[here])
        right = np.logaddexp(right + stayed, moves.recover[here]) - wrong
        clean = clean + stayed - wrong
    before.none[: len(clean)] = _chance_of_none(right, clean)
    return before


def _chance_of_none(right: Floats, clean: Floats) -> Floats:
    """P(no error at all) from the log-odds of R and of no error after the last step."""
    return np.asarray(np.exp(clean - np.logaddexp(right, 0.0)))


def _run_backward(packing: Packing, moves: _Moves) -> Floats:
    """How much better R than E or A at each step explains the rest of the trace: a log-ratio, packed (S,)."""
    bounds = packing.bounds
    after = np.zeros(len(packing.order))
    for t in range(len(bounds) - 2, 0, -1):
        low, high = bounds[t], bounds[t + 1]
        here, earlier = slice(low, high), slice(bounds[t - 1], bounds[t - 1] + high - low)
        later = after[here]
        from_right = np.logaddexp(moves.stay[here] + later, moves.err[here])
        after[earlier] = from_right - np.logaddexp(moves.recover[here] + later, moves.rest[here])
    return after


def _unpack(order: Ints, packed: Floats) -> Floats:
    flat = np.empty_like(packed)
    flat[order] = packed
    return flat
