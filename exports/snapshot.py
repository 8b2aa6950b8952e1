"""Writes an export: streams rows into files, describes them, reads everything back, then gives it its name.

Memory stays flat: rows wait for their row group only, and what is kept of all prompts is a sketch and a split. The same
merge run and policy give the same bytes, so an export that was killed half-way is written again, identically.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from annotation.models import MergeRun
from annotation.queries.merges import count_ratings
from exports.candidates import PAIR_FORMATS, TRACE_FORMATS, Chooser, schema_of
from exports.card import write_card
from exports.checks import check_files, text_of_row
from exports.files import DataFile, file_name
from exports.formats import evidence
from exports.formats.dataset import FormName, Row
from exports.labels import LeftOut
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
from exports.policy import CONFIGS, ExportPolicy
from exports.queries import (
    find_suspect_prompts,
    list_judges,
    list_segmenters,
    stream_evidence,
    stream_pairs,
    stream_prompt_texts,
    stream_prompts,
    stream_traces,
)
from exports.rewrites import stream_rewrites
from exports.splits import Splits, assign_splits
from exports.tally import ConfigTally, new_tallies

Progress = Callable[[str], None]
_Row = TypeVar("_Row")
_ROWS_A_REPORT = 500


class NothingToExport(Exception):
    """No config would have a single row; the message says why."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to write: which configs of which merge run, by which policy, in which form."""

    run: MergeRun
    policy: ExportPolicy
    configs: tuple[str, ...]
    form: FormName


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A written export: its manifest, and the manifest's hash, which names its folder."""

    manifest: Manifest
    content_hash: str


@dataclass(slots=True)
class _Drafts:
    """The files being written, with what went into each config and what did not."""

    folder: Path
    form: FormName
    files: dict[tuple[str, str], DataFile] = field(default_factory=dict)
    tallies: dict[str, ConfigTally] = field(default_factory=new_tallies)

    def take(self, config: str, split: str, row: Row | LeftOut, text: str) -> None:
        tally = self.tallies[config]
        if isinstance(row, LeftOut):
            tally.drop(row)
            return
        if (config, split) not in self.files:
            schema = schema_of(config, self.form)
            self.files[config, split] = DataFile(self.folder, config, split, schema)
        self.files[config, split].add(row, text)
        tally.add(row, split)


def write_snapshot(request: Request, folder: Path, report: Progress) -> Snapshot:
    """Writes and checks an export in `folder`, a new one. `report` is called often, with what is being done.

    Raises NothingToExport, CheckFailed, and OSError where the disk is full; then the folder is worth nothing.
    """
    folder.mkdir(parents=True)
    texts_to_split = _counted(stream_prompt_texts(request.run.project), "splits, prompts", report)
    splits = assign_splits(texts_to_split, request.policy)
    drafts = _Drafts(folder, request.form)
    try:
        _write_rows(request, splits, drafts, report)
        entries = [draft.close() for _, draft in sorted(drafts.files.items())]
    except BaseException:
        for draft in drafts.files.values():
            draft.abandon()
        raise
    if not entries:
        raise NothingToExport(_explain_emptiness(request, drafts))
    texts = {file_name(e): drafts.files[e["config"], e["split"]].text_hash for e in entries}
    manifest = _describe(request, splits, drafts, entries)
    schemas: dict[str, pa.Schema] = {e["config"]: schema_of(e["config"], request.form) for e in entries}
    write_file(folder / "README.md", write_card(manifest, schemas).encode())
    content = write_manifest(manifest)
    write_file(folder / "manifest.json", content)
    report("Checking every row")
    check_files(folder, manifest["files"], texts, lambda: report("Checking every row"))
    return Snapshot(manifest, hash_manifest(content))


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


def _write_rows(request: Request, splits: Splits, drafts: _Drafts, report: Progress) -> None:
    chooser = Chooser(request.policy, request.form, splits.by_prompt, find_suspect_prompts(request.run))
    _write_trace_rows(request, chooser, drafts, report)
    _write_pair_rows(request, chooser, drafts, report)
    _write_rewrites(request, chooser, drafts, report)
    if "prompts" in request.configs:
        for prompt in _counted(stream_prompts(request.run.project), "prompts", report):
            split, row = chooser.row_of_prompt(prompt)
            drafts.take("prompts", split, row, prompt.text)
    if "evidence" in request.configs:
        for found in _counted(stream_evidence(request.run), "evidence, traces", report):
            split = splits.by_prompt[found.trace.prompt_id]
            for row in evidence.make_rows(found.trace, found.ratings, found.scores):
                drafts.take("evidence", split, row, row["text"])


