"""Rows of a Hugging Face data set, streamed: by its name on the hub, or from a folder that the administrator allows.

Loads `datasets`, so only workers import this. `datasets` 5 runs no code that comes with a data set.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets

from annotation.importing.hub_faults import EXPECTED, explain_fault
from annotation.importing.hub_names import is_folder
from annotation.importing.hub_repositories import open_repository
from annotation.importing.rows import Row, SourceUnreadable


@dataclass(frozen=True)
class HubSource:
    """Which rows of which data set. `name` is a hub name or a folder; an empty config means: the only one."""

    name: str
    config: str
    split: str


def read_hub(source: HubSource, *, folders: Sequence[Path]) -> Iterator[Row]:
    """The rows of the split, in order. Raises SourceUnreadable, also between two rows."""
    try:
        for number, values in enumerate(_open(source, folders), start=1):
            yield Row(number, values)
    except EXPECTED as error:
        said = explain_fault(error, name=source.name, config=source.config, split=source.split)
        raise SourceUnreadable(said) from error


def count_hub_rows(source: HubSource, *, folders: Sequence[Path]) -> int | None:
    """How many rows the split says it has; None where it doesn't say."""
    try:
        opened = _open(source, folders)
    except EXPECTED:
        return None
    if isinstance(opened, datasets.Dataset):
        return int(opened.num_rows)
    known = (opened.info.splits or {}).get(source.split)
    return int(known.num_examples) if known is not None and known.num_examples else None


def _open(source: HubSource, folders: Sequence[Path]) -> Any:
    if is_folder(source.name):
        return _open_folder(_find_allowed(source.name, folders), source)
    return open_repository(source.name, source.config, source.split)


def _find_allowed(name: str, folders: Sequence[Path]) -> Path:
    """The folder itself, links followed, if it lies in an allowed one."""
    path = Path(name).expanduser().resolve()
    if not any(path.is_relative_to(folder.resolve()) for folder in folders):
        raise SourceUnreadable(
            f"The folder “{name[:120]}” is not one that data sets may be read from (GRADUS_DATASET_FOLDERS)."
        )
    if not path.is_dir():
        raise SourceUnreadable(f"There is no folder “{name[:120]}”.")
    return path


def _open_folder(path: Path, source: HubSource) -> Any:
    """What `save_to_disk` wrote, or a folder of data files."""
    if (path / "dataset_dict.json").exists():
        splits = datasets.load_from_disk(str(path))
        if source.split not in splits:
            raise SourceUnreadable(f"It has no split “{source.split}”; it has {', '.join(splits)}.")
        return splits[source.split]
    if (path / "state.json").exists():
        return datasets.load_from_disk(str(path))
    return datasets.load_dataset(str(path), source.config or None, split=source.split, streaming=True)
