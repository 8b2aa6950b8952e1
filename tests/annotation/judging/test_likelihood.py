"""The likelihood judge: one packed pass says what one pass a step says; long, stateful and strange inputs."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.judging import likelihood
from annotation.judging.judge import JudgedTrace, NoOpinion, Opinion
from annotation.judging.likelihood import BadRubric, LikelihoodJudge
from annotation.judging.packing import AskedTrace, list_groups, pack
from rl_bridge.models import LoadedModel, load_causal_lm
from tests.rl_bridge import tiny

RUBRIC = (Path(likelihood.__file__).parent / "rubrics" / "likelihood.md").read_text(encoding="utf-8")
TRACE = JudgedTrace("What is 3 + 4 * 2?", ("4 * 2 = 8.\n", "3 + 8 = 11.\n", "The answer is 11."))


def load_tiny(model: torch.nn.Module | None = None) -> LoadedModel:
    return LoadedModel((model or tiny.build_llama()).eval(), tiny.build_tokenizer(), "tiny", "0")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def judge() -> LikelihoodJudge:
    return LikelihoodJudge(load_tiny(), rubric=RUBRIC)


def test_each_step_gets_a_probability(judge: LikelihoodJudge) -> None:
    [opinion] = judge.score([TRACE])

    assert isinstance(opinion, Opinion)
    assert len(opinion.probabilities) == 3
    assert all(p is not None and 0 < p < 1 for p in opinion.probabilities)
    assert len(set(opinion.probabilities)) == 3


def test_one_packed_pass_says_what_one_pass_a_step_says(judge: LikelihoodJudge) -> None:
    asked = judge.tokenize(TRACE)

    assert judge.ask_packed(asked) == pytest.approx(judge.ask_each(asked), abs=1e-5)


@settings(max_examples=15, deadline=None)
@given(steps=st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=6), problem=st.text(max_size=20))
def test_packed_and_naive_agree_on_any_text(judge: LikelihoodJudge, steps: list[str], problem: str) -> None:
    asked = judge.tokenize(JudgedTrace(problem, tuple(steps)))

    assert judge.ask_packed(asked) == pytest.approx(judge.ask_each(asked), abs=1e-5)


def test_a_trace_too_long_for_one_pass_takes_several_with_the_same_result(
    judge: LikelihoodJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = judge.tokenize(TRACE)
    at_once = judge.ask_packed(asked)
    monkeypatch.setattr(likelihood, "_MOST_PACKED_TOKENS", asked.num_tokens)

    assert judge.ask_packed(asked) == pytest.approx(at_once, abs=1e-5)


def test_a_step_never_sees_a_question_or_what_follows(judge: LikelihoodJudge) -> None:
    longer = JudgedTrace(TRACE.problem, (*TRACE.steps, "Something else entirely."))

    [short], [long] = judge.score([TRACE]), judge.score([longer])

    assert isinstance(short, Opinion)
    assert isinstance(long, Opinion)
    assert long.probabilities[:3] == pytest.approx(short.probabilities, abs=1e-5)


def test_a_model_that_carries_a_state_is_asked_step_by_step() -> None:
    judge = LikelihoodJudge(load_tiny(tiny.build_falcon_h1()), rubric=RUBRIC)

    [opinion] = judge.score([TRACE])

    assert isinstance(opinion, Opinion)
    assert opinion.probabilities == pytest.approx(judge.ask_each(judge.tokenize(TRACE)))


def test_a_trace_longer_than_the_context_gets_no_opinion_with_the_reason(judge: LikelihoodJudge) -> None:
    first, second = judge.score([JudgedTrace("x", ("y" * 3000,)), TRACE])

    assert isinstance(first, NoOpinion)
    assert first.reason.startswith("The trace is too long for this judge: 3,")
    assert isinstance(second, Opinion)


def test_the_reference_answer_is_shown_only_where_it_is_given(judge: LikelihoodJudge) -> None:
    blind = judge.tokenize(TRACE)
    seeing = judge.tokenize(JudgedTrace(TRACE.problem, TRACE.steps, reference_answer="11"))

    decode = tiny.build_tokenizer().decode
    assert "Reference answer" not in decode(list(blind.head))
    assert "Reference answer: 11" in decode(list(seeing.head))
    assert blind.question == seeing.question


def test_the_steps_stand_between_head_and_question_in_the_chat_form(judge: LikelihoodJudge) -> None:
    asked = judge.tokenize(TRACE)

    decode = tiny.build_tokenizer().decode
    assert decode(list(asked.head)).startswith("<|im_start|>user\nYou check the solution")
    assert decode(list(asked.head)).endswith("Solution, as far as it goes:\n\n")
    assert decode(list(asked.question)).endswith("Answer yes or no.\n<|im_end|>\n<|im_start|>assistant\n")


@pytest.mark.parametrize("rubric", ["", "{problem}", "{steps} {problem}", "{problem} {steps} {steps}"])
def test_a_rubric_without_its_places_is_refused(rubric: str) -> None:
    with pytest.raises(BadRubric):
        LikelihoodJudge(load_tiny(), rubric=rubric)


def test_braces_in_a_problem_stay_as_they_are(judge: LikelihoodJudge) -> None:
    asked = judge.tokenize(JudgedTrace("{steps} {problem} {x}", ("a",)))

    assert "{steps} {problem} {x}" in tiny.build_tokenizer().decode(list(asked.head))


def test_a_packed_sequence_masks_what_a_question_must_not_see() -> None:
    asked = AskedTrace(head=(1,), steps=((2, 3), (4,)), question=(8, 9))

    packed = pack(asked, range(2), device=torch.device("cpu"))

    assert packed.input_ids.tolist() == [[1, 2, 3, 8, 9, 4, 8, 9]]
    assert packed.positions.tolist() == [[0, 1, 2, 3, 4, 3, 4, 5]]
    assert packed.answers.tolist() == [4, 7]
    seen = packed.mask[0, 0].int().tolist()
    assert seen[4] == [1, 1, 1, 1, 1, 0, 0, 0]
    assert seen[5] == [1, 1, 1, 0, 0, 1, 0, 0]
    assert seen[7] == [1, 1, 1, 0, 0, 1, 1, 1]


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=20),
    most=st.integers(1, 200),
)
def test_groups_cover_each_step_once_and_fit_where_they_can(lengths: list[int], most: int) -> None:
    asked = AskedTrace((0,) * 5, tuple((1,) * length for length in lengths), (2,) * 4)

    groups = list_groups(asked, most_tokens=most)

    assert list(itertools.chain(*groups)) == list(range(len(lengths)))
    for group in groups:
        num_tokens = 5 + sum(lengths[: group[-1] + 1]) + 4 * len(group)
        assert len(group) == 1 or num_tokens <= most


def test_a_trace_without_steps_has_an_empty_opinion(judge: LikelihoodJudge) -> None:
    assert judge.score([JudgedTrace("x", ())]) == [Opinion(())]


@pytest.mark.model
def test_the_shipped_model_packed_and_naive_agree(settings: object) -> None:
    loaded = load_causal_lm("shipped", models_dir=settings.MODELS_DIR, dtype=torch.float32)  # type: ignore[attr-defined]
    judge = LikelihoodJudge(loaded, rubric=RUBRIC)
    asked = judge.tokenize(TRACE)

    assert judge.ask_packed(asked) == pytest.approx(judge.ask_each(asked), abs=1e-4)
