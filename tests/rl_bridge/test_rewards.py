"""Reward functions, alone and inside TRL's GRPOTrainer."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from rl_bridge import data, manifest, prm, rewards, verifiers
from tests.rl_bridge.test_prm import write_prm
from tests.rl_bridge.upstream import ignore_warnings_inside_trl


def test_outcome_rewards_correct_answers_and_leaves_open_what_no_verifier_decides() -> None:
    found = rewards.outcome_reward(
        completions=["2 + 2 = 4", "It is 5", "anything"],
        ground_truth=["4", "4", ""],
        verifier=["numeric", "numeric", ""],
        prompts=["a", "b", "c"],
        trainer_state=None,
    )

    assert found == [1.0, 0.0, None]


def test_outcome_reads_conversational_completions() -> None:
    completions: list[rewards.Completion] = [[{"role": "assistant", "content": "The answer is 4."}]]

    assert rewards.outcome_reward(completions, ["4"], ["numeric"]) == [1.0]


def test_outcome_raises_on_a_broken_prompt() -> None:
    with pytest.raises(verifiers.BadGroundTruth):
        rewards.outcome_reward(["4"], ["four"], ["numeric"])


@pytest.mark.parametrize(
    ("completion", "reward"),
    [
        ("The answer is 4.", 1.0),
        (r"\boxed{4}", 1.0),
        ("<think>2 and 2</think>\nThe answer is 4.", 1.0),
        ("2 + 2 = 4", 0.0),
        ("<think>The answer is 4.", 0.0),
        ("</think>2 and 2<think>\nThe answer is 4.", 0.0),
        ("<think>a</think><think>b</think> The answer is 4.", 0.0),
        ("", 0.0),
    ],
)
def test_format_rewards_a_stated_answer_and_closed_thinking(completion: str, reward: float) -> None:
    assert rewards.format_reward([completion]) == [reward]


def score_by_length(
    traces: Sequence[tuple[data.Prompt, tuple[str, ...]]],
) -> list[list[float]]:
    """A judge that finds long steps doubtful."""
    return [[1 - len(step) / 10 for step in steps] for _, steps in traces]


def test_process_reward_is_the_weakest_step_clipped() -> None:
    reward = rewards.make_process_reward(score_traces=score_by_length, cut_steps=rewards.cut_lines)

    found = reward(prompts=["p"] * 3, completions=["ab\nabcd\na", "  \n", "a" * 30], ground_truth=["1"] * 3)

    assert found == [pytest.approx(0.5), None, 0.0]
    assert reward.__name__ == "process_reward"


def test_process_reward_of_nothing_asks_no_judge() -> None:
    reward = rewards.make_process_reward(score_traces=score_by_length, cut_steps=rewards.cut_lines)

    assert reward(prompts=["p"], completions=[""]) == [None]


@given(st.text())
def test_cutting_lines_loses_nothing(text: str) -> None:
    steps = rewards.cut_lines(text)

    assert "".join(steps) == text
    if text.strip():
        assert all(step.strip() for step in steps)


def test_a_line_is_a_step_and_blank_lines_belong_to_the_step_before() -> None:
    assert rewards.cut_lines("\none\n\n\ntwo\r\nthree") == ["\none\n\n\n", "two\r\n", "three"]


@ignore_warnings_inside_trl
def test_grpo_trains_with_outcome_format_and_process_rewards(
    export_folder: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    prompts = data.load_config(manifest.open_export(export_folder), "prompts", "train")
    seen: list[dict[str, list[object]]] = []

    def recorded_outcome(completions: list[str], **columns: list[object]) -> list[float | None]:
        seen.append(columns)
        return rewards.outcome_reward(completions, columns["ground_truth"], columns["verifier"])  # type: ignore[arg-type]

    trainer = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(tiny_llama),
        reward_funcs=[
            recorded_outcome,
            rewards.format_reward,
            rewards.make_process_reward(score_traces=score_by_length, cut_steps=rewards.cut_lines),
        ],
        args=grpo_arguments(tmp_path, max_steps=2),
        train_dataset=Dataset(prompts.table),
        processing_class=AutoTokenizer.from_pretrained(tiny_llama),
    )
    trainer.train()

    logged = {key for entry in trainer.state.log_history for key in entry}
    assert {"rewards/format_reward/mean", "rewards/process_reward/mean"} <= logged
    assert len(seen) == 2
    assert {"ground_truth", "verifier", "prompt_id", "prompts"} <= set(seen[0])


@ignore_warnings_inside_trl
def test_a_falcon_h1_policy_trains_with_our_own_prm_as_reward(
    export_folder: Path, tiny_falcon_h1: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    opened = prm.load_prm(write_prm(tmp_path / "prm", tiny_llama), device="cpu")
    reward = rewards.make_process_reward(
        score_traces=lambda traces: prm.score_traces(opened, [prm.TraceToScore(p, s) for p, s in traces]),
        cut_steps=rewards.cut_lines,
    )
    prompts = data.load_config(manifest.open_export(export_folder), "prompts", "train")

    trainer = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(tiny_falcon_h1),
        reward_funcs=reward,
        args=grpo_arguments(tmp_path, max_steps=1),
        train_dataset=Dataset(prompts.table),
        processing_class=AutoTokenizer.from_pretrained(tiny_falcon_h1),
    )
    trainer.train()

    mean = trainer.state.log_history[0]["rewards/process_reward/mean"]
    assert 0 < float(mean) < 1


def grpo_arguments(folder: Path, *, max_steps: int) -> GRPOConfig:
    """GRPO on a CPU, four short completions of one prompt a step."""
    return GRPOConfig(
        output_dir=str(folder),
        max_steps=max_steps,
        per_device_train_batch_size=4,
        num_generations=4,
        max_completion_length=8,
        use_cpu=True,
        bf16=False,
        activation_checkpointing=False,
        save_strategy="no",
        report_to="none",
        logging_steps=1,
        dataloader_pin_memory=False,
    )
