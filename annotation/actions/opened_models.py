"""Language models kept open in a worker's process. Loads torch: only worker-side actions import this.

A worker opens a model in the pool process that uses it, never before the fork: a forked process that inherits torch's
threads hangs at its first forward pass.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from annotation.generation.backend import Backend
from annotation.generation.transformers_backend import TransformersBackend
from annotation.models import ModelSpec
from rl_bridge.errors import BridgeError
from rl_bridge.models import LoadedModel, load_causal_lm
from rl_bridge.token_prm import AnyPrm, load_any_prm


class ModelChanged(BridgeError):
    """What the location names now is not what the model spec was made for."""


def open_model(spec: ModelSpec) -> LoadedModel:
    """The model of a spec, opened the first time (0.4 s for the shipped one) and then kept.

    Raises ModelNotFound, ShippedModelMissing, or ModelChanged where the spec names another revision.
    """
    loaded = _load(spec.location)
    _check_revision(spec, loaded.revision)
    return loaded


def open_local_backend(spec: ModelSpec) -> Backend:
    """The way to a model in this very process. Raises as `open_model` does."""
    return TransformersBackend(open_model(spec))


def open_prm(spec: ModelSpec, *, separator: str = "\n") -> AnyPrm:
    """The process reward model in a spec's folder. Raises NotAPrm, or ModelChanged as `open_model` does."""
    opened = _load_prm(spec.location, separator)
    _check_revision(spec, opened.revision)
    return opened


@lru_cache(maxsize=1)
def _load_prm(location: str, separator: str) -> AnyPrm:
    return load_any_prm(Path(location).expanduser(), separator=separator)


def _check_revision(spec: ModelSpec, revision: str) -> None:
    """The first time the weights' identity is written down; from then on it has to be the same."""
    if not spec.revision:
        ModelSpec.objects.filter(pk=spec.pk, revision="").update(revision=revision[:80])
        spec.revision = revision[:80]
    if spec.revision != revision[:80]:
        raise ModelChanged(
            f"{spec.name} was made for revision {spec.revision[:12]}, but {spec.location} is now {revision[:12]}."
        )


@lru_cache(maxsize=2)  # the one that generates and the one that judges
def _load(location: str) -> LoadedModel:
    return load_causal_lm(location, models_dir=settings.MODELS_DIR)
