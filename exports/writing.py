"""Writes the rows of an export into its files: one pass over traces and their pairs, one over prompts.

Memory stays flat: rows wait for their row group only.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotation.models import MergeRun
from exports.batches import stream_batches
from exports.candidates import PAIR_FORMATS, TRACE_FORMATS, Chooser, schema_of
from exports.files import DataFile
from exports.formats import evidence
from exports.formats.dataset import FormName, Row
from exports.formats.evidence import Evidence
from exports.labels import LeftOut
from exports.manifest import FileEntry
from exports.pair_columns import Pairs
from exports.policy import ExportPolicy
from exports.queries import find_suspect_prompts, stream_prompts
from exports.reading_thread import read_ahead
from exports.rewrites import stream_rewrites
from exports.source_texts import check_joined, text_of_fork, texts_of_forks, texts_of_pairs, texts_of_traces
from exports.splits import Splits
from exports.tally import ConfigTally, new_tallies
from exports.trace_columns import column_of
from exports.verdicts import Verdicts
from exports.writing_thread import WritingThread

Progress = Callable[[str], None]
_Row = TypeVar("_Row")
_ROWS_A_REPORT = 500


@dataclass(frozen=True, slots=True)
class Request:
    """What to write: which configs of which merge runs (one a project), by which policy, in which form and files."""

    run: MergeRun
    policy: ExportPolicy
    configs: tuple[str, ...]
    form: FormName
    file_format: str = "parquet"
    other_runs: tuple[MergeRun, ...] = ()

    @property
    def runs(self) -> tuple[MergeRun, ...]:
        """The run of the export's own project first."""
        return (self.run, *self.other_runs)


