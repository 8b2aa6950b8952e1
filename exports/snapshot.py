"""Writes an export: streams rows into files, describes them, reads everything back, then gives it its name.

Memory stays flat: rows wait for their row group only, and what is kept of all prompts is a sketch and a split. The same
merge run and policy give the same bytes, so an export that was killed half-way is written again, identically.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pyarrow as pa

from annotation.models import MergeRun
from annotation.queries.merge_runs import used_verdict
from annotation.queries.merges import count_ratings
from exports.candidates import schema_of
from exports.card import write_card
from exports.checks import check_files
from exports.files import file_name
from exports.manifest import (
    FORMAT,
    PRODUCT,
    VERSION,
    Counts,
    FileEntry,
    Judge,
    LossReport,
    Manifest,
    MergeFacts,
    describe_neutral,
    hash_manifest,
    write_manifest,
)
from exports.policy import CONFIGS
from exports.queries import list_judges, list_segmenters, stream_prompt_texts
from exports.splits import Splits, assign_splits
from exports.tally import ConfigTally
from exports.writing import Drafts, Progress, Request, report_rows, write_rows


class NothingToExport(Exception):
    """No config would have a single row; the message says why."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A written export: its manifest, and the manifest's hash, which names its folder."""

    manifest: Manifest
    content_hash: str
    text_hashes: dict[str, str]  # of the rows' source texts, by file name


def write_snapshot(request: Request, folder: Path, report: Progress) -> Snapshot:
    """Writes and checks an export in `folder`, a new one. `report` is called often, with what is being done.

    Raises NothingToExport, CheckFailed, and OSError where the disk is full; then the folder is worth nothing.
    """
    folder.mkdir(parents=True)
    texts_to_split = chain.from_iterable(stream_prompt_texts(run.project) for run in request.runs)
    splits = assign_splits(report_rows(texts_to_split, "splits, prompts", report), request.policy)
    drafts = Drafts(folder, request.form, request.file_format)
    try:
        write_rows(request, splits, drafts, report)
        entries = drafts.close()
    except BaseException:
        drafts.abandon()
        raise
    finally:
        drafts.thread.stop()
    if not entries:
        raise NothingToExport(_explain_emptiness(request, drafts))
    texts = {file_name(e): drafts.files[e["config"], e["split"]].text_hash for e in entries}
    manifest = _describe(request, splits, drafts, entries)
    schemas: dict[str, pa.Schema] = {e["config"]: schema_of(e["config"], request.form) for e in entries}
    write_file(folder / "README.md", write_card(manifest, schemas).encode())
    content = write_manifest(manifest)
    write_file(folder / "manifest.json", content)
    report("Checking every row")
    check_files(folder, manifest["files"], texts, lambda: report("Checking every row"), schemas)
    return Snapshot(manifest, hash_manifest(content), texts)


def release_snapshot(draft: Path, exports_dir: Path, content_hash: str) -> Path:
    """Moves a checked draft to the folder named by its hash, at once; an equal export that is there already stays."""
    target = exports_dir / content_hash
    try:
        draft.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        shutil.rmtree(draft)
    sync_folder(exports_dir)
    return target


def write_file(path: Path, content: bytes) -> None:
    """Writes a small file through to the disk."""
    with path.open("xb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def sync_folder(folder: Path) -> None:
    """Writes a folder's names through to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _describe(request: Request, splits: Splits, drafts: Drafts, entries: list[FileEntry]) -> Manifest:
    run, merges = request.run, {run.project.slug: describe_merge(run) for run in request.runs}
    used = {judge for facts in merges.values() for judge in facts["calibrated_judges"]}
    judges = {judge for run in request.runs for judge in list_judges(run)}
    wanted = [config for config in CONFIGS if config in request.configs]
    tallies = {config: drafts.tallies[config] for config in wanted}
    return Manifest(
        format=FORMAT,
        product=PRODUCT,
        version=VERSION,
        project=run.project.slug,
        projects=sorted(merges),
        form=request.form,
        file_format=request.file_format,
        created_by_policy=request.policy.as_json(),
        segmenters=sorted({name for run in request.runs for name in list_segmenters(run)}),
        judges=[Judge(name=n, version=v, is_used=f"{n}@{v}" in used) for n, v in sorted(judges)],
        merge=merges[run.project.slug],
        other_merges={slug: facts for slug, facts in sorted(merges.items()) if slug != run.project.slug},
        files={file_name(entry): entry for entry in entries},
        counts=Counts(
            configs={config: tally.counts() for config, tally in tallies.items()},
            prompts=len(splits.by_prompt),
            prompt_clusters=splits.num_clusters,
            largest_prompt_cluster=splits.largest_cluster,
        ),
        loss_report=_report_losses(run.policy, tallies),
    )


def describe_merge(run: MergeRun) -> MergeFacts:
    """The facts of one merge run, as a manifest has them."""
    reports = run.diagnostics.get("calibrations", [])
    ratings = count_ratings(run)
    return MergeFacts(
        version=run.merge_version,
        policy=run.policy,
        recovery=run.recovery,
        uses_verdict=used_verdict(run),
        calibrated_judges=sorted({j for r in reports if r["is_calibrated"] for j in r["judges"]}),
        num_ratings=ratings.num_ratings,
        num_simulated_ratings=ratings.num_simulated,
        library_versions=dict(run.diagnostics.get("library_versions", [])),
    )


def _report_losses(merge_policy: str, tallies: dict[str, ConfigTally]) -> LossReport:
    steps = tallies.get("stepwise", ConfigTally())
    pairs = tallies.get("preference", ConfigTally())
    return LossReport(
        masked_steps=steps.num_masked,
        labelled_steps=steps.labels.total() - steps.num_masked,
        dropped={config: dict(sorted(t.dropped.items())) for config, t in tallies.items() if t.dropped},
        empty_configs={c: t.explain_emptiness() for c, t in tallies.items() if not t.num_rows},
        neutral_policy=describe_neutral(merge_policy),
        mean_chosen_length=pairs.chosen_length / pairs.num_rows if pairs.num_rows else None,
        mean_rejected_length=pairs.rejected_length / pairs.num_rows if pairs.num_rows else None,
    )


def _explain_emptiness(request: Request, drafts: Drafts) -> str:
    reasons = [f"{config}: {drafts.tallies[config].explain_emptiness()}" for config in request.configs]
    return "No dataset would have a row. " + " ".join(reasons)
