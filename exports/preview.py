"""What an export would hold, before it is made: the same verdicts as the snapshot's, without reading whole texts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from django.db.models import Count, Q

from annotation.models import JudgeScore, MergeRun, Outcome, Project, Prompt, Trace
from annotation.queries.merges import find_latest_merge
from exports.candidates import PAIR_FORMATS, TRACE_FORMATS, Chooser
from exports.formats.dataset import FormName, Row
from exports.labels import REASONS, LeftOut
from exports.policy import CONFIGS, SPLITS, ExportPolicy
from exports.queries import (
    find_suspect_prompts,
    load_traces,
    stream_pairs,
    stream_prompt_texts,
    stream_prompts,
    stream_traces,
)
from exports.rewrites import stream_rewrites
from exports.splits import assign_splits, draw_alone
from exports.tally import ConfigTally, new_tallies

NUM_SAMPLES = 3
MOST_CLUSTERED = 5_000
MOST_TRACES, MOST_PAIRS = 60_000, 5_000
"""What is looked at within two seconds; beyond it the preview says that it is of a part."""
_SAMPLE_CHARACTERS = 1200
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class ConfigPreview:
    """What one config would hold, and what it would leave out and why (in words, most first)."""

    config: str
    num_rows: int
    splits: tuple[tuple[str, int], ...]
    labels: tuple[tuple[str, int], ...]
    provenance: tuple[tuple[str, int], ...]
    left_out: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Evidence:
    """What there is to merge, where no merge has run yet; numbers of traces."""

    num_traces: int
    num_rated: int
    num_rated_twice: int
    num_judged: int


@dataclass(frozen=True)
class Preview:
    """The counts of a merge run's export; `evidence` alone where nothing was merged yet.

    `is_of_latest`: a fresh merge is chosen, so the counts are of the latest one. `is_partial`: of the first traces and
    pairs only. `hints` say what would give more.
    """

    run: MergeRun | None
    is_of_latest: bool
    is_partial: bool
    configs: tuple[ConfigPreview, ...]
    samples: tuple[str, ...]
    sample_config: str
    hints: tuple[str, ...]
    evidence: Evidence | None = None


def preview_export(
    project: Project, run: MergeRun | None, policy: ExportPolicy, configs: Iterable[str], form: FormName
) -> Preview:
    """A preview of `run`; where it is None (a fresh merge is wanted), of the latest finished one."""
    shown = run or find_latest_merge(project)
    if shown is None:
        return Preview(None, True, False, (), (), "", (), count_evidence(project))
    wanted = [config for config in CONFIGS if config in configs]
    look = _Look(shown, _chooser(shown, policy, form), wanted)
    look.at_traces()
    look.at_pairs(policy.min_p_preference)
    look.at_prompts()
    previews = tuple(
        _preview_config(config, look.tallies[config]) for config in wanted if config != "evidence"
    )
    sample_config = next((config for config in wanted if look.samples.get(config)), "")
    return Preview(
        run=shown,
        is_of_latest=run is None,
        is_partial=look.is_partial,
        configs=previews,
        samples=tuple(_write_sample(row) for row in look.samples.get(sample_config, ())),
        sample_config=sample_config,
        hints=tuple(_hint(previews, look.tallies, policy)),
    )


def count_evidence(project: Project) -> Evidence:
    """What people and judges have said of a project's traces so far."""
    traces = Trace.objects.current().filter(project=project).order_by()
    rated = Q(ratings__is_current=True, ratings__outcome=Outcome.RATED)
    counted = traces.annotate(num=Count("ratings", filter=rated))
    judged = JudgeScore.objects.filter(trace__in=traces).order_by().values("trace").distinct()
    return Evidence(
        num_traces=traces.count(),
        num_rated=counted.filter(num__gte=1).count(),
        num_rated_twice=counted.filter(num__gte=2).count(),
        num_judged=judged.count(),
    )


