"""What identifies a model's weights: one hash over its safetensors files. Standard library only."""

import hashlib
from pathlib import Path


def hash_weights(folder: Path) -> str:
    """Return one SHA-256 over all safetensors files of `folder`, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        digest.update(hash_file(path).encode())
    return digest.hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
