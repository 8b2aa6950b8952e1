"""The roll-out judge: has a model finish the solution from each step on, many times, and checks where it ends.

A step's probability is the share of roll-outs from behind it that come to the right answer: Math-Shepherd's soft
estimate (Wang et al. 2024, equation 4). The cheaper setting looks for the first error alone, by halving, as OmegaPRM
does (Luo et al. 2024, section 3.2): log2 S places instead of S. It takes it that a place from which the answer can be
reached lies before the first error.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from annotation.generation.backend import Backend, Completion, GenerationRequest, Sampling
from annotation.judging.judge import JudgedTrace, NoOpinion, Opinion, never
from annotation.rules.prompt_template import check_template, fill_template
from rl_bridge.errors import BridgeError
from rl_bridge.verifiers import check_answer

# What a plan yields: behind how many steps to roll out. What it is sent: the share that came out right, by place.
Shares = dict[int, float | None]
Plan = Generator[list[int], Shares, Shares]


@dataclass(frozen=True)
class RolloutSettings:
    """How roll-outs are drawn; `is_search` looks for the first error alone."""

    template: str
    num_rollouts: int
    is_search: bool
    temperature: float
    max_new_tokens: int
    seed: int = 0


class RolloutJudge:
    """Implements `Judge` by any backend. Raises BadTemplate where the template can't be filled."""

    def __init__(self, backend: Backend, settings: RolloutSettings) -> None:
        check_template(settings.template)
        self._backend = backend
        self._settings = settings

    def score(
        self, traces: Sequence[JudgedTrace], should_stop: Callable[[], bool] = never
    ) -> list[Opinion | NoOpinion]:
        """All traces go side by side, one round of roll-outs after the other, so that a server has much to do."""
        opinions: dict[int, Opinion | NoOpinion] = {}
        plans: dict[int, Plan] = {}
        wanted: dict[int, list[int]] = {}
        for index, trace in enumerate(traces):
            should_stop()
            try:
                plans[index] = self._plan(trace)
                wanted[index] = next(plans[index])
            except StopIteration as done:
                opinions[index] = self._conclude(trace, done.value)
            except BridgeError as error:
                opinions[index] = NoOpinion(str(error))
        round_number = 0
        while wanted := {index: places for index, places in wanted.items() if index not in opinions}:
            shares = self._roll_out(traces, wanted, round_number, should_stop)
            round_number += 1
            for index, outcome in shares.items():
                if isinstance(outcome, NoOpinion):
                    opinions[index] = outcome
                    continue
                try:
                    wanted[index] = plans[index].send(outcome)
                except StopIteration as done:
                    opinions[index] = self._conclude(traces[index], done.value)
        return [opinions[index] for index in range(len(traces))]

    def _plan(self, trace: JudgedTrace) -> Plan:
        """Behind the last step nothing is left to write: there the verifier's word on the trace itself counts."""
        if not trace.verifier:
            raise NoVerifier
        is_correct = _check(trace, "".join(trace.steps))
        ending: Shares = {len(trace.steps): None if is_correct is None else float(is_correct)}
        return _search(ending) if self._settings.is_search else _look_everywhere(ending)

    def _roll_out(
        self,
        traces: Sequence[JudgedTrace],
        wanted: dict[int, list[int]],
        round_number: int,
        should_stop: Callable[[], bool],
    ) -> dict[int, Shares | NoOpinion]:
        tasks = [
            (index, place)
            for index, places in wanted.items()
            for place in places
            for _ in range(self._settings.num_rollouts)
        ]
        requests = [self._build_request(traces[index], place) for index, place in tasks]
        sampling = Sampling(
            temperature=self._settings.temperature,
            top_p=1.0,
            max_new_tokens=self._settings.max_new_tokens,
            seed=self._settings.seed + round_number,
        )
        results = self._backend.generate(requests, sampling, should_stop)
        verdicts: dict[int, dict[int, list[bool]]] = {
            index: {place: [] for place in places} for index, places in wanted.items()
        }
        reasons: dict[int, str] = {}
        for (index, place), result in zip(tasks, results, strict=True):
            should_stop()
            if not isinstance(result, Completion):
                reasons[index] = result.reason
                continue
            is_correct = _check(traces[index], "".join(traces[index].steps[:place]) + result.text)
            if is_correct is not None:
                verdicts[index][place].append(is_correct)
        return {
            index: _share(by_place) if any(by_place.values()) else NoOpinion(reasons.get(index, _UNCHECKED))
            for index, by_place in verdicts.items()
        }

    def _build_request(self, trace: JudgedTrace, place: int) -> GenerationRequest:
        return GenerationRequest(
            fill_template(self._settings.template, trace.problem), answer_begins="".join(trace.steps[:place])
        )

    def _conclude(self, trace: JudgedTrace, shares: Shares) -> Opinion:
        places = range(1, len(trace.steps) + 1)
        return Opinion(
            probabilities=tuple(shares.get(place) for place in places),
            rationales=tuple(
                self._explain(shares.get(place), is_last=place == len(trace.steps)) for place in places
            ),
        )

    def _explain(self, share: float | None, *, is_last: bool) -> str:
        if share is None:
            return ""
        if is_last:
            return "The trace's own answer is " + ("right." if share == 1.0 else "wrong.")
        return f"{share:.0%} of {self._settings.num_rollouts} roll-outs from here came to the right answer."


class NoVerifier(BridgeError):
    """Roll-outs can't be checked without a verifier."""

    def __init__(self) -> None:
        super().__init__("The prompt has no verifier, so nobody can tell where a roll-out ends.")


_UNCHECKED = "No roll-out's answer could be checked in time."


def _look_everywhere(ending: Shares) -> Plan:
    [last] = ending
    places = list(range(1, last))
    shares = (yield places) if places else {}
    return {**shares, **ending}


def _search(ending: Shares) -> Plan:
    """Halves until the first place is found from which no roll-out comes to the answer; what lies behind it is not
    judged, and a place before it can do at least what the next one looked at can."""
    [last] = ending
    if ending[last] != 0.0:
        return dict.fromkeys(range(1, last + 1), ending[last])
    shares: Shares = dict(ending)
    low, high = 1, last
    while low < high:
        middle = (low + high) // 2
        shares |= yield [middle]
        if shares[middle]:
            low = middle + 1
        else:
            high = middle
    found: Shares = {high: shares[high]}
    reached: float | None = None
    for place in range(high - 1, 0, -1):  # high - 1 has been looked at, and the answer was reached from there
        reached = shares.get(place) or reached
        found[place] = reached
    return found


def _share(verdicts: dict[int, list[bool]]) -> Shares:
    return {place: sum(told) / len(told) if told else None for place, told in verdicts.items()}


def _check(trace: JudgedTrace, completion: str) -> bool | None:
    return check_answer(verifier=trace.verifier, completion=completion, ground_truth=trace.ground_truth)
