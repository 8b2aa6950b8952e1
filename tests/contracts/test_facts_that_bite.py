"""The facts about trainers and libraries that shape our columns, each shown by the library itself.

Where a new version of one changes its mind, the test that fails says which column's reason is gone.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import trl
from datasets import Dataset, Features, Value, load_dataset
from pytest import MonkeyPatch
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
)

from exports.candidates import FORMATS, schema_of
from exports.policy import CONFIGS
from rl_bridge.data import BadColumn, BadRow, check_rows
from tests.rl_bridge import tiny
from tests.rl_bridge.export_folders import make_table, preference_rows, sum_rows

pytestmark = [
    # TRL 1.16 still asks transformers 5.23 by the old name.
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*pad_token.*"),
]
RESERVED = {"prompts", "completions", "input_ids", "chosen_ids", "rejected_ids"}


def arguments(folder: Path, **extra: Any) -> dict[str, Any]:
    return {
        "output_dir": str(folder),
        "max_steps": 1,
        "per_device_train_batch_size": 2,
        "use_cpu": True,
        "report_to": [],
        "save_strategy": "no",
        "disable_tqdm": True,
        "bf16": False,
        "activation_checkpointing": False,
        **extra,
    }


def make_dpo(rows: list[dict[str, Any]], folder: Path) -> Any:
    return DPOTrainer(
        model=tiny.build_llama(),
        ref_model=tiny.build_llama(),
        args=DPOConfig(**arguments(folder)),
        train_dataset=Dataset.from_list(rows),
        processing_class=tiny.build_tokenizer(),
    )


def make_reward(rows: list[dict[str, Any]], folder: Path) -> Any:
    model = tiny.write_model(folder / "base", tiny.build_llama())
    return RewardTrainer(
        model=AutoModelForSequenceClassification.from_pretrained(model, num_labels=1),
        args=RewardConfig(**arguments(folder)),
        train_dataset=Dataset.from_list(rows),
        processing_class=tiny.build_tokenizer(),
    )


def test_the_installed_trl_has_no_prm_trainer_any_more() -> None:
    assert importlib.util.find_spec("trl.trainer.prm_trainer") is None
    assert "PRMTrainer" not in dir(trl)


def test_casting_makes_lies_of_soft_and_negative_labels() -> None:
    """So labels are 1, 0 and -100 as integers, and the unpaired label is made by comparing."""
    assert int(0.97) == 0  # what the old PRM trainer did to a probability
    cast = Features({"label": Value("bool")})
    soft = Dataset.from_list([{"label": -1.0}, {"label": 0.5}, {"label": 0.0}])

    assert soft.cast(cast)["label"][:] == [True, True, False]
    assert pa.types.is_int8(schema_of("stepwise", "standard").field("labels").type.value_type)  # type: ignore[attr-defined]
    assert pa.types.is_boolean(schema_of("unpaired_preference", "standard").field("label").type)  # type: ignore[attr-defined]


def test_kto_takes_any_number_but_zero_for_desirable_so_our_reader_takes_booleans_only(
    tmp_path: Path,
) -> None:
    rows = [{"prompt": "1 + 1?", "completion": " 2", "label": label} for label in (-1, 1)]
    trainer = KTOTrainer(
        model=tiny.build_llama(),
        ref_model=tiny.build_llama(),
        args=KTOConfig(**arguments(tmp_path)),
        train_dataset=Dataset.from_list(rows),
        processing_class=tiny.build_tokenizer(),
    )

    assert all(bool(label) for label in trainer.train_dataset["label"])
    with pytest.raises(BadColumn, match="'label' holds int64"):
        check_rows("unpaired", "unpaired_preference", pa.Table.from_pylist(rows))


def test_a_margin_in_some_rows_only_breaks_the_reward_trainer(tmp_path: Path) -> None:
    rows = preference_rows(4)
    rows[2]["margin"] = None

    with pytest.raises((TypeError, ValueError, RuntimeError)):
        make_reward(rows, tmp_path).train()
    with pytest.raises(BadRow, match="row 2: 'margin' is empty"):
        check_rows("pairs", "preference", make_table("preference", rows))


@pytest.mark.parametrize("column", ["chosen", "rejected"])
def test_a_null_completion_breaks_dpo(tmp_path: Path, column: str) -> None:
    rows = preference_rows(4)
    rows[1][column] = None

    with pytest.raises((TypeError, ValueError, AttributeError)):
        make_dpo(rows, tmp_path)
    with pytest.raises(BadRow, match=f"row 1: '{column}' is empty"):
        check_rows("pairs", "preference", make_table("preference", rows))


@pytest.mark.parametrize(
    ("are_messages", "error", "said"),
    [(True, TypeError, "can only concatenate str"), (False, AttributeError, "no attribute 'endswith'")],
)
def test_a_text_prompt_does_not_go_with_message_answers(
    monkeypatch: MonkeyPatch, tmp_path: Path, are_messages: bool, error: type[Exception], said: str
) -> None:
    """TRL looks at one column to tell messages from texts: whichever its set of names hands out first, so by the
    process's hash seed. Either way it fails; each way is taken here."""
    monkeypatch.setattr("trl.trainer.dpo_trainer.is_conversational", lambda example: are_messages)
    rows = [
        {
            "prompt": "1 + 1?",
            "chosen": [{"role": "assistant", "content": "2"}],
            "rejected": [{"role": "assistant", "content": "3"}],
        }
    ]

    with pytest.raises(error, match=said):
        make_dpo(rows, tmp_path)
    with pytest.raises(BadColumn, match="all must have one form"):
        check_rows("pairs", "preference", pa.Table.from_pylist(rows))


