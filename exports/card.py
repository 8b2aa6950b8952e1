"""The dataset card, README.md: YAML that `datasets.load_dataset(folder, config)` reads, then words for people.

The header follows the Hugging Face Hub's "Dataset cards": `configs` names each config's files by split, `dataset_info`
its features. A config without rows is left out: loading it would fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import yaml

from exports.files import file_name
from exports.labels import REASONS
from exports.manifest import FileEntry, Manifest, MergeFacts
from exports.policy import CONFIGS, SPLITS

_LIKE_LENGTHS = 0.1
"""Mean lengths of chosen and rejected that differ by less, as a share of the longer, teach a trainer nothing."""
_NAMES = {"double": "float64", "float": "float32", "halffloat": "float16"}
READERS = {
    "stepwise": "A label for each step of a trace: 1 it stands, 0 it does not, -100 no label. For reward models.",
    "preference": "A chosen and a rejected completion of one prompt, with a margin. For DPO and reward models.",
    "step_preference": "The steps shared, and the next step that stands and the one that does not. For DPO on steps.",
    "unpaired_preference": "Completions that are desirable or not. For KTO.",
    "sft": "Completions worth imitating. For supervised fine-tuning.",
    "prompts": "Prompts with a ground truth and the verifier that checks it. For GRPO and RLOO.",
    "evidence": "One row a step: every rating, judge score and posterior. For people and audits.",
}


def write_card(manifest: Manifest, schemas: Mapping[str, pa.Schema]) -> str:
    """The card of an export; `schemas` by config, for the configs that have rows."""
    files = manifest["files"].values()
    found = [config for config in CONFIGS if any(file["config"] == config for file in files)]
    by_config = {config: _sort_splits([f for f in files if f["config"] == config]) for config in found}
    header = {
        "pretty_name": manifest["project"],
        "configs": [_describe_files(config, by_config[config]) for config in found],
        "dataset_info": [_describe_features(config, schemas[config], by_config[config]) for config in found],
    }
    text = yaml.safe_dump(header, sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{text}---\n\n{_write_body(manifest, found)}"


def describe_type(kind: pa.DataType) -> dict[str, Any]:
    """A column's type as `dataset_info` spells it."""
    if pa.types.is_list(kind):
        return {"list": _describe_item(kind.value_type)}
    if pa.types.is_struct(kind):
        return {"struct": [{"name": field.name, **describe_type(field.type)} for field in kind]}
    return {"dtype": _NAMES.get(str(kind), str(kind))}


def spell_type(kind: pa.DataType) -> str:
    """A column's type as people write it: list[int8], list[{role: string, content: string}]."""
    if pa.types.is_list(kind):
        return f"list[{spell_type(kind.value_type)}]"
    if pa.types.is_struct(kind):
        return "{" + ", ".join(f"{field.name}: {spell_type(field.type)}" for field in kind) + "}"
    return _NAMES.get(str(kind), str(kind))


def describe_losses(manifest: Manifest) -> list[str]:
    """The loss report in sentences: what was masked, what was left out and why, what became of neutral ratings."""
    report = manifest["loss_report"]
    merges = [manifest["merge"], *_other_merges(manifest).values()]
    num_simulated = sum(merge["num_simulated_ratings"] for merge in merges)
    num_ratings = sum(merge["num_ratings"] for merge in merges)
    said = []
    if num_simulated:
        said.append(
            f"{num_simulated} of the {num_ratings} ratings behind the labels were given by simulated raters: "
            "programs, not people."
        )
    if report["masked_steps"]:
        said.append(
            f"{report['masked_steps']} of {report['labelled_steps'] + report['masked_steps']} exported steps have no "
            "label: their posterior lies between the thresholds, or they follow an error and the policy masks those."
        )
    for config, reasons in report["dropped"].items():
        for reason, num in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
            said.append(f"{config}: {num} left out because {REASONS[reason]}.")
    for config, why in report["empty_configs"].items():
        said.append(f"{config} has no rows, so it has no files. {why}")
    said.append(report["neutral_policy"])
    chosen, rejected = report["mean_chosen_length"], report["mean_rejected_length"]
    if chosen is not None and rejected is not None:
        differs = abs(chosen - rejected) > _LIKE_LENGTHS * max(chosen, rejected)
        warning = ": a trainer may learn the difference in length" if differs else ""
        said.append(
            f"Chosen completions have {chosen:.0f} characters on average, rejected ones {rejected:.0f}{warning}."
        )
    return said


