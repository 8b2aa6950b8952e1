"""The dataset card: YAML that names configs, files and features, and sentences that tell what was lost."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
import yaml
from datasets import Features

from exports.candidates import FORMATS
from exports.card import describe_losses, describe_type, write_card
from exports.manifest import FileEntry, Manifest
from exports.policy import CONFIGS, ExportPolicy

HASH = "ab" * 32


def make_entry(config: str, split: str = "train", rows: int = 3) -> FileEntry:
    return FileEntry(config=config, split=split, rows=rows, sha256=HASH, bytes=100, format="parquet")


def make_manifest(*entries: FileEntry, **losses: Any) -> Manifest:
    files = {f"{e['config']}/{e['split']}-{e['sha256'][:16]}.parquet": e for e in entries}
    report: dict[str, Any] = {
        "masked_steps": 0,
        "labelled_steps": 9,
        "dropped": {},
        "empty_configs": {},
        "neutral_policy": "A neutral rating counts as letting the step stand.",
        "mean_chosen_length": None,
        "mean_rejected_length": None,
    }
    counts = {
        entry["config"]: {
            "rows": {e["split"]: e["rows"] for e in entries if e["config"] == entry["config"]},
            "labels": {},
            "provenance": {},
        }
        for entry in entries
    }
    manifest: Any = {
        "format": 1,
        "product": "gradus",
        "version": "0.1.0",
        "project": "sums: a 'quoted' #project",
        "form": "standard",
        "created_by_policy": ExportPolicy().as_json(),
        "segmenters": ["lines@1"],
        "judges": [],
        "merge": {
            "version": "chain-2",
            "policy": "chain",
            "recovery": "off",
            "uses_verdict": False,
            "calibrated_judges": ["sums@1"],
            "num_ratings": 6,
            "num_simulated_ratings": 0,
            "library_versions": {},
        },
        "files": files,
        "counts": {"configs": counts, "prompts": 5, "prompt_clusters": 4, "largest_prompt_cluster": 2},
        "loss_report": {**report, **losses},
    }
    return manifest  # type: ignore[no-any-return]


def read_header(card: str) -> dict[str, Any]:
    _, header, _ = card.split("---\n", 2)
    found: dict[str, Any] = yaml.safe_load(header)
    return found


def write(*entries: FileEntry, **losses: Any) -> str:
    schemas = {entry["config"]: FORMATS[entry["config"]].schema("standard") for entry in entries}
    return write_card(make_manifest(*entries, **losses), schemas)


def test_the_header_names_each_file_under_its_split() -> None:
    header = read_header(write(make_entry("sft"), make_entry("sft", "test"), make_entry("sft", "validation")))

    assert header["configs"] == [
        {
            "config_name": "sft",
            "data_files": [
                {"split": split, "path": f"sft/{split}-{HASH[:16]}.parquet"}
                for split in ("train", "validation", "test")
            ],
        }
    ]


def test_configs_stand_in_domains_order_and_none_without_files() -> None:
    header = read_header(write(make_entry("prompts"), make_entry("stepwise")))

    assert [row["config_name"] for row in header["configs"]] == ["stepwise", "prompts"]
    assert [row["config_name"] for row in header["dataset_info"]] == ["stepwise", "prompts"]


def test_an_odd_project_name_does_not_break_the_header() -> None:
    assert read_header(write(make_entry("sft")))["pretty_name"] == "sums: a 'quoted' #project"


@pytest.mark.parametrize("form", ["standard", "conversational"])
@pytest.mark.parametrize("config", CONFIGS)
def test_datasets_reads_our_features_as_the_files_columns(config: str, form: str) -> None:
    schema: pa.Schema = FORMATS[config].schema(form)
    described = [{"name": field.name, **describe_type(field.type)} for field in schema]

    features = Features._from_yaml_list(described)

    assert features.arrow_schema.remove_metadata() == schema


def test_numbers_of_rows_are_beside_the_features() -> None:
    info = read_header(write(make_entry("sft", rows=7)))["dataset_info"][0]

    assert info["splits"] == [{"name": "train", "num_bytes": 100, "num_examples": 7}]


def test_people_read_how_labels_were_made() -> None:
    card = write(make_entry("stepwise"))

    assert "Merge chain-2, policy chain, recovery off; calibrated judges: sums@1." in card
    assert "5 prompts in 4 clusters of near-duplicates" in card
    assert 'load_dataset("path/to/this/folder", "stepwise")' in card


def test_losses_are_sentences_the_largest_first() -> None:
    said = describe_losses(
        make_manifest(
            make_entry("stepwise"),
            masked_steps=3,
            dropped={"stepwise": {"gold": 2, "no_evidence": 11}},
            empty_configs={"sft": "There was nothing to make a row of."},
            mean_chosen_length=10.4,
            mean_rejected_length=99.6,
        )
    )

    assert said == [
        "3 of 12 exported steps have no label: their posterior lies between the thresholds, or they follow an error "
        "and the policy masks those.",
        "stepwise: 11 left out because nobody rated them and no calibrated judge scored them.",
        "stepwise: 2 left out because gold trains nothing, it only evaluates.",
        "sft has no rows, so it has no files. There was nothing to make a row of.",
        "A neutral rating counts as letting the step stand.",
        "Chosen completions have 10 characters on average, rejected ones 100: a trainer may learn the difference in "
        "length.",
    ]


def test_pairs_of_like_lengths_are_told_without_a_warning() -> None:
    manifest = make_manifest(make_entry("preference"), mean_chosen_length=63.4, mean_rejected_length=62.9)

    said = describe_losses(manifest)

    assert said[-1] == "Chosen completions have 63 characters on average, rejected ones 63."


def test_where_nothing_was_lost_only_the_neutral_policy_is_told() -> None:
    assert len(describe_losses(make_manifest(make_entry("stepwise")))) == 1


def test_labels_that_rest_on_programs_say_so_first() -> None:
    manifest = make_manifest(make_entry("stepwise"))
    manifest["merge"]["num_simulated_ratings"] = 4

    said = describe_losses(manifest)

    assert (
        said[0]
        == "4 of the 6 ratings behind the labels were given by simulated raters: programs, not people."
    )
    assert said[0] in write_card(manifest, {"stepwise": FORMATS["stepwise"].schema("standard")})
