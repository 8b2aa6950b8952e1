"""Exports against what reads them: `datasets` opens every config, and TRL's own preparation takes each dataset.

One world is exported once in each form; the model is tiny and random, the preparation is the installed TRL's own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, Features, List, Value, load_dataset
from transformers import AutoModelForSequenceClassification
from trl import (
    DPOConfig,
    DPOTrainer,
    GRPOConfig,
    GRPOTrainer,
    KTOConfig,
    KTOTrainer,
    RewardConfig,
    RewardTrainer,
    SFTConfig,
    SFTTrainer,
)

from exports.formats.dataset import FormName
from exports.policy import CONFIGS
from rl_bridge.data import check_export, load_stepwise
from tests.contracts.conftest import FORMS
from tests.exports.worlds import RIGHT, TEMPLATE, WRONG
from tests.rl_bridge import tiny

pytestmark = [
    pytest.mark.django_db,  # the fixture needs the test database
    # TRL 1.16 still asks transformers 5.23 by the old name.
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]

TEXT = Value("string")
MESSAGES = List({"role": TEXT, "content": TEXT})
IDS = {"prompt_id": TEXT, "trace_id": TEXT, "provenance": TEXT}
PAIR_IDS = {"prompt_id": TEXT, "chosen_trace": TEXT, "rejected_trace": TEXT, "provenance": TEXT}


def load(folder: Path, config: str, split: str = "train") -> Dataset:
    return load_dataset(str(folder), config, split=split)


def expected_features(form: FormName) -> dict[str, Features]:
    text = TEXT if form == "standard" else MESSAGES
    rating = {
        "rater": TEXT,
        "label": Value("int8"),
        "is_assisted": Value("bool"),
        "error_category": TEXT,
        "rewrite": TEXT,
    }
    steps = {
        "completions": List(TEXT),
        "labels": List(Value("int8")),
        "probabilities": List(Value("float64")),
    }
    pair = {"chosen": text, "rejected": text, "margin": Value("float64"), **PAIR_IDS}
    step_pair = {"chosen": TEXT, "rejected": TEXT, "margin": Value("float64"), **PAIR_IDS}
    return {
        "stepwise": Features({"prompt": TEXT, **steps, **IDS}),
        "preference": Features({"prompt": text, **pair}),
        "step_preference": Features({"prompt": TEXT, **step_pair}),
        "unpaired_preference": Features({"prompt": text, "completion": text, "label": Value("bool"), **IDS}),
        "sft": Features({"prompt": text, "completion": text, **IDS}),
        "prompts": Features({"prompt": text, "ground_truth": TEXT, "verifier": TEXT, "prompt_id": TEXT}),
        "evidence": Features(
            {
                "prompt_id": TEXT,
                "trace_id": TEXT,
                "step": Value("int32"),
                "text": TEXT,
                "posterior": Value("float64"),
                "provenance": TEXT,
                "is_first_error": Value("bool"),
                "ratings": List(rating),
                "judge_scores": List({"judge": TEXT, "probability": Value("float64")}),
                "decision": Value("int8"),
                "model": TEXT,
            }
        ),
    }


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("config", CONFIGS)
def test_datasets_opens_every_config_with_exact_features(
    folders: dict[str, Path], config: str, form: FormName
) -> None:
    loaded = load_dataset(str(folders[form]), config)

    counts = json.loads((folders[form] / "manifest.json").read_text())["counts"]["configs"][config]["rows"]
    assert {split: rows.num_rows for split, rows in loaded.items()} == counts
    assert set(loaded) == {"train", "validation", "test"}
    for rows in loaded.values():
        assert rows.features == expected_features(form)[config]


def test_our_own_reader_accepts_every_file(folders: dict[str, Path]) -> None:
    for folder in folders.values():
        assert check_export(folder).configs == CONFIGS


def test_steps_reach_the_prm_trainer_exactly(folders: dict[str, Path]) -> None:
    rows, _ = load_stepwise(check_export(folders["standard"]), "train")

    assert {"".join(row.steps) for row in rows} == {"".join(RIGHT), "".join(WRONG)}
    assert all(str(row.prompt).startswith(TEMPLATE.partition("{")[0]) for row in rows)
    assert {row.labels for row in rows} == {(1, 1, 1), (1, 0, 0)}


def arguments(folder: Path, **extra: Any) -> dict[str, Any]:
    """What every trainer is given: one step on the processor, in a folder of its own, saying nothing."""
    return {
        "output_dir": str(folder),
        "max_steps": 1,
        "per_device_train_batch_size": 2,
        "use_cpu": True,
        "report_to": [],
        "logging_steps": 1,
        "save_strategy": "no",
        "disable_tqdm": True,
        "bf16": False,
        "activation_checkpointing": False,
        **extra,
    }


def train(trainer: Any) -> dict[str, Any]:
    trainer.train()
    return next(row for row in trainer.state.log_history if "loss" in row)


@pytest.mark.parametrize("form", FORMS)
def test_dpo_trains_on_preference(folders: dict[str, Path], form: FormName, tmp_path: Path) -> None:
    trainer = DPOTrainer(
        model=tiny.build_llama(),
        ref_model=tiny.build_llama(),
        args=DPOConfig(**arguments(tmp_path)),
        train_dataset=load(folders[form], "preference"),
        processing_class=tiny.build_tokenizer(),
    )

    assert train(trainer)["loss"] == pytest.approx(0.693, abs=0.01)  # ln 2: as good as its reference


def test_dpo_trains_on_step_preference(folders: dict[str, Path], tmp_path: Path) -> None:
    rows = load(folders["conversational"], "step_preference")
    trainer = DPOTrainer(
        model=tiny.build_llama(),
        ref_model=tiny.build_llama(),
        args=DPOConfig(**arguments(tmp_path)),
        train_dataset=rows,
        processing_class=tiny.build_tokenizer(),
    )

    assert rows[0]["prompt"].endswith(RIGHT[0])
    assert (rows[0]["chosen"], rows[0]["rejected"]) == (RIGHT[1], WRONG[1])
    assert train(trainer)["loss"] == pytest.approx(0.693, abs=0.01)


@pytest.mark.parametrize("form", FORMS)
def test_kto_trains_on_unpaired_preference(folders: dict[str, Path], form: FormName, tmp_path: Path) -> None:
    rows = load(folders[form], "unpaired_preference")
    trainer = KTOTrainer(
        model=tiny.build_llama(),
        ref_model=tiny.build_llama(),
        args=KTOConfig(**arguments(tmp_path)),
        train_dataset=rows,
        processing_class=tiny.build_tokenizer(),
    )

    assert set(rows["label"]) == {True, False}
    assert train(trainer)["loss"] == pytest.approx(0.5, abs=0.05)  # one minus sigma(0), twice over


@pytest.mark.parametrize("form", FORMS)
def test_sft_trains_on_the_completion_only(folders: dict[str, Path], form: FormName, tmp_path: Path) -> None:
    trainer = SFTTrainer(
        model=tiny.build_llama(),
        args=SFTConfig(**arguments(tmp_path, loss_type="nll")),
        train_dataset=load(folders[form], "sft"),
        processing_class=tiny.build_tokenizer(),
    )

    assert train(trainer)["loss"] > 0.0
    assert {"labels", "completion_mask"} & set(trainer.train_dataset.column_names)


def test_the_reward_trainer_takes_the_margin(folders: dict[str, Path], tmp_path: Path) -> None:
    trainer = RewardTrainer(
        model=_classifier(tmp_path),
        args=RewardConfig(**arguments(tmp_path)),
        train_dataset=load(folders["standard"], "preference"),
        processing_class=tiny.build_tokenizer(),
    )

    assert train(trainer)["loss"] > 0.693  # a margin asks for more than a coin's throw
    assert "margin" in trainer.train_dataset.column_names


@pytest.mark.parametrize("form", FORMS)
def test_grpo_hands_rewards_what_they_need(folders: dict[str, Path], form: FormName, tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []

    def reward(**given: Any) -> list[float]:
        seen.append(given)
        return [float(i) for i in range(len(given["completions"]))]

    trainer = GRPOTrainer(
        model=tiny.build_llama(),
        reward_funcs=reward,
        args=GRPOConfig(**arguments(tmp_path, num_generations=2, max_completion_length=4)),
        train_dataset=load(folders[form], "prompts"),
        processing_class=tiny.build_tokenizer(),
    )
    train(trainer)

    assert set(seen[0]["ground_truth"]) == {"7"}
    assert set(seen[0]["verifier"]) == {"numeric"}
    assert len(set(seen[0]["prompt_id"])) == 1


def _classifier(folder: Path) -> Any:
    """The tiny model with one number for a head."""
    from_folder = tiny.write_model(folder / "base", tiny.build_llama())
    return AutoModelForSequenceClassification.from_pretrained(from_folder, num_labels=1)
