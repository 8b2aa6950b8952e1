"""What a model's location means: "shipped", a folder, a GGUF file, or a name on the Hugging Face hub. No torch."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from rl_bridge.errors import BridgeError
from rl_bridge.shipped import SHIPPED, SHIPPED_NAME, find_prepared_model, find_shipped_gguf


class ModelNotFound(BridgeError):
    """The location names no model that can be opened: no folder, no weights in it, or no such hub name."""


@dataclasses.dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A location made definite: what `from_pretrained` takes, the name to show, and whether it is local."""

    location: str
    name: str
    is_local: bool
    gguf_file: str = ""  # its name in the folder `location`, where the model is one


def locate_model(location: str) -> ResolvedModel:
    """Say what a location other than "shipped" means.

    Raises `ModelNotFound` for a folder or file that is not there, or a folder without weights.
    """
    folder = Path(location).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelNotFound(f"The folder {folder} holds no model: config.json is missing.")
        if not any(folder.glob("*.safetensors")):
            raise ModelNotFound(f"The folder {folder} holds no .safetensors weights.")
        return ResolvedModel(location=str(folder), name=folder.resolve().name, is_local=True)
    if folder.suffix == ".gguf" and folder.is_file():
        return ResolvedModel(
            location=str(folder.parent), name=folder.stem, is_local=True, gguf_file=folder.name
        )
    if folder.is_absolute() or location.startswith((".", "~")) or location.count("/") > 1:
        kind = "file" if folder.suffix == ".gguf" else "folder"
        raise ModelNotFound(f"There is no {kind} {folder}.")
    return ResolvedModel(location=location, name=location, is_local=False)


def describe_location(location: str, models_dir: Path) -> dict[str, Any]:
    """What a plan says of a model before anything is opened. Raises as `locate_model`, and `ShippedModelMissing`."""
    if location == SHIPPED:
        prepared = find_prepared_model(models_dir)
        where = str(prepared) if prepared else f"{find_shipped_gguf()}, converted into {models_dir} first"
        return {"name": SHIPPED_NAME, "from": where}
    located = locate_model(location)
    if not located.is_local:
        return {"name": located.name, "from": "the Hugging Face hub, or its cache"}
    folder = Path(located.location)
    if located.gguf_file:
        return {"name": located.name, "from": str(folder / located.gguf_file)}
    weights = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    return {
        "name": located.name,
        "from": str(folder),
        "architectures": _read_architectures(folder / "config.json"),
        "weights_mib": round(weights / 2**20, 1),
    }


def _read_architectures(path: Path) -> list[str]:
    try:
        return [str(name) for name in json.loads(path.read_text(encoding="utf-8")).get("architectures") or []]
    except (ValueError, AttributeError, TypeError) as error:
        raise ModelNotFound(f"{path} is no model configuration.") from error
