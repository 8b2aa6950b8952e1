"""GRPO through TRL with the hybrid reward: what is rewarded, watched, stopped, and given back."""

import json
from pathlib import Path
from typing import Any

import pytest

from rl_bridge import client, models, prm, rollouts, runs
from rl_bridge.data import Prompt
from rl_bridge.training import grpo
from rl_bridge.training.kinds import GrpoTraining
from rl_bridge.training.settings import BadTrainingSetting
from tests.rl_bridge.evaluating.test_command import write_reward_model
from tests.rl_bridge.export_folders import make_table, prompt_rows, write_export, write_prompts
from tests.rl_bridge.servers import Answer, serving
from tests.rl_bridge.test_prm import write_prm
from tests.rl_bridge.training.small import make_settings, read_log, train
from tests.rl_bridge.upstream import ignore_warnings_inside_trl

pytestmark = ignore_warnings_inside_trl

SMALL: dict[str, Any] = {
    "max_new_tokens": 8,
    "num_generations": 4,
    "batch_size": 4,
    "max_steps": 2,
    "lora_rank": 0,
}


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return write_prompts(tmp_path / "export")


def settings_of(export: Path, folder: Path, model: Path, **changes: Any) -> GrpoTraining:
    made = make_settings("grpo", export, folder, model, **{**SMALL, **changes})
    assert isinstance(made, GrpoTraining)
    return made


