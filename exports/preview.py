"""What an export would hold, before it is made: the same verdicts as the snapshot's, without reading whole texts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice

from django.db.models import Count, Q

from annotation.merging.data import MergePolicy
from annotation.models import JudgeScore, MergeRun, Outcome, Project, Prompt, Trace
from annotation.queries.merge_runs import policy_of
from annotation.queries.merges import find_latest_merge
from exports.batches import sample_evidence
from exports.candidates import PAIR_FORMATS, TRACE_FORMATS, Chooser, schema_of
from exports.card import spell_type
from exports.cases import count_pair_cases, count_trace_cases
from exports.formats.dataset import FormName, Row
from exports.labels import REASONS, LeftOut
from exports.policy import CONFIGS, SPLITS, ExportPolicy
from exports.preview_hints import hint_at_more, hint_at_other, name_other_policy
from exports.project_splits import draw_splits
from exports.queries import (
    count_steps,
    find_suspect_prompts,
    load_traces,
    stream_pairs,
    stream_prompts,
)
from exports.rewrites import stream_rewrites
from exports.rows import AskedPrompt
from exports.tally import ConfigTally, new_tallies

NUM_SAMPLES = 3
MOST_PAIRS = 2_000
"""How many pairs are read whole: beyond it, step preferences are counted of the first ones only."""
MOST_PROMPTS_SAMPLED = 50
_SAMPLE_CHARACTERS = 1200


@dataclass(frozen=True)
class ConfigPreview:
    """What one config would hold, and what it would leave out and why (in words, most first)."""

    config: str
    num_rows: int
    splits: tuple[tuple[str, int], ...]
    labels: tuple[tuple[str, int], ...]
    provenance: tuple[tuple[str, int], ...]
    left_out: tuple[tuple[int, str], ...]
    is_partial: bool  # of the first pairs only
    columns: tuple[tuple[str, str], ...]  # name and type
    samples: tuple[str, ...]


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

    `is_of_latest`: a fresh merge is chosen, so the counts are of the latest one; of the latest by another policy, which
    `other_policy` then names, where none by the chosen one has run yet. `is_estimated`: splits are drawn
    without joining near-duplicate prompts, of which there are too many to look at. `hints` say what would give more.
    """

    run: MergeRun | None
    is_of_latest: bool
    is_estimated: bool
    configs: tuple[ConfigPreview, ...]
    hints: tuple[str, ...]
    evidence: Evidence | None = None
    other_policy: str = ""
    wanted_policy: str = ""


def preview_export(
    project: Project,
    run: MergeRun | None,
    policy: ExportPolicy,
    configs: Iterable[str],
    form: FormName,
    other_projects: Collection[Project] = (),
    *,
    merge_policy: MergePolicy | None = None,
) -> Preview:
    """A preview of `run`; where it is None (a fresh merge by `merge_policy` is wanted), of the latest finished one.

    That is the latest by the same policy, where there is one. Of `other_projects`, too, such merges count; one that has
    none counts nothing yet.
    """
    merge_policy = policy_of(run) if run else merge_policy or MergePolicy()
    shown = run or _find_merge(project, merge_policy)
    if shown is None:
        return Preview(None, True, False, (), (), count_evidence([project, *other_projects]))
    wanted = [config for config in CONFIGS if config in configs]
    others = [(other, _find_merge(other, merge_policy)) for other in other_projects]
    runs = [shown, *(one for _, one in others if one is not None)]
    split_of, is_estimated = draw_splits([one.project for one in runs], policy)
    look = _Look(wanted)
    for one in runs:
        look.at_run(one, Chooser(policy, form, split_of, find_suspect_prompts(one)))
    previews = tuple(_preview_config(config, look, form) for config in wanted)
    return Preview(
        run=shown,
        is_of_latest=run is None,
        is_estimated=is_estimated,
        configs=previews,
        hints=(
            *hint_at_more(look.tallies, policy),
            *filter(None, (hint_at_other(other, one, merge_policy) for other, one in others)),
        ),
        other_policy=name_other_policy(shown, merge_policy),
        wanted_policy=merge_policy.words,
    )


def _find_merge(project: Project, merge_policy: MergePolicy) -> MergeRun | None:
    return find_latest_merge(project, merge_policy) or find_latest_merge(project)


