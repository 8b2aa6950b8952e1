"""Each trainer's preparation on tables: what it lets through, and what would be lost on the way."""

from __future__ import annotations

from typing import Any

import pytest

from rl_bridge.check_trainers import PREPARATIONS, Preparation
from tests.rl_bridge import tiny
from tests.rl_bridge.export_folders import SCHEMAS, make_table, preference_rows, prompt_rows, sum_rows

pytestmark = [
    # TRL 1.16 still asks transformers 5.23 by the old name.
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]


def find(config: str, name: str) -> Preparation:
    return next(one for one in PREPARATIONS[config] if one.reader.startswith(name))


def run(config: str, name: str, rows: list[dict[str, Any]]) -> None:
    find(config, name).run(make_table(config, rows), tiny.build_tokenizer())


def unpaired_rows() -> list[dict[str, Any]]:
    return [{"prompt": f"{i} + 1?", "completion": f" {i + 1}", "label": i % 2 == 0} for i in range(4)]


def sft_rows() -> list[dict[str, Any]]:
    return [{"prompt": f"{i} + 1?", "completion": f" {i + 1}"} for i in range(4)]


def test_every_dataset_that_trains_has_a_preparation() -> None:
    assert set(PREPARATIONS) == set(SCHEMAS)


@pytest.mark.parametrize(
    ("config", "name", "rows"),
    [
        ("stepwise", "our PRM", sum_rows(5)),
        ("preference", "DPO", preference_rows(5)),
        ("preference", "Reward", preference_rows(5)),
        ("step_preference", "DPO", preference_rows(1)),
        ("unpaired_preference", "KTO", unpaired_rows()),
        ("unpaired_preference", "KTO", unpaired_rows()[:1]),
        ("sft", "SFT", sft_rows()),
        ("prompts", "GRPO", prompt_rows(3)),
        ("prompts", "GRPO", prompt_rows(1)),
    ],
)
def test_sound_rows_are_taken_also_a_single_one(config: str, name: str, rows: list[dict[str, Any]]) -> None:
    run(config, name, rows)


def test_long_rows_are_not_cut_in_the_check() -> None:
    long = "a step that goes on and on. " * 400

    run("preference", "DPO", [{"prompt": long, "chosen": long, "rejected": "no", "margin": 1.0}])
    run("sft", "SFT", [{"prompt": long, "completion": long}])
    run(
        "stepwise",
        "our PRM",
        [{"prompt": long, "completions": [long, long], "labels": [1, 0], "probabilities": [0.9, 0.1]}],
    )


@pytest.mark.parametrize(
    "text", ["é", "\u202eשלום\r\n", "e\u0301", "\U0001f9ee", "<|im_start|>", "{{ x }}", "\t\n x"]
)
def test_odd_texts_go_through(text: str) -> None:
    run("preference", "DPO", [{"prompt": text, "chosen": text + "1", "rejected": text + "2", "margin": 0.0}])
    run("sft", "SFT", [{"prompt": text, "completion": text}])


@pytest.mark.parametrize(
    ("config", "name", "rows", "said"),
    [
        ("sft", "SFT", [{"prompt": "1 + 1?", "completion": None}], ""),
        ("preference", "DPO", [{**preference_rows(1)[0], "chosen": None}], ""),
        (
            "stepwise",
            "our PRM",
            [{"prompt": "?", "completions": ["a"], "labels": [-100], "probabilities": [0.5]}],
            "no step of theirs has a label",
        ),
        ("stepwise", "our PRM", [{"prompt": "?", "completions": [], "labels": [], "probabilities": []}], ""),
    ],
)
def test_what_a_trainer_can_not_learn_from_is_refused(
    config: str, name: str, rows: list[dict[str, Any]], said: str
) -> None:
    with pytest.raises(Exception, match=said or "."):
        run(config, name, rows)


def test_a_dataset_without_margins_is_a_loss_for_the_reward_model() -> None:
    table = make_table("preference", preference_rows(3)).drop_columns(["margin"])

    with pytest.raises(Exception, match="the margin is lost"):
        find("preference", "Reward").run(table, tiny.build_tokenizer())


def test_a_reward_must_be_handed_what_verifies() -> None:
    table = make_table("prompts", prompt_rows(2)).drop_columns(["ground_truth"])

    with pytest.raises(Exception, match="not handed ground_truth"):
        find("prompts", "GRPO").run(table, tiny.build_tokenizer())
