"""Holds a written export against what it promises, before anybody gets it: every row is read back.

Streams, a batch of rows at a time. Whole columns are held against the promises first, which is fast; where a batch
seems to break one, the same promise is looked for row by row, and what is found there counts. A failed check names the
file, the row and what is wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exports.blanks import may_be_blank
from exports.files import add_texts
from exports.formats.dataset import Row
from exports.json_lines import read_json_batches
from exports.labels import BAD, GOOD, MASKED
from exports.manifest import FileEntry

_ROWS_AT_ONCE = 4000
_VOUCHED = ("human", "gold")
_TEXT_COLUMNS = {
    "stepwise": ("prompt", "completions"),
    "evidence": ("text",),
    "prompts": ("prompt",),
    "preference": ("prompt", "chosen", "rejected"),
    "step_preference": ("prompt", "chosen", "rejected"),
}


class CheckFailed(Exception):
    """What was written is not what was promised; nothing of it is released."""


def check_files(
    folder: Path,
    files: Mapping[str, FileEntry],
    text_hashes: Mapping[str, str],
    on_rows: Callable[[], None],
    schemas: Mapping[str, pa.Schema] | None = None,
) -> None:
    """Checks every file; `text_hashes` are of the source texts, by file name. Raises CheckFailed.

    JSON Lines are read with the `schemas` of their configs.

    Bytes against their hash; the number of rows; each row's values; the texts against the database's; and over all
    files that no prompt is in two splits.
    """
    split_of: dict[str, str] = {}
    for name, entry in files.items():
        pa.default_memory_pool().release_unused()
        _check_bytes(folder / name, name, entry)
        digest = hashlib.sha256()
        num_rows = 0
        for batch in _read_batches(folder / name, on_rows, (schemas or {}).get(entry["config"])):
            if _looks_wrong(batch, entry["config"], entry["split"]):
                _check_rows(batch, name, num_rows, entry)
            add_texts(digest, _texts_of(batch, entry["config"]))
            _check_prompts(batch, name, num_rows, entry["split"], split_of)
            num_rows += len(batch)
        if num_rows != entry["rows"]:
            raise CheckFailed(f"{name} has {num_rows} rows where {entry['rows']} were written.")
        if digest.hexdigest() != text_hashes[name]:
            raise CheckFailed(f"{name}: its texts are not the database's, character by character.")


def text_of_row(row: Row, config: str) -> str:
    """The texts of a row, in either form, as the database has them (exports/source_texts.py).

    Of a step preference each side is what its model had written: the steps shared, then its own.
    """
    texts = [content_of(row[name]) for name in _text_columns(config)]
    if config == "step_preference":
        prompt, chosen, rejected = texts
        texts = [prompt + chosen, prompt + rejected]
    return "\x00".join(texts)


def content_of(value: object) -> str:
    """The text of a value in standard or conversational form; of a list of steps, the steps joined."""
    if isinstance(value, str):
        return value
    return "".join(part if isinstance(part, str) else part["content"] for part in value)  # type: ignore[attr-defined]


def _read_batches(
    path: Path, on_rows: Callable[[], None], schema: pa.Schema | None
) -> Iterator[pa.RecordBatch]:
    if path.suffix == ".jsonl" and schema is not None:
        for batch in read_json_batches(path, schema):
            yield batch
            on_rows()
        return
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):  # the library holds all groups that it is asked for at once
            for batch in file.iter_batches(_ROWS_AT_ONCE, row_groups=[group], use_threads=False):
                yield batch
                on_rows()


def _check_bytes(path: Path, name: str, entry: FileEntry) -> None:
    with path.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if found != entry["sha256"]:
        raise CheckFailed(f"{name} does not have the bytes that were written: the disk returned others.")


def _check_prompts(
    batch: pa.RecordBatch, name: str, first: int, split: str, split_of: dict[str, str]
) -> None:
    """No prompt in two splits. A prompt's rows lie together, so that most batches hold few."""
    for prompt in pc.unique(batch["prompt_id"]).to_pylist():
        other = split_of.setdefault(prompt, split)
        if other != split:
            row = first + pc.index(batch["prompt_id"], prompt).as_py()
            raise CheckFailed(f"{name}, row {row}: its prompt is in {other} and in {split}.")


def _texts_of(batch: pa.RecordBatch, config: str) -> pa.Array:
    """`text_of_row` of every row."""
    texts = [_contents(batch[name]) for name in _text_columns(config)]
    if config == "step_preference":
        prompts, *sides = texts
        texts = [pc.binary_join_element_wise(prompts, side, "") for side in sides]
    return texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, "\x00")


def _text_columns(config: str) -> tuple[str, ...]:
    """The columns that hold what the database does."""
    return _TEXT_COLUMNS.get(config, ("prompt", "completion"))