def test_our_pairs_keep_prompt_and_answers_in_one_form() -> None:
    for config in ("preference", "unpaired_preference", "sft"):
        for form in ("standard", "conversational"):
            schema: Any = schema_of(config, form)  # type: ignore[arg-type]
            texts = {
                field.type for field in schema if field.name in ("prompt", "chosen", "rejected", "completion")
            }
            assert len(texts) == 1


def test_rows_without_steps_would_train_on_nothing_and_are_refused() -> None:
    rows = sum_rows(3)
    rows[1] |= {"completions": [], "labels": [], "probabilities": []}

    with pytest.raises(BadRow, match="row 1 has no steps"):
        check_rows("steps", "stepwise", make_table("stepwise", rows))


def test_a_column_called_chosen_ids_passes_for_tokens(tmp_path: Path) -> None:
    """So pairs name their traces `chosen_trace` and `rejected_trace`."""
    rows = [{**row, "chosen_ids": [2], "rejected_ids": [3]} for row in preference_rows(2)]

    trainer = make_reward(rows, tmp_path)

    assert trainer.train_dataset["chosen_ids"][0] == [2]  # not one token of what was chosen


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("form", ["standard", "conversational"])
def test_no_column_of_ours_has_a_name_that_trainers_take_for_their_own(config: str, form: str) -> None:
    schema: Any = FORMATS[config].schema(form)

    assert RESERVED.intersection(schema.names) <= ({"completions"} if config == "stepwise" else set())


@pytest.mark.parametrize("column", ["completions", "prompts"])
def test_a_column_called_completions_or_prompts_collides_in_grpo(tmp_path: Path, column: str) -> None:
    def reward(completions: list[str], **columns: Any) -> list[float]:
        return [0.0] * len(completions)

    trainer = GRPOTrainer(
        model=tiny.build_llama(),
        reward_funcs=reward,
        args=GRPOConfig(**arguments(tmp_path, num_generations=2, max_completion_length=2)),
        train_dataset=Dataset.from_list([{"prompt": "1 + 1?", column: "2"}] * 2),
        processing_class=tiny.build_tokenizer(),
    )

    with pytest.raises(TypeError, match=f"multiple values for keyword argument '{column}'"):
        trainer.train()


