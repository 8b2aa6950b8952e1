"""Reads the data files of an export, Parquet or JSON Lines, as tables in the types that the card promises."""

import pyarrow as pa
import pyarrow.json as pj
import pyarrow.parquet as pq

from rl_bridge.card import read_schemas
from rl_bridge.manifest import ChangedFile, ExportFile

_JSON_BLOCK_BYTES = 64 * 1024 * 1024  # a line must fit into a block


def read_table(file: ExportFile) -> pa.Table:
    """The rows of a file, without checking its bytes. Raises `ChangedFile` where it can't be read."""
    try:
        if file.path.suffix == ".jsonl":
            schema = read_schemas(file.path.parent.parent).get(file.config)
            parse = pj.ParseOptions(explicit_schema=schema) if schema else None
            return pj.read_json(file.path, pj.ReadOptions(block_size=_JSON_BLOCK_BYTES), parse)
        return pq.read_table(file.path, partitioning=None)
    except pa.ArrowException as error:
        kind = "JSON Lines" if file.path.suffix == ".jsonl" else "Parquet"
        raise ChangedFile(f"{file.name} is not a {kind} file.") from error


def count_labels(table: pa.Table) -> pa.Table:
    """Stepwise labels that are true and false, as in TRL's own data sets, as 1 and 0; others stay."""
    column = table.schema.get_field_index("labels")
    if not pa.types.is_boolean(table.schema.field(column).type.value_type):
        return table
    return table.set_column(column, "labels", table["labels"].cast(pa.list_(pa.int8())))
