"""Rows of a file, as a stream: JSON Lines, CSV (also with semicolons or tabs) and Parquet. Memory stays flat."""

from __future__ import annotations

import _csv
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from annotation.importing.rows import LONGEST_RAW, Row, SourceUnreadable

FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}
"""Which format a file of this suffix is read as."""
LONGEST_LINE = 20_000_000
"""Bytes; a longer line is refused unread."""
LARGEST_GROUP = 256 * 2**20
"""Bytes of a Parquet file's row group, unpacked: a group is in memory at once, however small the file."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DEEPEST = 100  # what is written again as JSON, or walked through, must end before Python's own limit
_ROWS_AT_ONCE = 256
_DELIMITERS = (",", ";", "\t")


def find_format(file_name: str) -> str:
    """The format that the name's ending stands for. Raises SourceUnreadable."""
    suffix = Path(file_name).suffix.lower()
    if suffix not in FORMATS:
        raise SourceUnreadable(
            f"A file named “{file_name[-80:]}” can't be read; its name must end in {', '.join(FORMATS)}."
        )
    return FORMATS[suffix]


def read_file(path: Path, file_format: str) -> Iterator[Row]:
    """The file's rows, in order; empty lines are passed over. Raises SourceUnreadable, also between two rows."""
    with path.open("rb") as file:
        yield from {"jsonl": _read_jsonl, "csv": _read_csv, "parquet": _read_parquet}[file_format](file)


def count_rows(path: Path, file_format: str) -> int:
    """How many rows `read_file` gives. Raises SourceUnreadable."""
    if file_format != "parquet":
        return sum(1 for _ in read_file(path, file_format))
    with path.open("rb") as file:
        return int(_open_parquet(file).metadata.num_rows)


def _read_jsonl(file: IO[bytes]) -> Iterator[Row]:
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if len(line) > LONGEST_LINE:
            _skip_line(file)
            yield Row(number, fault=f"longer than {LONGEST_LINE:,} bytes.", raw=_show(line))
        elif line.strip():
            yield _parse_json(number, line)


def _skip_line(file: IO[bytes]) -> None:
    while (part := file.readline(1_000_000)) and not part.endswith(b"\n"):
        pass


def _parse_json(number: int, line: bytes) -> Row:
    try:
        values: Any = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Row(number, fault=f"not UTF-8 (byte {error.start + 1} of the line).", raw=_show(line))
    except json.JSONDecodeError as error:
        return Row(number, fault=f"not JSON ({error.msg} at character {error.colno}).", raw=_show(line))
    except (RecursionError, ValueError):  # nested too deeply; a number of thousands of digits
        fault = "not JSON that can be read (nested too deeply, or too long a number)."
        return Row(number, fault=fault, raw=_show(line))
    if not isinstance(values, dict):
        return Row(number, fault="not a JSON object: one object a line is needed.", raw=_show(line))
    if line.count(b"{") + line.count(b"[") > _DEEPEST and _is_deeper(values, _DEEPEST):
        return Row(number, fault=f"nested more than {_DEEPEST} deep.", raw=_show(line))
    return Row(number, values)


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether objects and lists lie in one another at more levels than this."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if inner is None:
        return False
    return levels == 0 or any(_is_deeper(one, levels - 1) for one in inner)


def _show(line: bytes) -> str:
    return line[:LONGEST_RAW].decode("utf-8", errors="replace").rstrip("\r\n")


def _read_csv(file: IO[bytes]) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_LINE)
    # A byte that is no UTF-8 becomes half a surrogate pair, by which its row is found and refused.
    with io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        header = text.readline()
        delimiter = max(_DELIMITERS, key=header.count)
        yield from _read_csv_rows(_read_names(header, delimiter), csv.reader(text, delimiter=delimiter))


def _read_names(header: str, delimiter: str) -> list[str]:
    try:
        names = next(csv.reader([header], delimiter=delimiter), [])
    except csv.Error as error:
        raise SourceUnreadable(f"The file's first line is not CSV ({error}).") from error
    if not any(name.strip() for name in names):
        raise SourceUnreadable("The file's first line names no columns.")
    if len(set(names)) != len(names):
        raise SourceUnreadable("Two columns of the file have the same name.")
    return names


def _read_csv_rows(names: list[str], reader: _csv.Reader) -> Iterator[Row]:
    while True:
        number = reader.line_num + 2  # the header is line 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(number, fault=f"not CSV ({error}).")
            continue
        if cells:
            yield _build_csv_row(number, names, cells)


def _build_csv_row(number: int, names: list[str], cells: list[str]) -> Row:
    raw = json.dumps(cells, ensure_ascii=True)
    if len(cells) != len(names):
        return Row(number, fault=f"{len(cells)} cells, but the header names {len(names)} columns.", raw=raw)
    if any("\ud800" <= letter <= "\udfff" for cell in cells for letter in cell):
        return Row(number, fault="not UTF-8.", raw=raw)
    return Row(number, dict(zip(names, cells, strict=True)))


def _read_parquet(file: IO[bytes]) -> Iterator[Row]:
    number = 0
    try:
        for batch in _open_parquet(file).iter_batches(batch_size=_ROWS_AT_ONCE):
            for values in batch.to_pylist():
                number += 1
                yield Row(number, values)
    except (pa.ArrowException, OSError) as error:
        raise SourceUnreadable(f"The file can't be read beyond row {number:,}: {error}") from error


def _open_parquet(file: IO[bytes]) -> pq.ParquetFile:
    try:
        opened = pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise SourceUnreadable("The file is not Parquet, or it was cut off.") from error
    about = opened.metadata
    for number in range(about.num_row_groups):
        if about.row_group(number).total_byte_size > LARGEST_GROUP:
            raise SourceUnreadable(
                f"A row group of the file has more than {LARGEST_GROUP // 2**20} MB once it is unpacked; write it with "
                "smaller ones."
            )
    return opened
