"""Holds a written export against what it promises, before anybody gets it: every row is read back.

Streams, a batch of rows at a time. A failed check names the file, the row and what is wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyarrow.parquet as pq

from exports.files import add_text
from exports.formats.dataset import Row
from exports.labels import BAD, GOOD, MASKED
from exports.manifest import FileEntry

_ROWS_AT_ONCE = 1000


class CheckFailed(Exception):
    """What was written is not what was promised; nothing of it is released."""


def check_files(
    folder: Path, files: Mapping[str, FileEntry], text_hashes: Mapping[str, str], on_rows: Callable[[], None]
) -> None:
    """Checks every file; `text_hashes` are of the source texts, by file name. Raises CheckFailed.

    Bytes against their hash; the number of rows; each row's values; the texts against the database's; and over all
    files that no prompt is in two splits.
    """
    split_of: dict[str, str] = {}
    for name, entry in files.items():
        _check_bytes(folder / name, name, entry)
        digest = hashlib.sha256()
        num_rows = 0
        for row in _read_rows(folder / name, on_rows):
            if problem := _check_row(row, entry["config"], entry["split"]):
                raise CheckFailed(f"{name}, row {num_rows}: {problem}.")
            add_text(digest, text_of_row(row, entry["config"]))
            other = split_of.setdefault(row["prompt_id"], entry["split"])
            if other != entry["split"]:
                raise CheckFailed(
                    f"{name}, row {num_rows}: its prompt is in {other} and in {entry['split']}."
                )
            num_rows += 1
        if num_rows != entry["rows"]:
            raise CheckFailed(f"{name} has {num_rows} rows where {entry['rows']} were written.")
        if digest.hexdigest() != text_hashes[name]:
            raise CheckFailed(f"{name}: its texts are not the database's, character by character.")


def text_of_row(row: Row, config: str) -> str:
    """The completion (or what stands for it) of a row, in either form, as the database has it."""
    if config == "stepwise":
        return "".join(row["completions"])
    if config == "evidence":
        return str(row["text"])
    if config == "prompts":
        return content_of(row["prompt"])
    if config in ("preference", "step_preference"):
        return content_of(row["chosen"]) + "\x00" + content_of(row["rejected"])
    return content_of(row["completion"])


def content_of(value: object) -> str:
    """The text of a value in standard or conversational form."""
    if isinstance(value, str):
        return value
    return "".join(message["content"] for message in value)  # type: ignore[attr-defined]


def _read_rows(path: Path, on_rows: Callable[[], None]) -> Iterator[Row]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
            yield from batch.to_pylist()
            on_rows()


def _check_bytes(path: Path, name: str, entry: FileEntry) -> None:
    with path.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if found != entry["sha256"]:
        raise CheckFailed(f"{name} does not have the bytes that were written: the disk returned others.")


def _check_row(row: Row, config: str, split: str) -> str | None:
    """What is wrong with a row, or None."""
    if config == "evidence":
        return None
    empty = [name for name, value in row.items() if value is None or value == []]
    if empty:
        return f"{empty[0]} is empty"
    if config != "prompts":
        is_evaluation = split != "train"
        if is_evaluation and row["provenance"] not in ("human", "gold"):
            return f"{row['provenance']} evidence in an evaluation split"
        if not is_evaluation and row["provenance"] == "gold":
            return "gold in the training split"
    return _ROW_CHECKS[config](row)


def _check_stepwise(row: Row) -> str | None:
    steps, labels, probabilities = row["completions"], row["labels"], row["probabilities"]
    if not len(steps) == len(labels) == len(probabilities):
        return "steps, labels and probabilities differ in number"
    if not all(steps):
        return "a step is empty"
    if not set(labels) <= {GOOD, BAD, MASKED}:
        return "a label is none of 1, 0 and -100"
    if set(labels) == {MASKED}:
        return "it has no label at all"
    return None if all(0.0 <= p <= 1.0 for p in probabilities) else "a probability lies outside 0 to 1"


def _check_pair(row: Row) -> str | None:
    chosen, rejected = content_of(row["chosen"]), content_of(row["rejected"])
    if not chosen.strip() or not rejected.strip():
        return "chosen or rejected is blank"
    if chosen == rejected:
        return "chosen and rejected are the same"
    return None if 0.0 <= row["margin"] <= 3.0 else "the margin lies outside 0 to 3"


def _check_unpaired(row: Row) -> str | None:
    if not isinstance(row["label"], bool):
        return "the label is no boolean"
    return _check_completion(row)


def _check_completion(row: Row) -> str | None:
    return None if content_of(row["completion"]).strip() else "the completion is blank"


def _check_prompt(row: Row) -> str | None:
    return None if content_of(row["prompt"]) else "the prompt is blank"


_ROW_CHECKS: dict[str, Callable[[Row], str | None]] = {
    "stepwise": _check_stepwise,
    "preference": _check_pair,
    "step_preference": _check_pair,
    "unpaired_preference": _check_unpaired,
    "sft": _check_completion,
    "prompts": _check_prompt,
}
