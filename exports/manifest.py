"""The manifest of an export: what is in it, by which policy and versions, and what was lost on the way.

It holds nothing that changes between two runs over the same data (no time, no person, no run number), so its own hash
names the export.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from typing import Any, TypedDict

from django.conf import settings

from exports.policy import PolicyJson

FORMAT = 1
PRODUCT = "gradus"
VERSION: str = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text("utf-8"))["project"]["version"]


class FileEntry(TypedDict):
    """One data file."""

    config: str
    split: str
    rows: int
    sha256: str
    bytes: int
    format: str  # parquet or jsonl


class MergeFacts(TypedDict):
    """Which merge the labels come from."""

    version: str
    policy: str
    recovery: str
    uses_verdict: bool  # whether it entered, not whether it was asked for
    calibrated_judges: list[str]
    num_ratings: int
    num_simulated_ratings: int  # given by programs, not by people
    library_versions: dict[str, str]


class Judge(TypedDict):
    """A judge whose scores the merge had before it."""

    name: str
    version: str
    is_used: bool


class ConfigCounts(TypedDict):
    """What one config holds; `labels` by value where it has labels."""

    rows: dict[str, int]
    labels: dict[str, int]
    provenance: dict[str, int]


class Counts(TypedDict):
    """What the export holds, and how its prompts were split."""

    configs: dict[str, ConfigCounts]
    prompts: int
    prompt_clusters: int
    largest_prompt_cluster: int


class LossReport(TypedDict):
    """What did not become a label. Lengths are means, in characters."""

    masked_steps: int
    labelled_steps: int
    dropped: dict[str, dict[str, int]]
    empty_configs: dict[str, str]
    neutral_policy: str
    mean_chosen_length: float | None
    mean_rejected_length: float | None


class Manifest(TypedDict):
    """manifest.json."""

    format: int
    product: str
    version: str
    project: str
    projects: list[str]  # that and all others whose labels are in it
    form: str
    file_format: str
    created_by_policy: PolicyJson
    segmenters: list[str]
    judges: list[Judge]
    merge: MergeFacts
    other_merges: dict[str, MergeFacts]  # of the further projects, by their addresses
    files: dict[str, FileEntry]
    counts: Counts
    loss_report: LossReport


def write_manifest(manifest: Manifest) -> bytes:
    """The manifest's bytes: the same for equal manifests."""
    text = json.dumps(manifest, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False)
    return (text + "\n").encode()


def hash_manifest(content: bytes) -> str:
    """SHA-256 of the manifest's bytes, in hex: the name of the export's folder."""
    return hashlib.sha256(content).hexdigest()


def describe_neutral(merge_policy: str) -> str:
    """What became of neutral ratings, in words."""
    if merge_policy == "majority":
        return "A neutral rating counts as letting the step stand."
    return "What a neutral rating says of a step is learned for each rater; it has no fixed value."


def read_manifest(stored: Any) -> Manifest:
    """A manifest as the database keeps it."""
    manifest: Manifest = stored
    return manifest
