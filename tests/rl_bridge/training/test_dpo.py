"""DPO through TRL: two steps on each preference config, and a policy that opens afterwards."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from tokenizers import processors

from rl_bridge import manifest, models, runs
from rl_bridge.training import rows
from rl_bridge.training.settings import BadTrainingSetting, TrainingSettings
from tests.rl_bridge import export_folders, tiny
from tests.rl_bridge.training.small import make_settings, train
from tests.rl_bridge.upstream import ignore_warnings_inside_trl

pytestmark = ignore_warnings_inside_trl


def training(export: Path, output: Path, model: Path, **changes: object) -> TrainingSettings:
    """Settings that train a tiny model in seconds."""
    return make_settings("dpo", export, output, model, **changes)


@pytest.mark.parametrize("config", ["preference", "step_preference"])
def test_both_preference_configs_train(
    export_folder: Path, tiny_llama: Path, tmp_path: Path, config: str
) -> None:
    summary = train(training(export_folder, tmp_path / "run", tiny_llama, dataset=config))

    assert summary.metrics["train_loss"] == pytest.approx(0.693, abs=0.05)
    assert "rewards_accuracies" in summary.metrics
    data = json.loads((summary.folder / "data.json").read_text())
    assert [name.split("/")[0] for name in data["files"]] == [config]
    assert "manifest SHA-256" in (summary.folder / "model" / "README.md").read_text()


def test_the_trained_policy_opens_and_differs(export_folder: Path, tiny_llama: Path, tmp_path: Path) -> None:
    summary = train(training(export_folder, tmp_path / "run", tiny_llama, lora_rank=0, learning_rate=1e-3))

    before = models.load_causal_lm(str(tiny_llama), models_dir=tmp_path, device="cpu")
    after = models.load_causal_lm(str(summary.folder / "model"), models_dir=tmp_path, device="cpu")
    assert after.revision != before.revision
    assert after.tokenizer.chat_template == before.tokenizer.chat_template


def test_preferences_are_learnt(export_folder: Path, tiny_llama: Path, tmp_path: Path) -> None:
    summary = train(
        training(
            export_folder,
            tmp_path / "run",
            tiny_llama,
            lora_rank=0,
            learning_rate=2e-3,
            max_steps=30,
            batch_size=8,
        )
    )

    assert summary.metrics["rewards_accuracies"] == 1.0
    assert summary.metrics["rewards_margins"] > 0.1


def test_beta_scales_the_rewards(export_folder: Path, tiny_llama: Path, tmp_path: Path) -> None:
    low, high = (
        train(
            training(
                export_folder, tmp_path / str(beta), tiny_llama, lora_rank=0, beta=beta, learning_rate=1e-4
            )
        )
        for beta in (0.01, 1.0)
    )

    # Both see the same pairs and Adam's first step hardly depends on the scale of the loss.
    assert abs(high.metrics["rewards_margins"]) > 20 * abs(low.metrics["rewards_margins"])


def test_text_prompts_are_trained_on_as_the_policy_saw_them() -> None:
    table = pa.table({"prompt": ["What?"], "chosen": ["a"], "rejected": ["b"]})
    tokenizer = tiny.build_tokenizer()

    rendered = rows.render_prompts(table, tokenizer)["prompt"].to_pylist()
    assert rendered == ["<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\n"]

    begins = processors.TemplateProcessing(single="<|im_start|> $A", special_tokens=[("<|im_start|>", 1)])
    tokenizer.backend_tokenizer.post_processor = begins
    (prompt,) = rows.render_prompts(table, tokenizer)["prompt"].to_pylist()
    assert tokenizer.decode(tokenizer(prompt).input_ids) == rendered[0]


def test_messages_and_plain_models_keep_their_prompts() -> None:
    talk = pa.array([[{"role": "user", "content": "What?"}]], export_folders.MESSAGES)
    messages = pa.table({"prompt": talk, "chosen": talk, "rejected": talk})
    plain = tiny.build_tokenizer()
    plain.chat_template = None
    text = pa.table({"prompt": ["What?"], "chosen": ["a"], "rejected": ["b"]})

    assert rows.render_prompts(messages, tiny.build_tokenizer()) == messages
    assert rows.render_prompts(text, plain) == text


def test_a_falcon_h1_policy_trains(export_folder: Path, tiny_falcon_h1: Path, tmp_path: Path) -> None:
    summary = train(training(export_folder, tmp_path / "run", tiny_falcon_h1, lora_rank=0))

    assert summary.metrics["train_loss"] == pytest.approx(0.693, abs=0.05)


def test_an_export_without_preferences_is_refused(
    export_folder: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    with pytest.raises(manifest.MissingConfig, match="has no split 'dev'"):
        train(training(export_folder, tmp_path / "run", tiny_llama, split="dev"))


def test_an_empty_split_is_refused_before_a_model_is_looked_for(tmp_path: Path) -> None:
    empty = export_folders.make_table("preference", [])
    export = export_folders.write_export(tmp_path / "export", {("preference", "train"): empty})

    with pytest.raises(runs.NothingToTrainOn, match=r"'train' of preference in .* has no rows"):
        train(training(export, tmp_path / "run", tmp_path / "no-model"))

    assert not (tmp_path / "run").exists()


def test_long_text_columns_are_put_into_the_template_too() -> None:
    prompts = pa.array(["What?"], pa.large_string())
    table = pa.table({"prompt": prompts, "chosen": ["a"], "rejected": ["b"]})

    (rendered,) = rows.render_prompts(table, tiny.build_tokenizer())["prompt"].to_pylist()

    assert rendered == "<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\n"


@pytest.mark.parametrize("change", [{"dataset": "sft"}, {"lora_rank": -1}, {"beta": 0.0}])
def test_a_setting_out_of_range_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(BadTrainingSetting):
        training(tmp_path, tmp_path, tmp_path, **change)