def _write_trace_rows(request: Request, chooser: Chooser, drafts: _Drafts, report: Progress) -> None:
    configs = [config for config in request.configs if config in TRACE_FORMATS]
    if configs:
        for trace in _counted(stream_traces(request.run), "traces", report):
            for config, split, row in chooser.rows_of_trace(trace, configs):
                drafts.take(config, split, row, trace.completion)


def _write_pair_rows(request: Request, chooser: Chooser, drafts: _Drafts, report: Progress) -> None:
    configs = [config for config in request.configs if config in PAIR_FORMATS]
    if not configs:
        return
    pairs = stream_pairs(request.run, min_p=request.policy.min_p_preference)
    for pair in _counted(pairs, "preferences", report):
        for config, split, row in chooser.rows_of_pair(pair, configs):
            text = f"{pair.chosen.completion}\x00{pair.rejected.completion}"
            if config == "step_preference":  # its texts are parts: the fork's two steps
                text = text_of_row(row, config) if isinstance(row, dict) else ""
            drafts.take(config, split, row, text)
            if config == "preference" and isinstance(row, dict):
                drafts.tallies[config].chosen_length += len(pair.chosen.completion)
                drafts.tallies[config].rejected_length += len(pair.rejected.completion)


def _write_rewrites(request: Request, chooser: Chooser, drafts: _Drafts, report: Progress) -> None:
    """What raters picked or wrote in place of a first error; a step preference like the others."""
    if "step_preference" not in request.configs:
        return
    for pair in _counted(stream_rewrites(request.run), "rewritten steps", report):
        for config, split, row in chooser.rows_of_pair(pair, ["step_preference"]):
            drafts.take(config, split, row, text_of_row(row, config) if isinstance(row, dict) else "")


def _counted(rows: Iterable[_Row], noun: str, report: Progress) -> Iterable[_Row]:
    for number, row in enumerate(rows, start=1):
        yield row
        if number % _ROWS_A_REPORT == 0:
            report(f"Writing {noun}: {number:,}")


def _describe(request: Request, splits: Splits, drafts: _Drafts, entries: list[FileEntry]) -> Manifest:
    run = request.run
    used = sorted(
        {
            judge
            for report in run.diagnostics.get("calibrations", [])
            if report["is_calibrated"]
            for judge in report["judges"]
        }
    )
    ratings = count_ratings(run)
    wanted = [config for config in CONFIGS if config in request.configs]
    tallies = {config: drafts.tallies[config] for config in wanted}
    return Manifest(
        format=FORMAT,
        product=PRODUCT,
        version=VERSION,
        project=run.project.slug,
        form=request.form,
        created_by_policy=request.policy.as_json(),
        segmenters=list_segmenters(run),
        judges=[Judge(name=n, version=v, is_used=f"{n}@{v}" in used) for n, v in list_judges(run)],
        merge=MergeFacts(
            version=run.merge_version,
            policy=run.policy,
            recovery=run.recovery,
            uses_verdict=run.uses_verdict,
            calibrated_judges=used,
            num_ratings=ratings.num_ratings,
            num_simulated_ratings=ratings.num_simulated,
            library_versions=dict(run.diagnostics.get("library_versions", [])),
        ),
        files={file_name(entry): entry for entry in entries},
        counts=Counts(
            configs={config: tally.counts() for config, tally in tallies.items()},
            prompts=len(splits.by_prompt),
            prompt_clusters=splits.num_clusters,
            largest_prompt_cluster=splits.largest_cluster,
        ),
        loss_report=_report_losses(run.policy, tallies),
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


def _explain_emptiness(request: Request, drafts: _Drafts) -> str:
    reasons = [f"{config}: {drafts.tallies[config].explain_emptiness()}" for config in request.configs]
    return "No dataset would have a row. " + " ".join(reasons)