def test_grpo_skips_rewards_that_do_not_apply_and_hands_over_every_column(tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []

    def never(completions: list[str], **columns: Any) -> list[None]:
        seen.append(columns)
        return [None] * len(completions)

    def always(completions: list[str], **columns: Any) -> list[float]:
        return [1.0] * len(completions)

    trainer = GRPOTrainer(
        model=tiny.build_llama(),
        reward_funcs=[never, always],
        args=GRPOConfig(**arguments(tmp_path, num_generations=2, max_completion_length=2, logging_steps=1)),
        train_dataset=Dataset.from_list(
            [{"prompt": "1 + 1?", "ground_truth": "2", "verifier": "numeric", "prompt_id": "7"}] * 2
        ),
        processing_class=tiny.build_tokenizer(),
    )
    trainer.train()

    assert {"ground_truth", "verifier", "prompt_id"} <= set(seen[0])
    assert seen[0]["ground_truth"] == ["2", "2"]
    log = next(row for row in trainer.state.log_history if "reward" in row)
    assert log["reward"] == pytest.approx(1.0)


def test_messages_close_the_assistants_turn_so_forks_are_exported_as_texts() -> None:
    tokenizer = tiny.build_tokenizer()
    shared: Any = [
        {"role": "user", "content": "1 + 1 + 1?"},
        {"role": "assistant", "content": "1 + 1 = 2.\n"},
    ]

    rendered = str(tokenizer.apply_chat_template(shared, tokenize=False))

    assert rendered.rstrip().endswith("<|im_end|>")  # the turn is over where the next step should follow
    for form in ("standard", "conversational"):
        schema: Any = schema_of("step_preference", form)  # type: ignore[arg-type]
        assert {schema.field(name).type for name in ("prompt", "chosen", "rejected")} == {pa.string()}


def write_folder(folder: Path, name: str, number: int, *, config: str = "sft") -> None:
    """A folder with one Parquet file of one row, and a card that names it."""
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.parquet"):
        old.unlink()
    pq.write_table(pa.table({"number": [number]}), folder / name)
    (folder / "README.md").write_text(
        f"---\nconfigs:\n- config_name: {config}\n  data_files:\n  - split: train\n    path: {name}\n---\n"
    )


def read_number(folder: Path, cache: Path) -> int:
    rows = load_dataset(str(folder), "sft", split="train", cache_dir=str(cache))
    return int(rows[0]["number"])


def test_a_hash_in_the_files_name_keeps_datasets_from_serving_older_rows(tmp_path: Path) -> None:
    folder, cache = tmp_path / "export", tmp_path / "cache"
    write_folder(folder, "train-aaaaaaaaaaaaaaaa.parquet", 1)
    first = read_number(folder, cache)
    write_folder(folder, "train-bbbbbbbbbbbbbbbb.parquet", 2)

    assert (first, read_number(folder, cache)) == (1, 2)


def test_a_split_may_hold_no_hyphen(tmp_path: Path) -> None:
    write_folder(tmp_path / "export", "x.parquet", 1)
    card = tmp_path / "export" / "README.md"
    card.write_text(card.read_text().replace("split: train", "split: train-a"))

    with pytest.raises(ValueError, match="train-a"):
        load_dataset(str(tmp_path / "export"), "sft", cache_dir=str(tmp_path / "cache"))


def test_an_all_null_column_of_json_lines_loses_its_type_without_a_card(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(json.dumps({"posterior": None}) + "\n")

    bare = load_dataset("json", data_files=str(tmp_path / "x.jsonl"), cache_dir=str(tmp_path / "a"))
    typed = load_dataset(
        "json",
        data_files=str(tmp_path / "x.jsonl"),
        features=Features({"posterior": Value("float64")}),
        cache_dir=str(tmp_path / "b"),
    )

    assert bare["train"].features["posterior"] != Value("float64")
    assert typed["train"].features["posterior"] == Value("float64")


def test_datasets_reads_our_json_lines_in_the_types_of_the_card(
    tmp_path: Path, monkeypatch: MonkeyPatch
) -> None:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "train-0.jsonl").write_text(
        json.dumps({"posterior": None, "ratings": []}) + "\n"
    )
    header = {
        "configs": [
            {"config_name": "evidence", "data_files": [{"split": "train", "path": "evidence/train-0.jsonl"}]}
        ],
        "dataset_info": [
            {
                "config_name": "evidence",
                "features": [
                    {"name": "posterior", "dtype": "float64"},
                    {"name": "ratings", "list": [{"name": "rater", "dtype": "string"}]},
                ],
            }
        ],
    }
    (tmp_path / "README.md").write_text(f"---\n{json.dumps(header)}\n---\n")

    rows = load_dataset(str(tmp_path), "evidence", split="train", cache_dir=str(tmp_path / "cache"))

    assert rows.features["posterior"] == Value("float64")
    assert rows.features["ratings"].feature == {"rater": Value("string")}
    assert rows[0] == {"posterior": None, "ratings": []}
