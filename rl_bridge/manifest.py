"""Reads an export folder's manifest and holds the files against it. Needs nothing but the standard library.

An export is frozen: a data file's name carries the first 16 digits of its SHA-256, and `manifest.json` all of them.
"""

import dataclasses
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from rl_bridge.errors import BridgeError

MANIFEST_FILE = "manifest.json"
CARD_FILE = "README.md"
FORMAT = 1
CONFIGS = (
    "stepwise",
    "preference",
    "step_preference",
    "unpaired_preference",
    "sft",
    "prompts",
    "evidence",
)
_FILE_NAME = re.compile(r"(?P<config>[a-z_]+)/(?P<split>\w+)-(?P<hash>[0-9a-f]{16})\.(?:parquet|jsonl)")


class ExportError(BridgeError):
    """An export folder can't be used as it is."""


class NotAnExport(ExportError):
    """The folder, its manifest or its dataset card is missing or can't be read."""


class ChangedFile(ExportError):
    """A file is missing or isn't, byte for byte, what the manifest says: the export isn't frozen any more."""


class MissingConfig(ExportError):
    """The export has no such config or split."""


@dataclasses.dataclass(frozen=True, slots=True)
class ExportFile:
    """One data file of an export (Parquet or JSON Lines), as its manifest describes it."""

    path: Path
    name: str
    config: str
    split: str
    num_rows: int
    num_bytes: int
    sha256: str

    def verify(self) -> None:
        """Raise `ChangedFile` where the file isn't, byte for byte, the one that was exported."""
        if not self.path.is_file():
            raise ChangedFile(f"{self.name} is in the manifest but not in the folder.")
        size = self.path.stat().st_size
        if size != self.num_bytes:
            raise ChangedFile(f"{self.name} has {size} bytes where the manifest says {self.num_bytes}.")
        with self.path.open("rb") as handle:
            found = hashlib.file_digest(handle, "sha256").hexdigest()
        if found != self.sha256:
            raise ChangedFile(f"{self.name} was changed after the export: its SHA-256 is not the manifest's.")


@dataclasses.dataclass(frozen=True, slots=True)
class ExportFolder:
    """An opened export: where it is, what it says of itself, and its files in the order of their names."""

    path: Path
    manifest: dict[str, Any]
    manifest_sha256: str
    files: tuple[ExportFile, ...]

    @property
    def title(self) -> str:
        """What a model card calls this export: project, version, and the beginning of the manifest's hash."""
        return f"{self.manifest['project']} {self.manifest['version']} ({self.manifest_sha256[:12]})"

    @property
    def configs(self) -> tuple[str, ...]:
        """The configs that have files, in the order of DOMAIN's table."""
        present = {file.config for file in self.files}
        return tuple(config for config in CONFIGS if config in present)

    def list_splits(self, config: str) -> list[str]:
        """The splits of one config, sorted."""
        return sorted({file.split for file in self.files if file.config == config})

    def list_files(self, config: str, split: str) -> list[ExportFile]:
        """The files of one split. Raises `MissingConfig`, naming what there is."""
        if config not in self.configs:
            raise MissingConfig(
                f"The export {self.path} has no config {config!r}; it has {_listed(self.configs)}."
            )
        found = [file for file in self.files if (file.config, file.split) == (config, split)]
        if not found:
            splits = _listed(self.list_splits(config))
            raise MissingConfig(
                f"The config {config!r} of {self.path} has no split {split!r}; it has {splits}."
            )
        return found


def open_export(folder: Path) -> ExportFolder:
    """Open an export and hold its file names against its manifest; contents are hashed by `ExportFile.verify`.

    Raises `NotAnExport` or `ChangedFile`.
    """
    path = folder / MANIFEST_FILE
    if not folder.is_dir():
        raise NotAnExport(f"There is no export folder {folder}.")
    if not path.is_file():
        raise NotAnExport(f"The folder {folder} is not an export: {MANIFEST_FILE} is missing.")
    if not (folder / CARD_FILE).is_file():
        raise NotAnExport(f"The folder {folder} is not a whole export: {CARD_FILE} is missing.")
    if not (folder / CARD_FILE).read_bytes().startswith(b"---"):
        raise NotAnExport(f"{folder / CARD_FILE} is no dataset card: it doesn't begin with a YAML header.")
    content = path.read_bytes()
    try:
        manifest: Any = json.loads(content)
    except ValueError as error:
        raise NotAnExport(f"{path} is not JSON.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise NotAnExport(f"{path} is not an export manifest of format {FORMAT}.")
    for key in ("project", "version", "files"):
        if key not in manifest:
            raise NotAnExport(f"{path} has no {key!r}.")
    if not isinstance(manifest["files"], dict):
        raise NotAnExport(f"{path} lists no files by name.")
    files = tuple(_read_file_entry(folder, name, entry) for name, entry in sorted(manifest["files"].items()))
    _refuse_strangers(folder, files)
    return ExportFolder(
        path=folder,
        manifest=manifest,
        manifest_sha256=hashlib.sha256(content).hexdigest(),
        files=files,
    )


def is_data_file(name: str) -> bool:
    """Whether a file of an export may be called so: <config>/<split>-<hash>.parquet or .jsonl, and nothing else."""
    match = _FILE_NAME.fullmatch(name)
    return match is not None and match["config"] in CONFIGS


def _read_file_entry(folder: Path, name: str, entry: Any) -> ExportFile:
    match = _FILE_NAME.fullmatch(name)
    if match is None or match["config"] not in CONFIGS:
        raise NotAnExport(
            f"The manifest names the file {name!r}, which is not <config>/<split>-<hash>.parquet or .jsonl."
        )
    try:
        file = ExportFile(
            path=folder / name,
            name=name,
            config=str(entry["config"]),
            split=str(entry["split"]),
            num_rows=int(entry["rows"]),
            num_bytes=int(entry["bytes"]),
            sha256=str(entry["sha256"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NotAnExport(f"The manifest's entry for {name} is incomplete: {error}.") from error
    if (file.config, file.split) != (match["config"], match["split"]):
        raise NotAnExport(
            f"The manifest's entry for {name} names config {file.config!r}, split {file.split!r}."
        )
    if not file.sha256.startswith(match["hash"]):
        raise ChangedFile(f"The hash in the name {name} is not the beginning of the manifest's SHA-256.")
    return file


def _refuse_strangers(folder: Path, files: tuple[ExportFile, ...]) -> None:
    """`datasets.load_dataset` may read files that the manifest doesn't know; that would train on unknown rows."""
    known = {file.path for file in files}
    for path in sorted([*folder.glob("*/*.parquet"), *folder.glob("*/*.jsonl")]):
        if path not in known:
            raise ChangedFile(f"{path.relative_to(folder)} is in the folder but not in the manifest.")


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(names) or "none"
