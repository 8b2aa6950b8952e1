"""Exports as JSON Lines: the same rows as Parquet, typed by the card, read back by every reader."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exports.actions import folder_of
from exports.json_lines import JsonLinesWriter, read_json_batches
from exports.models import Export
from exports.policy import CONFIGS
from rl_bridge.card import read_schemas
from rl_bridge.data import check_export, load_stepwise
from tests.exports.worlds import make_world, merge_world, start_export, write_export


class Sink:
    def __init__(self) -> None:
        self.content = b""

    def write(self, data: bytes) -> int:
        self.content += data
        return len(data)


def test_a_row_is_a_line_with_its_letters_as_they_are(tmp_path: Path) -> None:
    schema = pa.schema([("text", pa.string()), ("labels", pa.list_(pa.int8())), ("margin", pa.float64())])
    rows = [
        {"text": "é\n\u2028\u202e", "labels": [], "margin": None},
        {"text": "", "labels": [-100, 1], "margin": 0.1},
    ]
    sink = Sink()
    writer = JsonLinesWriter(sink)

    writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    writer.close()

    (tmp_path / "x.jsonl").write_bytes(sink.content)
    assert sink.content.count(b"\n") == 2
    assert [json.loads(line) for line in sink.content.splitlines()] == rows
    found = pa.Table.from_batches(read_json_batches(tmp_path / "x.jsonl", schema))
    assert found.schema == schema
    assert found.to_pylist() == rows


def write_both() -> tuple[Export, Export]:
    world = make_world(12)
    run = merge_world(world)
    return tuple(write_export(start_export(world, run, file_format=name)) for name in ("parquet", "jsonl"))  # type: ignore[return-value]


@pytest.mark.django_db
def test_json_lines_hold_the_rows_of_parquet_and_the_card_their_types() -> None:
    parquet, lines = write_both()

    folder = folder_of(lines)
    schemas = read_schemas(folder)
    assert lines.manifest["file_format"] == "jsonl"
    assert set(schemas) == set(CONFIGS)
    for name, entry in lines.manifest["files"].items():
        twin = next((folder_of(parquet) / entry["config"]).glob(f"{entry['split']}-*.parquet"))
        wanted = pq.read_table(twin, partitioning=None)
        assert name.endswith(".jsonl")
        assert schemas[entry["config"]] == wanted.schema
        found = [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]
        assert found == wanted.to_pylist()


@pytest.mark.django_db
def test_our_trainers_read_json_lines_as_they_read_parquet() -> None:
    parquet, lines = write_both()

    assert (
        load_stepwise(check_export(folder_of(lines)), "train")[0]
        == (load_stepwise(check_export(folder_of(parquet)), "train")[0])
    )


@pytest.mark.django_db
def test_the_same_json_lines_come_out_twice() -> None:
    world = make_world(3)
    run = merge_world(world)

    first, second = (write_export(start_export(world, run, file_format="jsonl")) for _ in range(2))

    assert first.content_hash == second.content_hash
