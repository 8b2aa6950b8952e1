"""What differs between two exports of a project, row by row: added, removed, labelled otherwise.

Rows are told apart by the traces they are made of, so no text is read. Why one differs is for exports/explanations.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from exports.actions import folder_of
from exports.candidates import schema_of
from exports.formats.dataset import FormName
from exports.json_lines import read_json_batches
from exports.manifest import FileEntry, Manifest, MergeFacts, read_manifest
from exports.models import Export
from exports.policy import CONFIGS

MOST_SHOWN = 50
COMPARED = tuple(config for config in CONFIGS if config != "evidence")
_PAIRS = ("preference", "step_preference")
_COLUMNS = {
    "stepwise": ("trace_id", "labels", "provenance"),
    "unpaired_preference": ("trace_id", "label", "provenance"),
    "sft": ("trace_id", "provenance"),
    "prompts": ("ground_truth", "verifier"),
    "preference": ("chosen_trace", "rejected_trace", "provenance"),
    "step_preference": ("chosen_trace", "rejected_trace", "provenance"),
}
_SIGNS = {1: "✓", 0: "✕", -100: "·"}
Key = tuple[str, ...]


class FilesGone(Exception):
    """The files of one of the exports are no longer on the disk."""


@dataclass(frozen=True, slots=True)
class RowState:
    """A row in one export: its split, its label in signs, on what evidence it rests, and its prompt."""

    split: str
    label: str
    provenance: str
    prompt_id: str


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row in the two exports; None where it is in one only. `key` holds its traces' ids, or its prompt's."""

    key: Key
    before: RowState | None
    after: RowState | None

    @property
    def kind(self) -> Literal["added", "removed", "changed"]:
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


@dataclass(frozen=True, slots=True)
class ConfigComparison:
    """One config of two exports: counts, and the first rows that differ, in the order of their traces."""

    config: str
    num_same: int
    num_added: int
    num_removed: int
    num_changed: int
    rows: tuple[RowChange, ...]


def compare_config(before: Export, after: Export, config: str) -> ConfigComparison:
    """Compares one config of two finished exports. Raises FilesGone."""
    old, new = (index_rows(_read_states(export, config)) for export in (before, after))
    added = [RowChange(key, None, new[key]) for key in new.keys() - old.keys()]
    removed = [RowChange(key, old[key], None) for key in old.keys() - new.keys()]
    both = old.keys() & new.keys()
    changed = [RowChange(key, old[key], new[key]) for key in both if old[key] != new[key]]
    shown = [
        row
        for rows in (changed, removed, added)
        for row in sorted(rows, key=lambda row: [int(part) for part in row.key])[:MOST_SHOWN]
    ]
    return ConfigComparison(
        config=config,
        num_same=len(both) - len(changed),
        num_added=len(added),
        num_removed=len(removed),
        num_changed=len(changed),
        rows=tuple(shown),
    )


def index_rows(states: Iterable[tuple[Key, RowState]]) -> dict[Key, RowState]:
    """Rows by their traces; a trace that two raters rewrote makes two rows, and the second repeats its last id."""
    found: dict[Key, RowState] = {}
    for key, state in states:
        while key in found:
            key = (*key, key[-1])
        found[key] = state
    return found


def list_compared_configs(before: Export, after: Export) -> list[str]:
    """The configs that at least one of the two has, evidence left aside: it is read beside the others."""
    found = {entry["config"] for export in (before, after) for entry in _manifest(export)["files"].values()}
    return [config for config in COMPARED if config in found]


def find_without(before: Export, after: Export, config: str) -> Export | None:
    """Which of the two was made without this dataset; None where both were asked for it."""
    return next((export for export in (before, after) if config not in export.configs), None)


def describe_differences(before: Export, after: Export) -> list[str]:
    """What differs between how two exports were made, in sentences; nothing where only what people said differs."""
    old, new = _manifest(before), _manifest(after)
    said = []
    if old["version"] != new["version"]:
        said.append(f"Gradus itself: version {old['version']} made the one, {new['version']} the other.")
    earlier_merges, later_merges = _merges_of(old), _merges_of(new)
    for project in (name for name in earlier_merges if name in later_merges):
        said += _differing_merges(project, earlier_merges[project], later_merges[project])
    for name in sorted(old["created_by_policy"].keys() | new["created_by_policy"].keys()):
        said += _differing("The policy", old["created_by_policy"], new["created_by_policy"], (name,))
    lists: tuple[tuple[str, list[str], list[str]], ...] = (
        ("dataset", before.configs, after.configs),
        ("segmenter", old["segmenters"], new["segmenters"]),
        ("project", old["projects"], new["projects"]),
    )
    for noun, earlier, later in lists:
        said += _differing_lists(noun, earlier, later)
    return said


