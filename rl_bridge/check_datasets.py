"""Loads every config of an export with `datasets`, as its users will, and holds every row against what it promises."""

import dataclasses
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.compute as pc

from rl_bridge.card import read_schemas
from rl_bridge.data import BadColumn, BadRow, check_rows
from rl_bridge.manifest import ChangedFile, ExportFile, ExportFolder

_ROWS_AT_ONCE = 1000
_PEOPLE = ("human", "gold")
_TEXT_COLUMNS = {
    "stepwise": ("prompt", "completions"),
    "evidence": ("text",),
    "prompts": ("prompt",),
    "preference": ("prompt", "chosen", "rejected"),
    "step_preference": ("prompt", "chosen", "rejected"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedRows:
    """What was loaded of a config: by which library, how many rows, and when it began (monotonic seconds)."""

    reader: str
    num_rows: int
    started_at: float


def check_datasets(
    export: ExportFolder, text_hashes: Mapping[str, str], scratch: Path, say: Callable[[str], None]
) -> Iterator[tuple[str, LoadedRows]]:
    """Load and check each config in turn; `scratch` takes the library's cache. Raises an `ExportError`."""
    datasets.disable_progress_bars()
    split_of: dict[str, str] = {}
    for config in export.configs:
        started_at = time.monotonic()
        say(f"datasets loads {config}")
        loaded = _load(export, config, scratch)
        num_rows = 0
        for file in export.files:
            if file.config != config:
                continue
            file.verify()
            rows = loaded[file.split]
            if rows.num_rows != file.num_rows:
                raise ChangedFile(
                    f"{file.name}: datasets loads {rows.num_rows} rows where the manifest says {file.num_rows}."
                )
            _check_split(file, rows, text_hashes.get(file.name), split_of)
            num_rows += rows.num_rows
        yield config, LoadedRows(f"datasets {datasets.__version__}", num_rows, started_at)


def _load(export: ExportFolder, config: str, scratch: Path) -> Any:
    """The splits of a config, with the card's features and no other."""
    try:
        loaded = datasets.load_dataset(str(export.path.resolve()), config, cache_dir=str(scratch / "cache"))
    except OSError:
        raise
    except Exception as error:  # the library raises what it likes
        raise BadColumn(f"datasets can't load {config}: {str(error).strip().splitlines()[0]}") from error
    if set(loaded) != set(export.list_splits(config)):
        raise BadColumn(f"datasets finds the splits {sorted(loaded)} in {config}, the manifest has others.")
    promised = read_schemas(export.path).get(config)
    for split, rows in loaded.items():
        if promised is not None and rows.features != datasets.Features.from_arrow_schema(promised):
            raise BadColumn(f"{config}/{split} has other columns than its card says: {rows.features}.")
    return loaded


def _check_split(file: ExportFile, rows: Any, text_hash: str | None, split_of: dict[str, str]) -> None:
    digest = hashlib.sha256()
    first = 0
    for table in rows.with_format("arrow").iter(batch_size=_ROWS_AT_ONCE):
        name = file.name if first == 0 else f"{file.name} from row {first} on"
        check_rows(name, file.config, table)
        _check_evidence_of_split(file, table, first)
        _check_prompts(file, table, first, split_of)
        _check_blanks(file, table, first)
        if text_hash is not None:
            _add_texts(digest, file.config, table)
        first += table.num_rows
    if text_hash is not None and digest.hexdigest() != text_hash:
        raise ChangedFile(
            f"{file.name}: what datasets loads is not, character by character, what was stored."
        )


def _check_evidence_of_split(file: ExportFile, table: pa.Table, first: int) -> None:
    """Judges never label evaluation rows, and gold never trains."""
    if file.config in ("evidence", "prompts") or "provenance" not in table.column_names:
        return
    by_people = pc.is_in(table["provenance"], value_set=pa.array(_PEOPLE))
    is_gold = pc.equal(table["provenance"], "gold")
    bad = is_gold if file.split == "train" else pc.invert(by_people)
    if (row := pc.index(bad, True).as_py()) >= 0:
        found = table["provenance"][row].as_py()
        raise BadRow(f"{file.name}, row {first + row} rests on {found!r}, which may not be in {file.split}.")


def _check_prompts(file: ExportFile, table: pa.Table, first: int, split_of: dict[str, str]) -> None:
    if "prompt_id" not in table.column_names:
        return
    for row, prompt in enumerate(table["prompt_id"].to_pylist()):
        other = split_of.setdefault(prompt, file.split)
        if other != file.split:
            raise BadRow(f"{file.name}, row {first + row}: its prompt is in {other} and in {file.split}.")


def _check_blanks(file: ExportFile, table: pa.Table, first: int) -> None:
    for column in ("chosen", "rejected", "completion"):
        if column in table.column_names:
            for row, value in enumerate(table[column].to_pylist()):
                if not _text_of(value).strip():
                    raise BadRow(f"{file.name}, row {first + row}: {column} is blank.")


def _add_texts(digest: Any, config: str, table: pa.Table) -> None:
    """The texts of rows into a running hash, each with its length, as the exporter took them from the database."""
    texts = [_contents(table[name]) for name in _TEXT_COLUMNS.get(config, ("prompt", "completion"))]
    if config == "step_preference":  # each side behind the steps that both share: what its model had written
        prompts, *sides = texts
        texts = [pc.binary_join_element_wise(prompts, side, "") for side in sides]
    joined = texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, "\x00")
    for content in joined.cast(pa.binary()).to_pylist():
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)


def _contents(column: pa.ChunkedArray) -> pa.Array:
    """`_text_of` of every value of a column without nulls."""
    values = column.combine_chunks()
    if not pa.types.is_list(values.type):
        return values
    parts = values.flatten()
    if pa.types.is_struct(parts.type):
        parts = parts.field("content")
    offsets = pc.subtract(values.offsets, values.offsets[0])
    return pc.binary_join(pa.ListArray.from_arrays(offsets, parts), "")


def _text_of(value: Any) -> str:
    """The text of a value in either form; of a list of steps, the steps joined."""
    if isinstance(value, str):
        return value
    return "".join(part if isinstance(part, str) else part["content"] for part in value)