def _contents(column: pa.Array) -> pa.Array:
    """`content_of` every value; steps joined."""
    if pa.types.is_string(column.type):
        return column
    parts = column.flatten()
    if pa.types.is_struct(parts.type):
        parts = parts.field("content")
    offsets = pc.subtract(column.offsets, column.offsets[0])
    return pc.binary_join(pa.ListArray.from_arrays(offsets, parts), "")


def _looks_wrong(batch: pa.RecordBatch, config: str, split: str) -> bool:
    """Whether a promise may be broken in some row of a batch: never false where one is."""
    if config == "evidence":
        return False
    if any(column.null_count or _has_empty_list(column) for column in batch.columns):
        return True
    if config != "prompts":
        values = pa.array(_VOUCHED) if split != "train" else pa.array(["gold"])
        found = pc.is_in(batch["provenance"], value_set=values)
        if not pc.all(found).as_py() if split != "train" else pc.any(found).as_py():
            return True
    return _COLUMN_CHECKS[config](batch)


def _has_empty_list(column: pa.Array) -> bool:
    return pa.types.is_list(column.type) and bool(pc.min(pc.list_value_length(column)).as_py() == 0)


def _stepwise_looks_wrong(batch: pa.RecordBatch) -> bool:
    steps, labels, probabilities = (batch[name] for name in ("completions", "labels", "probabilities"))
    lengths = pc.list_value_length(steps)
    if lengths != pc.list_value_length(labels) or lengths != pc.list_value_length(probabilities):
        return True
    given, shares = labels.flatten(), probabilities.flatten()
    if given.null_count or shares.null_count or steps.flatten().null_count:
        return True
    if not pc.all(pc.is_in(given, value_set=pa.array([GOOD, BAD, MASKED], pa.int8()))).as_py():
        return True
    labelled = pc.list_parent_indices(labels).filter(pc.not_equal(given, MASKED))
    is_inside = pc.and_(pc.greater_equal(shares, 0.0), pc.less_equal(shares, 1.0))
    return bool(
        pc.min(pc.binary_length(steps.flatten())).as_py() == 0
        or len(pc.unique(labelled)) < len(batch)
        or not pc.all(is_inside).as_py()
    )


def _pair_looks_wrong(batch: pa.RecordBatch) -> bool:
    chosen, rejected, margin = _contents(batch["chosen"]), _contents(batch["rejected"]), batch["margin"]
    is_inside = pc.and_(pc.greater_equal(margin, 0.0), pc.less_equal(margin, 3.0))
    return bool(
        _has_blank(chosen)
        or _has_blank(rejected)
        or pc.any(pc.equal(chosen, rejected)).as_py()
        or not pc.all(is_inside).as_py()
    )


def _unpaired_looks_wrong(batch: pa.RecordBatch) -> bool:
    return not pa.types.is_boolean(batch["label"].type) or _completion_looks_wrong(batch)


def _completion_looks_wrong(batch: pa.RecordBatch) -> bool:
    return _has_blank(_contents(batch["completion"]))


def _prompt_looks_wrong(batch: pa.RecordBatch) -> bool:
    return bool(pc.min(pc.binary_length(_contents(batch["prompt"]))).as_py() == 0)


def _has_blank(texts: pa.Array) -> bool:
    return bool(pc.any(may_be_blank(texts)).as_py())


_COLUMN_CHECKS: dict[str, Callable[[pa.RecordBatch], bool]] = {
    "stepwise": _stepwise_looks_wrong,
    "preference": _pair_looks_wrong,
    "step_preference": _pair_looks_wrong,
    "unpaired_preference": _unpaired_looks_wrong,
    "sft": _completion_looks_wrong,
    "prompts": _prompt_looks_wrong,
}


def _check_rows(batch: pa.RecordBatch, name: str, first: int, entry: FileEntry) -> None:
    for place, row in enumerate(batch.to_pylist()):
        if problem := _check_row(row, entry["config"], entry["split"]):
            raise CheckFailed(f"{name}, row {first + place}: {problem}.")


def _check_row(row: Row, config: str, split: str) -> str | None:
    """What is wrong with a row, or None."""
    if config == "evidence":
        return None
    empty = [name for name, value in row.items() if value is None or value == []]
    if empty:
        return f"{empty[0]} is empty"
    if config != "prompts":
        is_evaluation = split != "train"
        if is_evaluation and row["provenance"] not in _VOUCHED:
            return f"{row['provenance']} evidence in an evaluation split"
        if not is_evaluation and row["provenance"] == "gold":
            return "gold in the training split"
    return _ROW_CHECKS[config](row)


def _check_stepwise(row: Row) -> str | None:
    steps, labels, probabilities = row["completions"], row["labels"], row["probabilities"]
    if not len(steps) == len(labels) == len(probabilities):
        return "steps, labels and probabilities differ in number"
    if None in (*steps, *labels, *probabilities):
        return "a step, a label or a probability is missing"
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
