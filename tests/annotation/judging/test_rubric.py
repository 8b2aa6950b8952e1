"""The rubric judge: critiques and verdicts read from what chat models really write."""

from __future__ import annotations

import json
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
from annotation.judging.rubric import RubricJudge
from annotation.judging.rubric_answers import Critique, Malformed, read_critiques
from annotation.rules.rubrics import BadRubric, check_rubric

RUBRIC = "Problem: {problem}{reference}\n{steps}\nJudge each step as JSON."
TRACE = JudgedTrace("What is 3 + 4?", ("3 + 4 = 7.\n", "It is 8."))


def answer(*verdicts: str) -> str:
    entries = [
        {"step": number, "critique": f"Says {verdict}.", "verdict": verdict}
        for number, verdict in enumerate(verdicts, start=1)
    ]
    return json.dumps({"steps": entries})


class ChatModel:
    """A backend that says what a test has written down, in order."""

    def __init__(self, *texts: str | Refusal) -> None:
        self._texts = list(texts)
        self.asked: list[str] = []
        self.sampled: list[Sampling] = []

    def describe(self) -> BackendDescription:
        return BackendDescription("chat", "model", "1", "", "", 0, {})

    def describe_chat(self) -> ChatTemplate:
        return ChatTemplate("", {})

    def generate(
        self, requests: Sequence[GenerationRequest], sampling: Sampling, should_stop: Callable[[], bool]
    ) -> list[Completion | Refusal]:
        self.asked += [request.text for request in requests]
        self.sampled.append(sampling)
        texts = [self._texts.pop(0) for _ in requests]
        return [t if isinstance(t, Refusal) else Completion(t, 5, 9, "stop", None) for t in texts]


def score(model: ChatModel, *traces: JudgedTrace) -> list[Opinion | NoOpinion]:
    return RubricJudge(model, rubric=RUBRIC).score(traces or (TRACE,))


def test_each_step_gets_its_verdict_and_its_critique() -> None:
    [opinion] = score(ChatModel(answer("correct", "incorrect")))

    assert opinion == Opinion((0.95, 0.05), ("Says correct.", "Says incorrect."))


def test_the_model_is_told_the_problem_and_each_step_in_a_tag_of_its_own() -> None:
    model = ChatModel(answer("correct", "unsure"))

    score(model, JudgedTrace("What is 3 + 4?", ("a</step><step>b", "c"), "7"))

    [told] = model.asked
    assert "Problem: What is 3 + 4?" in told
    assert "Reference answer: 7" in told
    assert '<step number="2">\nc\n</step>' in told
    assert told.count("</step>") == 2, "a step can't close its own tag"


@pytest.mark.parametrize(
    "wrapped",
    [
        "<think>Maybe [1, 2]?</think>\n{}",
        "Here you are:\n```json\n{}\n```\nI hope this helps!",
        "{{not json}} but {}",
        "[] {}",
    ],
    ids=["thinking", "a fence", "a false start", "an empty list first"],
)
def test_json_is_found_in_what_models_wrap_it_in(wrapped: str) -> None:
    found = read_critiques(wrapped.format(answer("correct")), num_steps=1)

    assert found == [Critique("Says correct.", 0.95)]


def test_a_bare_list_in_any_order_and_verdicts_in_capitals_are_understood() -> None:
    text = '[{"step": 2, "verdict": " Unsure "}, {"step": 1, "critique": "x", "verdict": "CORRECT"}]'

    assert read_critiques(text, num_steps=2) == [Critique("x", 0.95), Critique("", 0.5)]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("I think it is fine.", "no JSON"),
        ("", "no JSON"),
        ('{"steps": [{"step": 1, "verdict": "correct"', "an entry has no number|no JSON"),
        (answer("correct"), "step 2 is missing"),
        (answer("correct", "correct", "correct"), "3 entries for 2 steps"),
        ('[{"step": 1, "verdict": "correct"}, {"step": 1, "verdict": "correct"}]', "there twice"),
        ('[{"step": "1", "verdict": "correct"}]', "no number of a step"),
        ('[{"step": true, "verdict": "correct"}]', "no number of a step"),
        ('[{"step": 1, "verdict": "great"}]', "none of correct, unsure, incorrect"),
        ('[{"step": 1, "verdict": "correct", "critique": 3}]', "not text"),
        ("[1, 2]", "not an object"),
        ("[" * 5000, "no JSON"),
    ],
)
def test_what_can_not_be_read_says_why(text: str, fault: str) -> None:
    with pytest.raises(Malformed, match=fault):
        read_critiques(text, num_steps=2)


def test_a_critique_holds_nothing_that_the_database_can_not_store() -> None:
    text = '[{"step": 1, "verdict": "correct", "critique": "a\\u0000b\\ud83d"}]'

    [critique] = read_critiques(text, num_steps=1)

    assert critique.text == "a\ufffdb\ufffd"


def test_an_unreadable_answer_is_asked_for_again_with_what_was_wrong() -> None:
    model = ChatModel("Looks good to me!", answer("correct"), answer("correct", "correct"))

    [opinion] = score(model)

    assert isinstance(opinion, Opinion)
    assert opinion.probabilities == (0.95, 0.95)
    assert "could not be read: there is no JSON" in model.asked[1]
    assert "could not be read: step 2 is missing" in model.asked[2]
    assert [sampling.temperature for sampling in model.sampled] == [0.0, 0.7, 0.7]


def test_after_two_repeats_it_is_unreadable_and_says_nothing_of_any_step() -> None:
    model = ChatModel("no", "no", "no", "never asked")

    [opinion] = score(model)

    assert opinion == Opinion(
        (None, None),
        fault="Unreadable: asked 3 times, and in the last answer there is no JSON with a list of steps in it.",
    )
    assert len(model.asked) == 3


def test_only_the_traces_that_could_not_be_read_are_asked_about_again() -> None:
    model = ChatModel(answer("correct", "correct"), "no", Refusal("Too long."), answer("unsure", "unsure"))

    first, second, third = score(model, TRACE, TRACE, TRACE)

    assert isinstance(first, Opinion)
    assert isinstance(second, Opinion)
    assert (first.probabilities, second.probabilities) == ((0.95, 0.95), (0.5, 0.5))
    assert third == NoOpinion("Too long.")
    assert len(model.asked) == 4


@pytest.mark.parametrize(
    ("rubric", "fault"),
    [
        ("{steps}", "once each"),
        ("{problem}{problem}{steps}", "once each"),
        ("{steps}{problem}", "before"),
        ("{problem}{steps}{reference}", "before"),
        ("{problem}{steps}\x00", "NUL"),
        ("{problem}{steps}" + "x" * 20_000, "longer than"),
    ],
)
def test_a_rubric_that_can_not_be_filled_says_why(rubric: str, fault: str) -> None:
    with pytest.raises(BadRubric, match=fault):
        check_rubric(rubric)
