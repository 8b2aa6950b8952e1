"""Loads the datasets of an export and checks every row, before any model is loaded. Needs pyarrow, not torch.

The columns are TRL's (see `docs/engineers.md`). A wrong file costs seconds here and hours after a model has loaded.
"""

import dataclasses
from pathlib import Path
from typing import TypedDict

import pyarrow as pa

from rl_bridge.manifest import ChangedFile, ExportFile, ExportFolder, open_export
from rl_bridge.row_checks import IGNORED, BadColumn, BadRow, check_rows, is_text
from rl_bridge.tables import count_labels, read_table

__all__ = [
    "IGNORED",
    "BadColumn",
    "BadRow",
    "LoadedConfig",
    "Message",
    "Prompt",
    "StepwiseRow",
    "check_export",
    "check_rows",
    "is_text",
    "load_config",
    "load_stepwise",
    "open_export",
    "read_stepwise",
]


class Message(TypedDict):
    """One turn of a conversation."""

    role: str
    content: str


Prompt = str | list[Message]


@dataclasses.dataclass(frozen=True, slots=True)
class StepwiseRow:
    """One trace: S steps that join to its completion, S labels in {1, 0, -100}, S probabilities of standing."""

    prompt: Prompt
    steps: tuple[str, ...]
    labels: tuple[int, ...]
    probabilities: tuple[float, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedConfig:
    """The checked rows of one split of one config, and the hashes of the files they came from (by file name)."""

    config: str
    split: str
    table: pa.Table
    hashes: dict[str, str]


def load_config(folder: ExportFolder, config: str, split: str) -> LoadedConfig:
    """Load and check one split. Raises an `ExportError`: `MissingConfig`, `ChangedFile`, `BadColumn`, `BadRow`."""
    files = folder.list_files(config, split)
    tables = [_load_file(file) for file in files]
    return LoadedConfig(
        config=config,
        split=split,
        table=pa.concat_tables(tables),
        hashes={file.name: file.sha256 for file in files},
    )


def load_stepwise(folder: ExportFolder, split: str) -> tuple[list[StepwiseRow], dict[str, str]]:
    """Load the stepwise rows of one split, with their files' hashes. Raises as `load_config`."""
    loaded = load_config(folder, "stepwise", split)
    return read_stepwise(loaded.table), loaded.hashes


def read_stepwise(table: pa.Table) -> list[StepwiseRow]:
    """The checked rows of a stepwise split; without probabilities, a label is its own."""
    return [
        StepwiseRow(
            prompt=row["prompt"],
            steps=tuple(row["completions"]),
            labels=tuple(row["labels"]),
            probabilities=tuple(row.get("probabilities") or (float(label == 1) for label in row["labels"])),
        )
        for row in table.to_pylist()
    ]


def check_export(path: Path) -> ExportFolder:
    """Open an export and check every file and row of it. Raises an `ExportError`."""
    folder = open_export(path)
    for file in folder.files:
        _load_file(file)
    return folder


def _load_file(file: ExportFile) -> pa.Table:
    file.verify()
    table = read_table(file)
    if table.num_rows != file.num_rows:
        raise ChangedFile(f"{file.name} has {table.num_rows} rows where the manifest says {file.num_rows}.")
    check_rows(file.name, file.config, table)
    return count_labels(table) if file.config == "stepwise" else table
