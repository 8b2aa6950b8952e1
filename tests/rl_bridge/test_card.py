"""The card's types: every type of our columns there and back, and cards that can't be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exports.candidates import FORMATS
from exports.card import describe_type
from exports.policy import CONFIGS
from rl_bridge.card import read_schemas
from rl_bridge.manifest import ChangedFile, ExportFile, NotAnExport
from rl_bridge.tables import read_table
from tests.rl_bridge.export_folders import write_whole_export


def write_card(folder: Path, header: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "README.md").write_text(f"---\n{header}\n---\n\n# Title\n", encoding="utf-8")
    return folder


def spell_features(schema: pa.Schema) -> list[dict[str, Any]]:
    return [{"name": field.name, **describe_type(field.type)} for field in schema]


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("form", ["standard", "conversational"])
def test_every_column_of_ours_is_read_back_in_its_type(config: str, form: str, tmp_path: Path) -> None:
    schema: Any = FORMATS[config].schema(form)
    info = [{"config_name": config, "features": spell_features(schema)}]

    write_card(tmp_path / "export", f"dataset_info: {info!r}".replace("'", '"'))

    assert read_schemas(tmp_path / "export") == {config: schema}


def test_a_card_without_types_promises_none(tmp_path: Path) -> None:
    assert read_schemas(write_card(tmp_path / "export", "configs: []")) == {}


@pytest.mark.parametrize(
    "header",
    [
        "dataset_info: [{config_name: sft}]",
        "dataset_info: [{config_name: sft, features: [{name: a, dtype: complex}]}]",
        "dataset_info: 7",
        "dataset_info: [",
        "[1, 2]",
    ],
)
def test_a_header_that_describes_no_columns_is_refused_in_words(header: str, tmp_path: Path) -> None:
    with pytest.raises(NotAnExport, match="does not describe the columns"):
        read_schemas(write_card(tmp_path / "export", header))


def make_file(path: Path, config: str = "sft") -> ExportFile:
    return ExportFile(path, f"{config}/{path.name}", config, "train", 1, path.stat().st_size, "0" * 64)


def test_json_lines_are_read_in_the_cards_types(tmp_path: Path) -> None:
    features = [{"name": "a", "dtype": "int8"}, {"name": "b", "list": "string"}]
    folder = write_card(
        tmp_path / "export", f"dataset_info: {[{'config_name': 'sft', 'features': features}]!r}"
    )
    (folder / "sft").mkdir()
    (folder / "sft" / "x.jsonl").write_text('{"a": null, "b": []}\n{"a": 1, "b": ["é"]}\n', encoding="utf-8")

    table = read_table(make_file(folder / "sft" / "x.jsonl"))

    assert table.schema == pa.schema([("a", pa.int8()), ("b", pa.list_(pa.string()))])
    assert table.to_pylist() == [{"a": None, "b": []}, {"a": 1, "b": ["é"]}]


@pytest.mark.parametrize(("name", "kind"), [("x.jsonl", "JSON Lines"), ("x.parquet", "Parquet")])
def test_a_file_of_another_kind_is_said_to_be(tmp_path: Path, name: str, kind: str) -> None:
    folder = write_card(tmp_path / "export", "configs: []")
    (folder / "sft").mkdir()
    (folder / "sft" / name).write_bytes(b"neither {")

    with pytest.raises(ChangedFile, match=f"is not a {kind} file"):
        read_table(make_file(folder / "sft" / name))


def test_parquet_needs_no_card(tmp_path: Path) -> None:
    folder = write_whole_export(tmp_path / "export")
    path = next(folder.glob("sft/*.parquet"))

    assert read_table(make_file(path)) == pq.read_table(path, partitioning=None)