class _Look:
    """One pass over a merge run's traces, pairs and prompts."""

    def __init__(self, run: MergeRun, chooser: Chooser, configs: list[str]) -> None:
        self._run, self._chooser, self._configs = run, chooser, configs
        self.tallies: dict[str, ConfigTally] = new_tallies()
        self.samples: dict[str, list[Row]] = {}
        self.is_partial = False

    def at_traces(self) -> None:
        configs = [config for config in self._configs if config in TRACE_FORMATS]
        sampled: dict[str, list[int]] = {config: [] for config in configs}
        if configs:
            for trace in self._first(stream_traces(self._run, whole=False), MOST_TRACES):
                for config, split, row in self._chooser.rows_of_trace(trace, configs):
                    if self._count(config, split, row) and len(sampled[config]) < NUM_SAMPLES:
                        sampled[config].append(trace.trace_id)
        for config, trace_ids in sampled.items():
            whole = load_traces(self._run, set(trace_ids))
            for trace_id in trace_ids:
                for _, _, row in self._chooser.rows_of_trace(whole[trace_id], [config]):
                    if not isinstance(row, LeftOut):
                        self.samples.setdefault(config, []).append(row)

    def at_pairs(self, min_p: float) -> None:
        configs = [config for config in self._configs if config in PAIR_FORMATS]
        if configs:
            for pair in self._first(stream_pairs(self._run, min_p=min_p), MOST_PAIRS):
                for config, split, row in self._chooser.rows_of_pair(pair, configs):
                    self._count(config, split, row, sample=True)
        if "step_preference" in configs:
            for pair in self._first(stream_rewrites(self._run), MOST_PAIRS):
                for config, split, row in self._chooser.rows_of_pair(pair, ["step_preference"]):
                    self._count(config, split, row, sample=True)

    def at_prompts(self) -> None:
        if "prompts" in self._configs:
            for prompt in self._first(stream_prompts(self._run.project), MOST_TRACES):
                split, row = self._chooser.row_of_prompt(prompt)
                self._count("prompts", split, row, sample=True)

    def _count(self, config: str, split: str, row: Row | LeftOut, *, sample: bool = False) -> bool:
        if isinstance(row, LeftOut):
            self.tallies[config].drop(row)
            return False
        self.tallies[config].add(row, split)
        if sample and len(self.samples.setdefault(config, [])) < NUM_SAMPLES:
            self.samples[config].append(row)
        return True

    def _first(self, items: Iterator[_Item], most: int) -> Iterator[_Item]:
        yield from islice(items, most)
        self.is_partial = self.is_partial or next(items, None) is not None


def _chooser(run: MergeRun, policy: ExportPolicy, form: FormName) -> Chooser:
    prompts = stream_prompt_texts(run.project)
    if Prompt.objects.filter(project=run.project).count() <= MOST_CLUSTERED:
        split_of = assign_splits(prompts, policy).by_prompt
    else:
        split_of = {prompt_id: draw_alone(text, policy) for prompt_id, text in prompts}
    return Chooser(policy, form, split_of, find_suspect_prompts(run))


def _preview_config(config: str, tally: ConfigTally) -> ConfigPreview:
    return ConfigPreview(
        config=config,
        num_rows=tally.num_rows,
        splits=tuple((split, tally.rows[split]) for split in SPLITS),
        labels=tuple(sorted(tally.labels.items(), key=lambda item: item[0], reverse=True)),
        provenance=tuple(sorted(tally.provenance.items())),
        left_out=tuple((num, REASONS[reason]) for reason, num in _most_first(tally.dropped)),
    )


def _most_first(counted: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


def _hint(
    previews: tuple[ConfigPreview, ...], tallies: dict[str, ConfigTally], policy: ExportPolicy
) -> Iterator[str]:
    few = max((tally.dropped["too_few_raters"] for tally in tallies.values()), default=0)
    if few and policy.minimum_raters > 1:
        yield (
            f"{few} traces have fewer than {policy.minimum_raters} blind raters. Asking for fewer takes more of them, "
            f"on weaker evidence."
        )
    untrained = [p.config for p in previews if p.num_rows and not dict(p.splits)["train"]]
    if untrained:
        yield (
            f"{', '.join(untrained)} would have no training rows: every prompt fell into validation or test. Choose "
            f"smaller shares or another seed."
        )


def _write_sample(row: Row) -> str:
    text = json.dumps(row, ensure_ascii=False, indent=2)
    return text if len(text) <= _SAMPLE_CHARACTERS else f"{text[:_SAMPLE_CHARACTERS]}\n…"
