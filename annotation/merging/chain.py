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
    order, bounds = packing.order, packing.bounds
    leave, back = hazard[order], recovery[order]
    in_right, in_error, in_rest = (likelihood[order] for likelihood in evidence)
    # One step's four transitions times what its ratings say; everything after this is products and sums.
    stay, err = (1.0 - leave) * in_right, leave * in_error
    recover, rest = back * in_right, (1.0 - back) * in_rest

    num_places, num_traces = len(order), len(packing.rank_to_trace)
    before_right, before_wrong = np.empty(num_places), np.empty(num_places)
    clean, scale = np.empty(num_places), np.empty(num_places)
    right, wrong, unbroken = np.ones(num_traces), np.zeros(num_traces), np.ones(num_traces)
    none = np.empty(num_traces)
    for low, high in pairwise(bounds):
        here, n = slice(low, high), high - low
        none[n : len(unbroken)] = unbroken[n:]
        right, wrong, unbroken = right[:n], wrong[:n], unbroken[:n]
        before_right[here], before_wrong[here], clean[here] = right, wrong, unbroken
        new_right = right * stay[here] + wrong * recover[here]
        new_wrong = right * err[here] + wrong * rest[here]
        total = new_right + new_wrong
        scale[here] = total
        unbroken = unbroken * stay[here] / total
        right, wrong = new_right / total, new_wrong / total
    none[: len(unbroken)] = unbroken

    stay, err, recover, rest = stay / scale, err / scale, recover / scale, rest / scale
    after_right, after_wrong = np.ones(num_places), np.ones(num_places)
    for t in range(len(bounds) - 2, 0, -1):
        low, high = bounds[t], bounds[t + 1]
        here, earlier = slice(low, high), slice(bounds[t - 1], bounds[t - 1] + high - low)
        later_right, later_wrong = after_right[here], after_wrong[here]
        after_right[earlier] = stay[here] * later_right + err[here] * later_wrong
        after_wrong[earlier] = recover[here] * later_right + rest[here] * later_wrong

    stay, err, recover, rest = (
        stay * after_right,
        err * after_wrong,
        recover * after_right,
        rest * after_wrong,
    )
    beliefs = Beliefs(
        *(
            _unpack(order, value)
            for value in (
                before_right * stay,
                before_right * err,
                before_wrong * recover,
                before_wrong * rest,
            )
        )
    )
    by_trace = np.empty(num_traces)
    by_trace[packing.rank_to_trace] = none
    return beliefs, FirstErrors(_unpack(order, clean * err), by_trace)


def _unpack(order: Ints, packed: Floats) -> Floats:
    flat = np.empty_like(packed)
    flat[order] = packed
    return flat