def _describe_item(kind: pa.DataType) -> Any:
    if pa.types.is_struct(kind):
        return describe_type(kind)["struct"]
    described = describe_type(kind)
    return described.get("dtype", described)


def _describe_files(config: str, files: list[FileEntry]) -> dict[str, Any]:
    return {
        "config_name": config,
        "data_files": [{"split": file["split"], "path": file_name(file)} for file in files],
    }


def _describe_features(config: str, schema: pa.Schema, files: list[FileEntry]) -> dict[str, Any]:
    return {
        "config_name": config,
        "features": [{"name": field.name, **describe_type(field.type)} for field in schema],
        "splits": [
            {"name": file["split"], "num_bytes": file["bytes"], "num_examples": file["rows"]}
            for file in files
        ],
        "download_size": sum(file["bytes"] for file in files),
        "dataset_size": sum(file["bytes"] for file in files),
    }


def _sort_splits(files: list[FileEntry]) -> list[FileEntry]:
    return sorted(files, key=lambda file: SPLITS.index(file["split"]))


def _other_merges(manifest: Manifest) -> Mapping[str, MergeFacts]:
    """Those of further projects, which the manifests of the first exports had no room for."""
    return manifest.get("other_merges", {})


def _describe_merge(merge: MergeFacts) -> str:
    judges = ", ".join(merge["calibrated_judges"]) or "none"
    return (
        f"Merge {merge['version']}, policy {merge['policy']}, recovery {merge['recovery']}; "
        f"calibrated judges: {judges}."
    )


def _write_body(manifest: Manifest, configs: list[str]) -> str:
    counts = manifest["counts"]
    policy = manifest["created_by_policy"]
    lines = [
        f"# {manifest['project']}",
        "",
        f"Labels of reasoning traces, exported by Gradus {manifest['version']}. Every file is frozen: its name carries "
        "its hash, and `manifest.json` has the rest.",
        "",
        "| config | what it is | train | validation | test |",
        "|---|---|---|---|---|",
        *[
            f"| `{config}` | {READERS[config]} | "
            + " | ".join(str(counts["configs"][config]["rows"].get(split, 0)) for split in SPLITS)
            + " |"
            for config in configs
        ],
        "",
        "```python",
        "from datasets import load_dataset",
        f'load_dataset("path/to/this/folder", "{configs[0] if configs else "stepwise"}")',
        "```",
        "",
        "## How the labels were made",
        "",
        f"- {_describe_merge(manifest['merge'])}",
        *[
            f"- Labels of the project `{slug}`: {_describe_merge(merge)}"
            for slug, merge in sorted(_other_merges(manifest).items())
        ],
        f"- A step is labelled 1 from a posterior of {policy['good_from']} on, 0 up to {policy['bad_to']}, else -100.",
        f"- What rests on people alone rests on at least {policy['minimum_raters']} of them, blind; a pair on as many "
        "for each of its traces, or on as many who compared the two. "
        "`provenance` says on what a row rests: `human`, `hybrid` (people and calibrated judges), `ai` (judges alone), "
        "`gold` (known), `none` (one rater).",
        f"- `prompt` is the text the model was given as the user's message; form: {manifest['form']}. `stepwise` and "
        "`step_preference` have the standard form only.",
        f"- Splits go by prompt: {counts['prompts']} prompts in {counts['prompt_clusters']} clusters of "
        "near-duplicates. "
        "Validation and test hold only what people or gold vouch for.",
        "",
        "## What was lost",
        "",
        *[f"- {sentence}" for sentence in describe_losses(manifest)],
        "",
    ]
    return "\n".join(lines)