@dataclass(slots=True)
class Drafts:
    """The files being written, with what went into each config and what did not."""

    folder: Path
    form: FormName
    file_format: str = "parquet"
    files: dict[tuple[str, str], DataFile] = field(default_factory=dict)
    tallies: dict[str, ConfigTally] = field(default_factory=new_tallies)
    thread: WritingThread = field(default_factory=WritingThread)

    def close(self) -> list[FileEntry]:
        """Ends every file."""
        for file in self.files.values():
            file.flush()
        self.thread.finish()
        return [file.close() for _, file in sorted(self.files.items())]

    def abandon(self) -> None:
        """Lets go of every file after a failure."""
        self.thread.stop()
        for file in self.files.values():
            file.abandon()

    def take(self, config: str, split: str, row: Row | LeftOut, text: str) -> None:
        tally = self.tallies[config]
        if isinstance(row, LeftOut):
            tally.drop(row)
            return
        self._file(config, split).add(row, text)
        tally.add(row, split)

    def take_table(self, config: str, split: str, table: pa.Table, texts: pa.Array) -> None:
        """Many rows at once; `texts` is what was stored of them (exports/source_texts.py)."""
        self._file(config, split).add_table(table, texts)
        self.tallies[config].add_table(table, split)

    def drop_all(self, left_out: Mapping[str, Counter[str]]) -> None:
        """Counts what is left out, by config and reason."""
        for config, reasons in left_out.items():
            self.tallies[config].dropped.update(reasons)

    def _file(self, config: str, split: str) -> DataFile:
        if (config, split) not in self.files:
            schema = schema_of(config, self.form)
            self.files[config, split] = DataFile(
                self.folder, config, split, schema, self.file_format, self.thread.do
            )
        return self.files[config, split]


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """Lets Python look for cycles of objects rarely: rows make none, and looking took a sixth of the time."""
    thresholds = gc.get_threshold()
    gc.set_threshold(50_000, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


@collecting_rarely()
def write_rows(request: Request, splits: Splits, drafts: Drafts, report: Progress) -> None:
    """Every row that the policy takes, into its file; every other counted with its reason."""
    for run in request.runs:
        chooser = Chooser(request.policy, request.form, splits.by_prompt, find_suspect_prompts(run))
        _write_judged_rows(run, request.configs, chooser, drafts, report)
        if "step_preference" in request.configs:
            _write_rewrites(run, chooser, drafts, report)
        if "prompts" in request.configs:
            for prompt in report_rows(stream_prompts(run.project), "prompts", report):
                split, row = chooser.row_of_prompt(prompt)
                drafts.take("prompts", split, row, prompt.text)


def _write_judged_rows(
    run: MergeRun, wanted: tuple[str, ...], chooser: Chooser, drafts: Drafts, report: Progress
) -> None:
    """All that is made of traces and of pairs of them: each trace is read once."""
    of_traces = [config for config in wanted if config in TRACE_FORMATS]
    of_pairs = [config for config in wanted if config in PAIR_FORMATS]
    if not (of_traces or of_pairs or "evidence" in wanted):
        return
    batches = stream_batches(
        run,
        min_p=chooser.policy.min_p_preference if of_pairs else None,
        with_evidence="evidence" in wanted,
    )
    verdicts = Verdicts(chooser, of_traces, of_pairs)
    num_traces = 0
    with closing(read_ahead(batches)) as read:
        for batch in read:
            check_joined(batch.traces)
            if of_traces:
                _write_traces(batch.traces, verdicts, chooser.form, drafts)
            if batch.pairs is not None:
                _write_pairs(batch.pairs, verdicts, chooser.form, drafts)
            if batch.evidence is not None:
                _write_evidence(batch.evidence, chooser, drafts)
            num_traces += len(batch.traces)
            report(f"Writing traces: {num_traces:,}")


def _write_traces(traces: pa.Table, verdicts: Verdicts, form: FormName, drafts: Drafts) -> None:
    found = verdicts.sort_traces(traces)
    drafts.drop_all(found.left_out)
    for (config, split), taken in found.taken.items():
        chosen = traces.take(pa.array(taken.places, pa.int64()))
        table = TRACE_FORMATS[config].make_table(chosen, taken.stand_ins, form)
        drafts.take_table(config, split, table, texts_of_traces(chosen))


def _write_pairs(pairs: Pairs, verdicts: Verdicts, form: FormName, drafts: Drafts) -> None:
    found = verdicts.sort_pairs(pairs)
    drafts.drop_all(found.left_out)
    for (config, split), taken in found.taken.items():
        chosen = pairs.take(taken.places)
        table = PAIR_FORMATS[config].make_table(chosen, taken.stand_ins, form)
        if config == "preference":
            sides = (chosen.chosen, chosen.rejected)
            drafts.tallies[config].add_lengths(*(column_of(side, "completion") for side in sides))
        texts = texts_of_pairs if config == "preference" else texts_of_forks
        drafts.take_table(config, split, table, texts(chosen))


def _write_evidence(found: Evidence, chooser: Chooser, drafts: Drafts) -> None:
    table = evidence.make_table(found)
    splits = [chooser.split_of[prompt] for prompt in found.traces["prompt_id"].to_pylist()]
    steps = column_of(found.traces, "steps")
    split_of_row = pa.array(np.repeat(np.array(splits), pc.list_value_length(steps).to_numpy()))
    for split in sorted(set(splits)):
        rows = table.filter(pc.equal(split_of_row, split))
        texts = steps.filter(pc.equal(pa.array(splits), split)).flatten()
        drafts.take_table("evidence", split, rows, texts)


def _write_rewrites(run: MergeRun, chooser: Chooser, drafts: Drafts, report: Progress) -> None:
    """What raters picked or wrote in place of a first error; a step preference like the others."""
    for pair in report_rows(stream_rewrites(run), "rewritten steps", report):
        for config, split, row in chooser.rows_of_pair(pair, ["step_preference"]):
            drafts.take(config, split, row, text_of_fork(pair) if isinstance(row, dict) else "")


def report_rows(rows: Iterable[_Row], noun: str, report: Progress) -> Iterable[_Row]:
    """The same rows; `report` is told now and then how many there were."""
    for number, row in enumerate(rows, start=1):
        yield row
        if number % _ROWS_A_REPORT == 0:
            report(f"Writing {noun}: {number:,}")
