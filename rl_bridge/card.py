"""Reads from an export's dataset card which columns each config has. JSON Lines alone don't say: an all-null column has
no type there, and an empty list no items.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from rl_bridge.manifest import CARD_FILE, NotAnExport

_TYPES = {
    "string": pa.string(),
    "bool": pa.bool_(),
    "int8": pa.int8(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
}


def read_schemas(folder: Path) -> dict[str, pa.Schema]:
    """The columns of each config by the card's `dataset_info`. Raises `NotAnExport` where the header can't be read."""
    path = folder / CARD_FILE
    _, _, rest = path.read_text(encoding="utf-8").partition("---\n")
    header, _, _ = rest.partition("\n---")
    try:
        described: Any = (yaml.safe_load(header) or {}).get("dataset_info", [])
        return {info["config_name"]: pa.schema(_read_fields(info["features"])) for info in described}
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise NotAnExport(f"The header of {path} does not describe the columns: {error}.") from error


def _read_fields(features: Any) -> list[tuple[str, pa.DataType]]:
    return [(feature["name"], _read_type(feature)) for feature in features]


def _read_type(feature: Any) -> pa.DataType:
    if "list" in feature:
        item = feature["list"]
        if isinstance(item, list):
            return pa.list_(pa.struct(_read_fields(item)))
        return pa.list_(_TYPES[item] if isinstance(item, str) else _read_type(item))
    if "struct" in feature:
        return pa.struct(_read_fields(feature["struct"]))
    return _TYPES[feature["dtype"]]