def count_evidence(projects: Collection[Project]) -> Evidence:
    """What people and judges have said of the projects' traces so far."""
    traces = Trace.objects.current().filter(project__in=projects).order_by()
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
    """Asks the snapshot's rules about every case of merge runs, and takes a few whole rows as samples."""

    _run: MergeRun
    _chooser: Chooser

    def __init__(self, configs: list[str]) -> None:
        self._configs = configs
        self.tallies: dict[str, ConfigTally] = new_tallies()
        self.samples: dict[str, list[Row]] = {}
        self.partial: set[str] = set()

    def at_run(self, run: MergeRun, chooser: Chooser) -> None:
        self._run, self._chooser = run, chooser
        self.at_traces()
        self.at_pairs()
        self.at_prompts()
        self.at_evidence()

    def at_traces(self) -> None:
        configs = [config for config in self._configs if config in TRACE_FORMATS]
        if not configs:
            return
        chooser = self._chooser
        sampled: dict[str, list[int]] = {config: [] for config in configs}
        for case in count_trace_cases(self._run, chooser.policy, chooser.split_of, chooser.suspects):
            for config, split, row in chooser.rows_of_trace(case.trace, configs):
                if self._count(config, split, row, case.num_traces):
                    sampled[config].extend(case.examples)
        for config, trace_ids in sampled.items():
            missing = NUM_SAMPLES - len(self.samples.get(config, ()))
            self._sample_traces(config, sorted(trace_ids)[:missing])

    def at_pairs(self) -> None:
        chooser = self._chooser
        if "preference" in self._configs:
            for case in count_pair_cases(self._run, chooser.policy, chooser.split_of, chooser.suspects):
                for config, split, row in chooser.rows_of_pair(case.pair, ["preference"]):
                    self._count(config, split, row, case.num_pairs)
        configs = [config for config in self._configs if config in PAIR_FORMATS]
        pairs = stream_pairs(self._run, min_p=chooser.policy.min_p_preference) if configs else iter(())
        for pair in islice(pairs, MOST_PAIRS):
            for config, split, row in chooser.rows_of_pair(pair, configs):
                if config == "step_preference":
                    self._count(config, split, row)
                if not isinstance(row, LeftOut) and len(self.samples.setdefault(config, [])) < NUM_SAMPLES:
                    self.samples[config].append(row)
            is_enough = all(len(self.samples.get(config, ())) == NUM_SAMPLES for config in configs)
            if is_enough and "step_preference" not in configs:
                return
        if "step_preference" in configs and next(pairs, None) is not None:
            self.partial.add("step_preference")  # which step differs, only its texts tell
        if "step_preference" in configs:
            for pair in islice(stream_rewrites(self._run), MOST_PAIRS):
                for config, split, row in chooser.rows_of_pair(pair, ["step_preference"]):
                    self._count(config, split, row)
                    if (
                        not isinstance(row, LeftOut)
                        and len(self.samples.setdefault(config, [])) < NUM_SAMPLES
                    ):
                        self.samples[config].append(row)

    def at_prompts(self) -> None:
        if "prompts" not in self._configs:
            return
        cases: Counter[tuple[str, bool, bool, str]] = Counter()
        stand_in: dict[tuple[str, bool, bool, str], AskedPrompt] = {}
        suspects = self._chooser.suspects
        rows = Prompt.objects.filter(project=self._run.project).order_by("pk").values_list("pk", "language")
        for pk, language in rows.iterator(chunk_size=5000):
            split = self._chooser.split_of[pk]
            key = (split, pk in suspects.broken, pk in suspects.wrong_reference, language)
            cases[key] += 1
            stand_in.setdefault(key, AskedPrompt(pk, "?", "", "", language))
        for key, num in cases.items():
            split, row = self._chooser.row_of_prompt(stand_in[key])
            self._count("prompts", split, row, num)
        for prompt in islice(stream_prompts(self._run.project), MOST_PROMPTS_SAMPLED):
            _, row = self._chooser.row_of_prompt(prompt)
            if not isinstance(row, LeftOut) and len(self.samples.setdefault("prompts", [])) < NUM_SAMPLES:
                self.samples["prompts"].append(row)

    def at_evidence(self) -> None:
        """No policy filters it: it has a row for each step of each trace."""
        if "evidence" not in self._configs:
            return
        tally = self.tallies["evidence"]
        for prompt, provenance, num_steps in count_steps(self._run):
            tally.rows[self._chooser.split_of[prompt]] += num_steps
            tally.provenance[provenance] += num_steps
        if missing := NUM_SAMPLES - len(self.samples.setdefault("evidence", [])):
            self.samples["evidence"] += sample_evidence(self._run, missing)

    def _sample_traces(self, config: str, trace_ids: list[int]) -> None:
        whole = load_traces(self._run, set(trace_ids))
        for trace_id in trace_ids:
            for _, _, row in self._chooser.rows_of_trace(whole[trace_id], [config]):
                if not isinstance(row, LeftOut):
                    self.samples.setdefault(config, []).append(row)

    def _count(self, config: str, split: str, row: Row | LeftOut, times: int = 1) -> bool:
        """Counts a row as often as there are such; False where it is left out."""
        one = ConfigTally()
        if isinstance(row, LeftOut):
            one.drop(row)
        else:
            one.add(row, split)
        tally = self.tallies[config]
        for counted, found in (
            (tally.rows, one.rows),
            (tally.labels, one.labels),
            (tally.provenance, one.provenance),
            (tally.dropped, one.dropped),
        ):
            for name, num in found.items():
                counted[name] += num * times
        return not isinstance(row, LeftOut)


def _preview_config(config: str, look: _Look, form: FormName) -> ConfigPreview:
    tally = look.tallies[config]
    return ConfigPreview(
        config=config,
        num_rows=tally.num_rows,
        splits=tuple((split, tally.rows[split]) for split in SPLITS),
        labels=tuple(sorted(tally.labels.items(), key=lambda item: item[0], reverse=True)),
        provenance=tuple(sorted(tally.provenance.items())),
        left_out=tuple((num, REASONS[reason]) for reason, num in _most_first(tally.dropped)),
        is_partial=config in look.partial,
        columns=tuple((field.name, spell_type(field.type)) for field in schema_of(config, form)),  # type: ignore[attr-defined]
        samples=tuple(_write_sample(row) for row in look.samples.get(config, ())),
    )


def _most_first(counted: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


def _write_sample(row: Row) -> str:
    text = json.dumps(row, ensure_ascii=False, indent=2)
    return text if len(text) <= _SAMPLE_CHARACTERS else f"{text[:_SAMPLE_CHARACTERS]}\n…"