def test_all_rewards_train_together_while_a_held_out_judge_watches(
    export: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    judge = write_reward_model(tmp_path / "reward-run" / "model")
    (judge.parent / "metrics.json").write_text(json.dumps({"test_accuracy": 0.9}))
    settings = settings_of(
        export,
        tmp_path / "run",
        tiny_llama,
        prm=write_prm(tmp_path / "prm", tiny_llama),
        reward_model=judge,
        held_out_prm=write_other_prm(tmp_path / "held-out", tiny_llama),
    )

    summary = train(settings)

    logged = {key for entry in read_log(summary.folder) for key in entry}
    assert {"hybrid/outcome_reward", "hybrid/process_reward", "hybrid/preference_reward"} <= logged
    assert {"hybrid/format_reward", "hybrid/degenerate", "rewards/held_out/mean", "kl"} <= logged
    assert summary.metrics["was_stopped"] == 0.0
    assert any(warning.startswith("No alarm for longer completions: ") for warning in summary.warnings)
    assert any("prm was trained on steps cut by lines-1" in warning for warning in summary.warnings)
    weights = {
        name: summary.metrics[f"weight_{name}_reward"] for name in ("outcome", "process", "preference")
    }
    assert weights == pytest.approx({"outcome": 1.0, "process": 0.75, "preference": 0.75 * 0.8})
    card = (summary.folder / "model" / "README.md").read_text()
    assert (
        "`preference_reward` weighs 0.60 (labels 0.75 behind by people, Youden's J 0.80 on test rows)" in card
    )
    assert 0 < summary.metrics["rewards_held_out_mean_last"] < 1
    models.load_causal_lm(str(summary.folder / "model"), models_dir=tmp_path, device="cpu")
    kept = rollouts.read_rollouts(summary.folder)
    assert {each.prompt_id for each in kept} <= {0, 1, 2, 3}
    assert kept


def test_a_falcon_h1_policy_trains_by_the_verifier_alone(
    export: Path, tiny_falcon_h1: Path, tmp_path: Path
) -> None:
    summary = train(settings_of(export, tmp_path / "run", tiny_falcon_h1, reward="outcome", max_steps=1))

    logged = {key for entry in read_log(summary.folder) for key in entry}
    assert "hybrid/outcome_reward" in logged
    assert "hybrid/format_reward" not in logged
    assert rollouts.read_rollouts(summary.folder) == []


@pytest.mark.slow
def test_what_is_rewarded_is_learnt(
    export: Path, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def love_of_a(completions: list[str], **columns: Any) -> list[float | None]:
        return [text.count("a") / max(1, len(text)) for text in completions]

    monkeypatch.setattr(grpo.rewards, "outcome_reward", love_of_a)
    settings = settings_of(
        export,
        tmp_path / "run",
        tiny_llama,
        reward="outcome",
        batch_size=32,
        num_generations=8,
        max_steps=40,
        learning_rate=1e-2,
        beta=0.0,
    )

    summary = train(settings)

    assert summary.metrics["reward_first"] < 0.05
    assert summary.metrics["reward_last"] > 0.3


@pytest.mark.slow
def test_an_alarm_ends_the_run_and_is_said_first(export: Path, tiny_llama: Path, tmp_path: Path) -> None:
    settings = settings_of(
        export,
        tmp_path / "run",
        tiny_llama,
        max_steps=6,
        alarm_window=1,
        alarm_kl=0.05,
        learning_rate=0.5,
    )

    summary = train(settings)

    assert summary.metrics["was_stopped"] == 1.0
    assert summary.warnings[0].startswith("Stopped at step ")
    steps = [entry for entry in read_log(summary.folder) if "reward" in entry]
    assert len(steps) < 6
    assert "Stopped at step" in (summary.folder / "model" / "README.md").read_text()


def test_doubtful_roll_outs_go_to_the_queue_that_was_named(
    export: Path, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(client.TOKEN_VARIABLE, "gradus_secret")
    folder = write_prm(tmp_path / "prm", tiny_llama)
    with serving(lambda asked: Answer(201, b'{"num_made": 2}')) as server:
        settings = settings_of(
            export,
            tmp_path / "run",
            tiny_llama,
            prm=folder,
            return_to=f"{server.url}/p/sums/",
            return_at_most=3,
            max_steps=1,
        )
        summary = train(settings)

    [asked] = server.asked
    sent = json.loads(asked.body)
    assert (sent["project"], sent["run"], len(sent["rollouts"])) == ("sums", "run", 3)
    assert any("2 of 3 roll-outs are new" in warning for warning in summary.warnings)


def test_a_queue_that_cannot_be_reached_costs_no_run(
    export: Path, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(client.TOKEN_VARIABLE, "gradus_secret")
    settings = settings_of(
        export,
        tmp_path / "run",
        tiny_llama,
        prm=write_prm(tmp_path / "prm", tiny_llama),
        return_to="http://127.0.0.1:9/p/sums/",
        allow_http=True,
        max_steps=1,
    )

    summary = train(settings)

    assert any("could not be returned" in warning for warning in summary.warnings)
    again = f"rl_bridge return --run {summary.folder} --to http://127.0.0.1:9/p/sums/ --allow-http"
    assert any(warning.endswith(again) for warning in summary.warnings)
    assert rollouts.read_rollouts(summary.folder)


def test_the_judge_that_rewards_cannot_watch(export: Path, tiny_llama: Path, tmp_path: Path) -> None:
    settings = settings_of(
        export,
        tmp_path / "run",
        tiny_llama,
        prm=write_prm(tmp_path / "prm", tiny_llama),
        held_out_prm=write_prm(tmp_path / "copy", tiny_llama),
    )

    with pytest.raises(grpo.BadJudge, match="can't watch"):
        train(settings)
    assert not (tmp_path / "run").exists()


def test_prompts_that_do_not_fit_are_left_out_and_counted(tiny_llama: Path, tmp_path: Path) -> None:
    rows = [*prompt_rows(3), {**prompt_rows(1)[0], "prompt": "x" * 200}]
    export = write_export(tmp_path / "export", {("prompts", "train"): make_table("prompts", rows)})

    summary = train(settings_of(export, tmp_path / "run", tiny_llama, max_steps=1, limit_length=100))

    assert any("1 of 4 prompts left out" in warning for warning in summary.warnings)
    with pytest.raises(runs.NothingToTrainOn, match="none fits 12 tokens"):
        train(settings_of(export, tmp_path / "again", tiny_llama, limit_length=20))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"batch_size": 6}, "must be a multiple of num-generations"),
        ({"reward": "outcome", "prm": Path("x")}, "leave out prm"),
        ({"prm": Path("x"), "held_out_prm": Path("x")}, "must be another model"),
        ({"num_generations": 1}, "num-generations must be at least"),
    ],
)
def test_settings_that_cannot_go_together_are_said(
    changes: dict[str, Any], complaint: str, export: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadTrainingSetting, match=complaint):
        settings_of(export, tmp_path / "run", tmp_path, **changes)


def test_judges_see_prompts_as_they_were_exported() -> None:
    seen: list[Any] = []

    def reward(prompts: list[Prompt], completions: list[str], **columns: Any) -> list[float | None]:
        seen.extend(prompts)
        return [1.0] * len(prompts)

    asked = grpo.read_asked(reward)  # type: ignore[arg-type]
    asked(prompts=["<user>p"], completions=["c"], asked=["p"])
    asked(prompts=["q"], completions=["c"])

    assert seen == ["p", "q"]


def write_other_prm(folder: Path, backbone: Path) -> Path:
    """A PRM with other weights than `write_prm` makes."""
    opened = prm.load_prm(write_prm(folder / "first", backbone), device="cpu")
    opened.model.head.weight.data += 1.0
    prm.save_prm(folder / "other", model=opened.model, tokenizer=opened.tokenizer, config=opened.config)
    return folder / "other"
