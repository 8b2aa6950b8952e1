"""The data files of an export: Parquet (or JSON Lines), written row group by row group, hashed as they are written.

The same rows give the same bytes: every writer setting is fixed here and nothing depends on the clock.
"""

from __future__ import annotations

import hashlib
import os
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exports.formats.dataset import Row
from exports.json_lines import JsonLinesWriter
from exports.manifest import FileEntry
from exports.writing_thread import Later, at_once

ROWS_A_GROUP = 1000
CHARACTERS_A_GROUP = 4_000_000
"""A row group ends at whichever comes first, so that long traces take no more memory than short ones."""
_ROWS_AS_OBJECTS = 500
_REPEATED = [
    *(
        "prompt",
        "prompt_id",
        "trace_id",
        "chosen_trace",
        "rejected_trace",
        "provenance",
        "model",
        "verifier",
        "step",
    ),
    *("ratings.list.element.rater", "ratings.list.element.error_category", "judge_scores.list.element.judge"),
]
"""Columns in which values come again: others would only pay for a dictionary of all they hold."""


class HashingFile:
    """A file that hashes and counts what is written to it. All bytes of an export pass through `write`."""

    def __init__(self, path: Path) -> None:
        # Unbuffered: what a full disk refused must not be tried again when the file is let go.
        self._handle = path.open("xb", buffering=0)
        self._digest = hashlib.sha256()
        self.num_bytes = 0
        self.closed = False

    def write(self, data: bytes) -> int:
        view = memoryview(data).cast("B")
        written = 0
        while written < len(view):  # a nearly full disk may take a part and refuse the rest at the next try
            written += self._handle.write(view[written:])
        self._digest.update(view)
        self.num_bytes += written
        return written

    def tell(self) -> int:
        return self.num_bytes

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Leaves the bytes on the disk, not just in its cache."""
        if not self.closed:
            self.closed = True
            with self._handle:
                os.fsync(self._handle.fileno())

    def discard(self) -> None:
        """Closes the file as it is; nobody will read it."""
        self.closed = True
        self._handle.close()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


class DataFile:
    """One split of one config. `text_hash` is over the source texts of the rows, for the check that re-reads them.

    Rows come one by one (`add`) or as tables (`add_table`). `later` does the writing.
    """

    def __init__(
        self,
        folder: Path,
        config: str,
        split: str,
        schema: pa.Schema,
        file_format: str = "parquet",
        later: Later = at_once,
    ) -> None:
        self.config, self.split, self.file_format = config, split, file_format
        self._later = later
        self._schema = schema
        self._folder = folder / config
        self._folder.mkdir(exist_ok=True)
        self._draft = self._folder / f"{split}.draft"
        self._sink = HashingFile(self._draft)
        self._writer = self._open_writer()
        self._waiting: list[Row] = []
        self._waiting_texts: list[str] = []
        self._waiting_tables: list[pa.Table] = []
        self._num_waiting = 0
        self._num_characters = 0
        self._texts = hashlib.sha256()
        self.num_rows = 0

    def add(self, row: Row, text: str) -> None:
        """Adds a row; `text` is what the database has of it (exports/source_texts.py)."""
        self._waiting.append(row)
        self._waiting_texts.append(text)
        if len(self._waiting) >= _ROWS_AS_OBJECTS:
            self._pack()
        self._count(1, len(text))

    def add_table(self, table: pa.Table, texts: pa.Array) -> None:
        """Adds many rows; `texts` is what the database has of them."""
        self._pack()
        self._waiting_tables.append(table)
        self._later(partial(add_texts, self._texts, texts))
        self._count(len(table), texts.nbytes)

    def _count(self, num_rows: int, num_characters: int) -> None:
        self.num_rows += num_rows
        self._num_waiting += num_rows
        self._num_characters += num_characters
        if self._num_waiting >= ROWS_A_GROUP or self._num_characters >= CHARACTERS_A_GROUP:
            self.flush()

    def close(self) -> FileEntry:
        """Ends the file and names it after its content. Whoever writes `later` flushes and waits before."""
        self.flush()
        self._writer.close()
        self._sink.close()
        self._draft.rename(self._folder / f"{self.split}-{self._sink.sha256[:16]}.{self.file_format}")
        return FileEntry(
            config=self.config,
            split=self.split,
            rows=self.num_rows,
            sha256=self._sink.sha256,
            bytes=self._sink.num_bytes,
            format=self.file_format,
        )

    def abandon(self) -> None:
        """Lets go of the file after a failure; its folder is deleted by whoever made it."""
        self._writer.is_open = False  # its footer would be written to a disk that may be full
        self._sink.discard()

    @property
    def text_hash(self) -> str:
        return self._texts.hexdigest()

    def _open_writer(self) -> pq.ParquetWriter | JsonLinesWriter:
        if self.file_format == "jsonl":
            return JsonLinesWriter(self._sink)
        try:
            return pq.ParquetWriter(
                self._sink,
                self._schema,
                version="2.6",
                data_page_version="1.0",
                compression="zstd",
                compression_level=3,
                use_dictionary=_REPEATED,
                write_statistics=_REPEATED,
            )
        except BaseException:  # it writes its first bytes at once, and nobody else knows of the sink yet
            self._sink.discard()
            raise

    def flush(self) -> None:
        """Makes a row group of what waits."""
        self._pack()
        if self._waiting_tables:
            self._later(partial(_write_joined, self._writer, list(self._waiting_tables)))
        self._waiting_tables.clear()
        self._num_waiting = self._num_characters = 0

    def _pack(self) -> None:
        """Makes a table of the rows that wait as objects: it takes a fraction of their memory."""
        if not self._waiting:
            return
        columns = [
            pa.array([row[field.name] for row in self._waiting], type=field.type) for field in self._schema
        ]
        self._waiting_tables.append(pa.Table.from_arrays(columns, schema=self._schema))
        self._later(partial(add_texts, self._texts, pa.array(self._waiting_texts, pa.string())))
        self._waiting.clear()
        self._waiting_texts.clear()


def _write_joined(writer: pq.ParquetWriter | JsonLinesWriter, tables: list[pa.Table]) -> None:
    writer.write_table(pa.concat_tables(tables).combine_chunks())


def add_texts(digest: hashlib._Hash, texts: pa.Array) -> None:
    """Adds texts (an array of strings without nulls) to a running hash, each as 8 bytes of length and its UTF-8.

    With the lengths no two lists of texts hash alike; the same texts hash alike however they are cut into arrays.
    """
    if not len(texts):
        return
    sizes = pc.binary_length(texts).to_numpy(zero_copy_only=False).astype(">u8")
    places = pa.py_buffer(np.arange(0, 8 * len(texts) + 1, 8, dtype=np.int32))
    prefixes = pa.Array.from_buffers(pa.binary(), len(texts), [None, places, pa.py_buffer(sizes)])
    stream = pc.binary_join_element_wise(prefixes, texts.cast(pa.binary()), b"")
    digest.update(stream.buffers()[2] or b"")


def file_name(entry: FileEntry) -> str:
    """Where a data file lies in the export's folder. The hash is part of the name: `load_dataset` caches by names."""
    return f"{entry['config']}/{entry['split']}-{entry['sha256'][:16]}.{entry['format']}"
