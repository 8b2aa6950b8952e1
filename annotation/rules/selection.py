"""Which traces people should see: how much a trace needs a person, and how likely that makes it to be drawn.

Half of all draws are uniform, half go by need. The uniform half keeps every probability above zero, so that
averages weighted with 1/probability (Horvitz & Thompson 1952) stay unbiased; the half by need spends people
where they change most.
"""

from collections.abc import Sequence
from statistics import fmean, pstdev

RANDOM_SHARE = 0.5


def need(
    *, judge_trace_scores: Sequence[float], is_answer_correct: bool | None, trace_posterior: float | None
) -> float:
    """How much a trace needs a person: 0 (not at all) to 1; the strongest of three reasons, each of which is enough.

    judge_trace_scores: J probabilities, one a judge, that the whole trace is right.
    is_answer_correct: what the verifier says of the final answer; None where none ran.
    trace_posterior: P(last step stands) from the merge; None where the trace was not merged yet.
    Raises ValueError for a number outside 0..1.
    """
    for number in [*judge_trace_scores, *([] if trace_posterior is None else [trace_posterior])]:
        if not 0.0 <= number <= 1.0:  # false for NaN too
            raise ValueError(f"A probability lies between 0 and 1; {number!r} does not.")
    return max(
        _convincing_and_wrong(judge_trace_scores, is_answer_correct),
        _judges_disagree(judge_trace_scores),
        _undecided(trace_posterior),
    )


def selection_probability(
    *, need: float, total_need: float, num_candidates: int, random_share: float = RANDOM_SHARE
) -> float:
    """The probability that one draw among `num_candidates` traces selects the trace with this `need`.

    `total_need` is the sum over all candidates, this one included. Over all candidates the probabilities sum
    to 1 and none is below random_share / num_candidates. Where nothing needs anybody, all draws are uniform.
    Raises ValueError for numbers that can't be: no candidates, a negative need, or a need above the total.
    """
    if num_candidates < 1 or not 0.0 <= random_share <= 1.0:
        raise ValueError("A draw needs at least one candidate, and a random share between 0 and 1.")
    if not 0.0 <= need <= total_need * (1 + 1e-9):
        raise ValueError(f"A need of {need!r} can't be part of a total of {total_need!r}.")
    uniform = 1.0 / num_candidates
    by_need = need / total_need if total_need > 0.0 else uniform
    return random_share * uniform + (1.0 - random_share) * by_need


def _convincing_and_wrong(judge_trace_scores: Sequence[float], is_answer_correct: bool | None) -> float:
    """The judges' mean belief in a trace whose final answer is wrong."""
    if is_answer_correct is not False or not judge_trace_scores:
        return 0.0
    return fmean(judge_trace_scores)


def _judges_disagree(judge_trace_scores: Sequence[float]) -> float:
    """Twice the standard deviation: 1 where half of the judges say 0 and half say 1."""
    if len(judge_trace_scores) < 2:
        return 0.0
    return min(1.0, 2.0 * pstdev(judge_trace_scores))


def _undecided(trace_posterior: float | None) -> float:
    """1 at a posterior of one half, falling linearly to 0 at certainty."""
    return 0.0 if trace_posterior is None else 1.0 - abs(2.0 * trace_posterior - 1.0)
