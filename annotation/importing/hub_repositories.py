"""A data set of the Hugging Face Hub, opened without trusting whoever wrote it.

A repository's card says which files its rows are in. That may be any file of this machine and any address that this
machine reaches, so the card is read first, at the very commit that is opened, and what leads out of the repository is
refused. Reading takes a token only where one was set for it: HF_TOKEN may write, and belongs to exports.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import datasets
import yaml
from huggingface_hub import DatasetCard, HfApi
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from annotation.importing.hub_names import check_name
from annotation.importing.rows import SourceUnreadable

READ_TOKEN = "GRADUS_HF_READ_TOKEN"
_CARD, _SETTINGS = "README.md", ".huggingface.yaml"
# Rows of plain values. The others decode pictures and archives, or follow the paths that rows name.
_READERS = frozenset({"arrow", "csv", "json", "parquet", "text"})


def open_repository(name: str, config: str, split: str) -> Any:
    """The split's rows, streamed. Raises SourceUnreadable, or what `datasets` and the hub's client raise."""
    check_name(name)
    token: str | bool = os.environ.get(READ_TOKEN) or False
    commit = str(HfApi(token=token).dataset_info(name).sha)
    for place in _list_places(name, commit, token):
        _check_relative(place)
    builder = datasets.load_dataset_builder(
        f"hf://datasets/{name}", config or None, revision=commit, token=token
    )
    _check_files(builder, f"hf://datasets/{name}@{commit}/")
    reader = type(builder).__module__.rpartition(".")[2]
    if reader not in _READERS:
        raise SourceUnreadable(f"Its files are of a kind that holds no plain rows ({reader}).")
    rows = builder.as_streaming_dataset(split=split)
    # A picture's column may name a file or an address to decode it from.
    return rows.decode(False) if rows.features else rows


def _list_places(name: str, commit: str, token: str | bool) -> Iterator[str]:
    """Every place that the repository's own settings name for its files."""
    try:
        both = (_read_card(name, commit, token), _read_settings(name, commit, token))
    except yaml.YAMLError as error:
        raise SourceUnreadable("Its card can't be read.") from error
    for said in both:
        configs = said.get("configs") if isinstance(said, dict) else None
        for config in configs if isinstance(configs, list) else ():
            if isinstance(config, dict):
                yield from _list_texts([config.get("data_files"), config.get("data_dir")])


def _read_card(name: str, commit: str, token: str | bool) -> Any:
    path = _fetch(name, _CARD, commit, token)
    return DatasetCard.load(path).data.to_dict() if path else {}


def _read_settings(name: str, commit: str, token: str | bool) -> Any:
    path = _fetch(name, _SETTINGS, commit, token)
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path else {}


def _fetch(name: str, file: str, commit: str, token: str | bool) -> Path | None:
    try:
        return Path(HfApi(token=token).hf_hub_download(name, file, repo_type="dataset", revision=commit))
    except LocalEntryNotFoundError:  # not that it isn't there: the hub can't be asked
        raise
    except EntryNotFoundError:
        return None


def _list_texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        inner: Iterable[object] = value.values() if isinstance(value, dict) else value
        for one in inner:
            yield from _list_texts(one)


def _check_relative(place: str) -> None:
    path = place.replace("\\", "/")
    if "://" in path or "::" in path or path.startswith(("/", "~")) or ".." in path.split("/"):
        raise SourceUnreadable(f"Its card names data outside the repository: {place[:120]}")


def _check_files(builder: datasets.DatasetBuilder, inside: str) -> None:
    """What the patterns came to, whichever way they were written."""
    for files in (builder.config.data_files or {}).values():
        for file in files:
            if not str(file).startswith(inside) or "::" in str(file):
                raise SourceUnreadable(f"Its card names data outside the repository: {str(file)[:120]}")
