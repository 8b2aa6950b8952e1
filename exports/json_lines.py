"""JSON Lines, one object a row: for people's own tools. The card says which types the columns have, since JSON doesn't.

Bytes are the same for the same rows: columns in the schema's order, numbers as Python spells them, no escaped letters.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.json as pj

_BLOCK_BYTES = 64 * 1024 * 1024  # a line must fit into a block


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes) -> int: ...


class JsonLinesWriter:
    """Stands in for a `pyarrow.parquet.ParquetWriter`: takes tables, and holds nothing back."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.is_open = True

    def write_table(self, table: pa.Table) -> None:
        lines = (json.dumps(row, ensure_ascii=False, allow_nan=False) for row in table.to_pylist())
        self._sink.write("".join(f"{line}\n" for line in lines).encode())

    def close(self) -> None:
        self.is_open = False


def read_json_batches(path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a file, some at a time, in the schema's types."""
    parse = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    with pj.open_json(path, pj.ReadOptions(block_size=_BLOCK_BYTES), parse) as reader:
        yield from reader
