"""The roll-out judge, with a model whose chances of coming to the answer are known at every step."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest

from annotation.generation.backend import (
    BackendDescription,
    ChatTemplate,
    Completion,
    GenerationRequest,
    Refusal,
    Sampling,
)
from annotation.judging.judge import JudgedTrace, NoOpinion, Opinion
from annotation.judging.rollout import RolloutJudge, RolloutSettings
from annotation.rules.prompt_template import BadTemplate

RIGHT, WRONG = "So the answer is 7.", "So the answer is 9."


def make_trace(num_steps: int, ending: str = WRONG, **fields: str) -> JudgedTrace:
    steps = (*(f"Step {number}.\n" for number in range(1, num_steps)), ending)
    return JudgedTrace("3 + 4?", steps, **{"verifier": "numeric", "ground_truth": "7", **fields})


class Finisher:
    """Comes to the right answer from a prefix as often as `chances` says of its number of steps, in turns."""

    def __init__(
        self, chances: Sequence[float], refuse: Callable[[int], str | None] = lambda n: None
    ) -> None:
        self._chances = chances
        self._refuse = refuse
        self._turns = [itertools.count() for _ in chances]
        self.places: list[int] = []
        self.rounds = 0

    def describe(self) -> BackendDescription:
        return BackendDescription("finisher", "model", "1", "", "", 0, {})

    def describe_chat(self) -> ChatTemplate:
        return ChatTemplate("", {})

    def generate(
        self, requests: Sequence[GenerationRequest], sampling: Sampling, should_stop: Callable[[], bool]
    ) -> list[Completion | Refusal]:
        self.rounds += 1
        return [self._finish(request) for request in requests]

    def _finish(self, request: GenerationRequest) -> Completion | Refusal:
        place = request.answer_begins.count("Step ")
        self.places.append(place)
        if reason := self._refuse(place):
            return Refusal(reason)
        turn = next(self._turns[place])
        text = RIGHT if turn < self._chances[place] * 4 else WRONG
        return Completion(text, 5, 9, "stop", None)


def judge(backend: Finisher, *, is_search: bool = False) -> RolloutJudge:
    return RolloutJudge(backend, RolloutSettings("Solve: {prompt}", 4, is_search, 0.8, 64))


def score(backend: Finisher, trace: JudgedTrace, *, is_search: bool = False) -> Opinion:
    [opinion] = judge(backend, is_search=is_search).score([trace])
    assert isinstance(opinion, Opinion)
    return opinion


def test_a_step_s_probability_is_the_share_of_roll_outs_that_come_out_right() -> None:
    backend = Finisher([0, 1.0, 0.5, 0.25])

    opinion = score(backend, make_trace(4))

    assert opinion.probabilities == (1.0, 0.5, 0.25, 0.0)
    assert opinion.rationales[1] == "50% of 4 roll-outs from here came to the right answer."
    assert opinion.rationales[3] == "The trace's own answer is wrong."
    assert sorted(backend.places) == [1] * 4 + [2] * 4 + [3] * 4


def test_behind_the_last_step_the_trace_s_own_answer_counts() -> None:
    opinion = score(Finisher([0, 0.0]), make_trace(2, RIGHT))

    assert opinion.probabilities == (0.0, 1.0)


def test_a_trace_of_one_step_needs_no_roll_out() -> None:
    backend = Finisher([0])

    assert score(backend, make_trace(1, RIGHT)).probabilities == (1.0,)
    assert backend.rounds == 0


@pytest.mark.parametrize("first_error", range(1, 17))
def test_the_search_finds_the_first_error_wherever_it_is_in_log_2_rounds(first_error: int) -> None:
    chances = [0.75 if place < first_error else 0.0 for place in range(17)]
    backend = Finisher(chances)

    opinion = score(backend, make_trace(16), is_search=True)

    before, at, after = (
        opinion.probabilities[: first_error - 1],
        opinion.probabilities[first_error - 1],
        opinion.probabilities[first_error:],
    )
    assert all(p == 0.75 for p in before)
    assert at == 0.0
    assert all(p is None for p in after), "what follows the first error is not judged"
    assert backend.rounds <= 4


def test_the_search_leaves_a_trace_with_the_right_answer_alone() -> None:
    backend = Finisher([0, 0.0, 0.0])

    assert score(backend, make_trace(3, RIGHT), is_search=True).probabilities == (1.0, 1.0, 1.0)
    assert backend.rounds == 0


def test_a_server_is_asked_about_all_traces_together() -> None:
    backend = Finisher([1.0] * 9)

    opinions = judge(backend, is_search=True).score([make_trace(8), make_trace(2), make_trace(5)])

    assert all(isinstance(opinion, Opinion) for opinion in opinions)
    assert backend.rounds <= 3


def test_without_a_verifier_there_is_no_telling() -> None:
    [opinion] = judge(Finisher([0])).score([make_trace(2, verifier="")])

    assert opinion == NoOpinion("The prompt has no verifier, so nobody can tell where a roll-out ends.")


def test_a_reference_answer_that_is_none_is_told_and_the_rest_goes_on() -> None:
    bad, good = judge(Finisher([0, 1.0])).score([make_trace(2, ground_truth="seven"), make_trace(2)])

    assert isinstance(bad, NoOpinion)
    assert "holds no number" in bad.reason
    assert isinstance(good, Opinion)


def test_a_model_that_refuses_every_roll_out_says_why() -> None:
    [opinion] = judge(Finisher([0, 0], refuse=lambda place: "Too long.")).score([make_trace(2)])

    assert opinion == NoOpinion("Too long.")


def test_roll_outs_that_were_refused_do_not_count() -> None:
    backend = Finisher([0, 1.0, 1.0], refuse=lambda place: "Too long." if place == 2 else None)

    assert score(backend, make_trace(3)).probabilities == (1.0, None, 0.0)


def test_a_template_that_can_not_be_filled_is_told_at_once() -> None:
    with pytest.raises(BadTemplate):
        RolloutJudge(Finisher([]), RolloutSettings("Solve it!", 4, False, 0.8, 64))