def _merges_of(manifest: Manifest) -> dict[str, MergeFacts]:
    """By project; that of the export's own project under no name, and first."""
    return {"": manifest["merge"], **dict(sorted(manifest.get("other_merges", {}).items()))}


def _differing_merges(project: str, old: MergeFacts, new: MergeFacts) -> list[str]:
    of_project = f" of {project}" if project else ""
    said = []
    if old["version"] != new["version"]:
        said.append(f"The code of the merge{of_project}: {old['version']}, then {new['version']}.")
    said += _differing(f"The merge{of_project}", old, new, ("policy", "recovery", "uses_verdict"))
    judges = _differing_lists("calibrated judge", old["calibrated_judges"], new["calibrated_judges"])
    said += [
        f"The merge{of_project}: {words[0].lower()}{words[1:]}" if project else words for words in judges
    ]
    num = new["num_ratings"] - old["num_ratings"]
    if num:
        more = "more" if num > 0 else "fewer"
        said.append(f"{abs(num)} rating{'s' * (abs(num) != 1)} {more} behind the labels{of_project}.")
    return said


def _differing_lists(noun: str, old: list[str], new: list[str]) -> list[str]:
    return [
        *(f"A {noun} more: {name}." for name in sorted(set(new) - set(old))),
        *(f"A {noun} less: {name}." for name in sorted(set(old) - set(new))),
    ]


def _differing(what: str, old: Any, new: Any, names: tuple[str, ...]) -> list[str]:
    return [
        f"{what}: {name} was {_spell(old.get(name))}, then {_spell(new.get(name))}."
        for name in names
        if old.get(name) != new.get(name)
    ]


def _spell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) or "not recognised" for item in value) or "all"
    return "any" if value in ("", None) else str(value)


def _manifest(export: Export) -> Manifest:
    return read_manifest(export.manifest)


def _read_states(export: Export, config: str) -> Iterator[tuple[Key, RowState]]:
    for name, entry in _manifest(export)["files"].items():
        if entry["config"] == config:
            for row in _read_columns(export, name, entry):
                yield _read_row(row, config, entry["split"])


def _read_columns(export: Export, name: str, entry: FileEntry) -> Iterator[dict[str, Any]]:
    """The columns that tell rows apart; of JSON Lines the whole, which takes longer."""
    path = folder_of(export) / name
    columns = ["prompt_id", *_COLUMNS[entry["config"]]]
    if not path.is_file():
        raise FilesGone(f"The files of export {export.pk} are no longer on the disk.")
    batches = _read_json(path, export, entry) if entry["format"] == "jsonl" else _read_parquet(path, columns)
    for batch in batches:
        yield from batch.select(columns).to_pylist()


def _read_parquet(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(columns=columns)


def _read_json(path: Path, export: Export, entry: FileEntry) -> Iterator[pa.RecordBatch]:
    form: FormName = "conversational" if export.form == "conversational" else "standard"
    schema: pa.Schema = schema_of(entry["config"], form)
    yield from read_json_batches(path, schema)


def _read_row(row: dict[str, Any], config: str, split: str) -> tuple[Key, RowState]:
    prompt, provenance = row["prompt_id"], row.get("provenance", "")
    if config in _PAIRS:
        chosen, rejected = row["chosen_trace"], row["rejected_trace"]
        key: Key = tuple(sorted((chosen, rejected), key=int))
        return key, RowState(split, f"{chosen} over {rejected}", provenance, prompt)
    if config == "prompts":
        return (prompt,), RowState(
            split, f"{row['verifier']} {row['ground_truth']}".strip(), provenance, prompt
        )
    label = ""
    if config == "stepwise":
        label = " ".join(_SIGNS[value] for value in row["labels"])
    elif config == "unpaired_preference":
        label = "desirable" if row["label"] else "undesirable"
    return (row["trace_id"],), RowState(split, label, provenance, prompt)
