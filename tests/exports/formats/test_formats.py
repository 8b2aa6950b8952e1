"""Each dataset's rows: DOMAIN's columns, exact texts, and what makes no row."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.candidates import FORMATS
from exports.checks import content_of
from exports.formats import evidence, preference, prompts, sft, step_preference, stepwise, unpaired_preference
from exports.formats.dataset import FormName, as_assistant, as_user
from exports.labels import LeftOut
from exports.policy import CONFIGS, ExportPolicy
from exports.rows import AskedPrompt, Chat
from tests.exports.candidates import make_pair, make_trace
from tests.exports.said import JudgeScores, RaterLabels, TraceEvidence, as_columns
from tests.factories import NOW

POLICY = ExportPolicy()
FORMS: tuple[FormName, ...] = ("standard", "conversational")
COLUMNS = {
    "stepwise": ["prompt", "completions", "labels", "probabilities"],
    "preference": ["prompt", "chosen", "rejected", "margin"],
    "step_preference": ["prompt", "chosen", "rejected", "margin"],
    "unpaired_preference": ["prompt", "completion", "label"],
    "sft": ["prompt", "completion"],
    "prompts": ["prompt", "ground_truth", "verifier", "prompt_id"],
}
TOKENIZED = {
    "prompts",
    "completions",
    "input_ids",
    "chosen_ids",
    "rejected_ids",
    "prompt_ids",
    "completion_ids",
}
step_lists = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=10)


def read_back(config: str, form: FormName, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return pa.Table.from_pylist(rows, schema=FORMATS[config].schema(form)).to_pylist()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("config", CONFIGS)
def test_columns_are_trls_and_none_passes_for_tokens(config: str, form: FormName) -> None:
    names = FORMATS[config].schema(form).names

    assert names[: len(COLUMNS.get(config, []))] == COLUMNS.get(config, [])
    assert not TOKENIZED & set(names) - ({"completions"} if config == "stepwise" else set())


@given(step_lists, st.data())
def test_stepwise_steps_join_to_the_completion(steps: list[str], data: st.DataObject) -> None:
    posterior = data.draw(st.lists(st.floats(0, 1), min_size=len(steps), max_size=len(steps)))
    trace = make_trace(posterior, steps)

    row = stepwise.make_row(trace, POLICY, "standard")

    if not isinstance(row, LeftOut):
        assert row["completions"] == steps
        assert "".join(row["completions"]) == trace.completion
        assert len(row["labels"]) == len(row["probabilities"]) == len(steps)
        assert row["probabilities"] == posterior


def test_stepwise_types_are_exact() -> None:
    schema = stepwise.schema("conversational")

    assert schema.field("prompt").type == pa.string()  # it has the standard form only
    assert schema.field("labels").type == pa.list_(pa.int8())
    assert schema.field("probabilities").type == pa.list_(pa.float64())


def test_a_stepwise_row_holds_labels_and_where_they_come_from() -> None:
    row = stepwise.make_row(make_trace((0.95, 0.5, 0.1)), POLICY, "standard")

    assert read_back("stepwise", "standard", [row]) == [  # type: ignore[list-item]
        {
            "prompt": "What is it?",
            "completions": ["One.\n", "Two.\n", "Three."],
            "labels": [1, -100, 0],
            "probabilities": [0.95, 0.5, 0.1],
            "prompt_id": "10",
            "trace_id": "1",
            "provenance": "human",
        }
    ]


def test_a_trace_without_a_clear_step_makes_no_stepwise_row() -> None:
    assert stepwise.make_row(make_trace((0.5, 0.6, 0.4)), POLICY, "standard") == LeftOut("no_clear_step")


def test_a_blank_completion_makes_no_row_anywhere() -> None:
    blank = make_trace((0.95,), (" \n",))

    made = [module.make_row(blank, POLICY, "standard") for module in (stepwise, sft, unpaired_preference)]

    assert made == [LeftOut("empty_completion")] * 3


@pytest.mark.parametrize(("p", "label"), [(0.95, True), (0.8, True), (0.1, False), (0.0, False)])
def test_an_unpaired_label_is_a_real_boolean(p: float, label: bool) -> None:
    row = unpaired_preference.make_row(make_trace((p,), ("x",)), POLICY, "standard")

    assert not isinstance(row, LeftOut)
    assert row["label"] is label
    assert unpaired_preference.schema("standard").field("label").type == pa.bool_()


def test_an_undecided_trace_is_neither_desirable_nor_not() -> None:
    assert unpaired_preference.make_row(make_trace((0.5,), ("x",)), POLICY, "standard") == LeftOut(
        "undecided"
    )


@pytest.mark.parametrize(("p", "is_taken"), [(0.9, True), (0.95, True), (0.89, False)])
def test_only_sure_traces_are_imitated(p: float, is_taken: bool) -> None:
    row = sft.make_row(make_trace((p,), ("x",)), POLICY, "standard")

    assert (row == LeftOut("not_sure_enough")) is not is_taken


@pytest.mark.parametrize("module", [sft, unpaired_preference])
def test_a_trace_without_a_posterior_makes_no_row(module: Any) -> None:
    assert module.make_row(make_trace(()), POLICY, "standard") == LeftOut("no_evidence")


@given(st.text(), st.sampled_from(FORMS))
def test_both_forms_hold_the_same_text(text: str, form: FormName) -> None:
    assert content_of(as_user(text, form)) == text
    assert content_of(as_assistant(text, form)) == text


def test_the_conversational_form_has_one_message_each() -> None:
    row = preference.make_row(make_pair(), POLICY, "conversational")

    stored = read_back("preference", "conversational", [row])[0]  # type: ignore[list-item]
    assert stored["prompt"] == [{"role": "user", "content": "What is it?"}]
    assert stored["chosen"] == [{"role": "assistant", "content": "One.\nTwo.\nThree."}]
    assert stored["rejected"] == [{"role": "assistant", "content": "One.\nToo.\nFree."}]
    assert (stored["margin"], stored["chosen_trace"], stored["rejected_trace"]) == (2.5, "1", "2")


def test_a_step_preference_forks_where_the_traces_differ() -> None:
    row = step_preference.make_row(make_pair(), POLICY, "conversational")

    assert not isinstance(row, LeftOut)
    assert (row["prompt"], row["chosen"], row["rejected"]) == ("What is it?One.\n", "Two.\n", "Too.\n")


@pytest.mark.parametrize(
    "rejected",
    [
        make_trace((0.99, 0.5, 0.1), ("One.\n", "Too.\n", "Free.")),  # the fork is undecided
        make_trace((0.99, 0.95, 0.1), ("One.\n", "Too.\n", "Free.")),  # both steps stand, it errs later
        make_trace((0.99, 0.97), ("One.\n", "Two.\n")),  # one is the start of the other
        make_trace((), ("One.\n", "Too.\n", "Free.")),
    ],
)
def test_a_fork_without_a_clear_loser_makes_no_row(rejected: Any) -> None:
    assert step_preference.make_row(make_pair(rejected=rejected), POLICY, "standard") == LeftOut(
        "no_shared_error"
    )


@pytest.mark.parametrize("form", FORMS)
def test_a_prompt_without_a_verifier_has_empty_texts_and_no_nulls(form: FormName) -> None:
    row = prompts.make_row(AskedPrompt(3, "Why?", "", ""), form)

    stored = read_back("prompts", form, [row])[0]
    assert content_of(stored["prompt"]) == "Why?"
    assert (stored["ground_truth"], stored["verifier"], stored["prompt_id"]) == ("", "", "3")


def test_a_step_preference_continues_the_models_own_chat_template() -> None:
    chat = Chat("<u>{{ messages[0].content }}</u>{% if add_generation_prompt %}<a>{% endif %}", {}, NOW)
    pair = make_pair(
        make_trace(chat=chat), make_trace((0.99, 0.05), ("One.\n", "Too.\n"), trace_id=2, chat=chat)
    )

    row = step_preference.make_row(pair, POLICY, "standard")

    assert not isinstance(row, LeftOut)
    assert row["prompt"] == "<u>What is it?</u><a>One.\n"  # the assistant's turn stays open


@pytest.mark.parametrize(
    ("chat", "other", "reason"),
    [
        (Chat("<{{ messages[0].content }}>", {}, NOW), None, "different_prompts"),
        (Chat("{{ raise_exception('no') }}", {}, NOW), None, "broken_chat_template"),
    ],
)
def test_a_fork_between_two_ways_of_asking_makes_no_row(chat: Chat, other: Chat | None, reason: str) -> None:
    pair = make_pair(
        make_trace(chat=chat), make_trace((0.99, 0.05), ("One.\n", "Too.\n"), trace_id=2, chat=other)
    )

    assert step_preference.make_row(pair, POLICY, "standard") == LeftOut(reason)


def test_a_blank_step_is_no_preference() -> None:
    blank = make_trace((0.99, 0.97, 0.95), ("One.\n", "\n", "Three."))

    assert step_preference.make_row(make_pair(blank), POLICY, "standard") == LeftOut("empty_completion")


def test_evidence_has_a_row_a_step_with_all_that_was_said() -> None:
    trace = make_trace((0.99, 0.05, 0.05), first_error=1)
    ratings = [
        RaterLabels("7", (1, -1, None), False, {1: "Calculation"}, {1: "Two, twice."}),
        RaterLabels("9", (1, 0, 1), is_assisted=True),
    ]

    scores = [JudgeScores("sums@1", (0.9, None, 0.2))]
    found = TraceEvidence(trace, tuple(ratings), tuple(scores))

    stored = evidence.make_table(as_columns([found])).to_pylist()
    assert [row["text"] for row in stored] == ["One.\n", "Two.\n", "Three."]
    assert [row["is_first_error"] for row in stored] == [False, True, False]
    assert stored[1]["ratings"] == [
        {
            "rater": "7",
            "label": -1,
            "is_assisted": False,
            "error_category": "Calculation",
            "rewrite": "Two, twice.",
        },
        {"rater": "9", "label": 0, "is_assisted": True, "error_category": None, "rewrite": None},
    ]
    assert [len(row["ratings"]) for row in stored] == [2, 2, 1]
    assert stored[1]["judge_scores"] == [{"judge": "sums@1", "probability": None}]


def test_evidence_of_a_trace_nobody_judged_has_nulls() -> None:
    found = as_columns([TraceEvidence(make_trace((), provenance="none"), (), ())])

    rows = evidence.make_table(found).to_pylist()

    assert {(row["posterior"], row["is_first_error"]) for row in rows} == {(None, None)}
