"""Reads the run folder of a finished process reward model, to make a judge of it. Loads no torch."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from rl_bridge import runs
from rl_bridge.errors import BridgeError
from rl_bridge.weights import hash_weights

PRM_FILE = "prm.json"
HEAD_FILE = "step_head.safetensors"
_PICKLED = (".bin", ".pt", ".pth", ".pkl", ".ckpt", ".pickle")


class NotAFinishedRun(BridgeError):
    """The folder is no finished run of `train prm`, or holds what must not be opened; the text says which."""


@dataclasses.dataclass(frozen=True, slots=True)
class PrmRun:
    """What a run says of itself. `revision` is one SHA-256 over the model's safetensors files."""

    name: str
    model: Path
    revision: str
    export: str
    manifest_sha256: str
    settings: dict[str, Any]
    metrics: dict[str, float]


def read_prm_run(folder: Path) -> PrmRun:
    """Read a run folder of `train prm`. Raises `NotAFinishedRun`."""
    settings = _read(folder / runs.CONFIG_FILE)
    if settings.get("kind") != "prm":
        raise NotAFinishedRun(f"{folder} is a run of {settings.get('kind')!r}: only a trained PRM can judge.")
    metrics, data = _read(folder / runs.METRICS_FILE), _read(folder / runs.DATA_FILE)
    model = folder / runs.MODEL_FOLDER
    _read(model / PRM_FILE)
    _refuse_pickles(model)
    if not (model / HEAD_FILE).is_file() or len(list(model.glob("*.safetensors"))) < 2:
        raise NotAFinishedRun(f"{model} holds no safetensors weights of a backbone and its step head.")
    return PrmRun(
        name=folder.resolve().name,
        model=model,
        revision=hash_weights(model),
        export=str(data.get("export", "")),
        manifest_sha256=str(data.get("manifest_sha256", "")),
        settings=settings,
        metrics={name: value for name, value in metrics.items() if isinstance(value, int | float)},
    )


def _refuse_pickles(model: Path) -> None:
    """Weights in Python's own format can run code when they are opened; whatever brings some is not to be trusted."""
    for path in sorted(model.rglob("*")):
        if path.suffix in _PICKLED or path.is_symlink():
            raise NotAFinishedRun(
                f"{path} is not safetensors: a judge's folder holds no pickles and no links."
            )


def _read(path: Path) -> dict[str, Any]:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotAFinishedRun(
            f"{path.parent} is no finished run of a PRM: {path.name} is missing."
        ) from error
    except ValueError as error:
        raise NotAFinishedRun(f"{path} is not JSON.") from error
    if not isinstance(content, dict):
        raise NotAFinishedRun(f"{path} is no JSON object.")
    return content
