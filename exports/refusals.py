"""Why an export has no row of a trace, a pair or a prompt: its own rules, asked again of what its merges said."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from annotation.models import MergeRun, Prompt
from exports.candidates import PAIR_FORMATS, TRACE_FORMATS, Chooser
from exports.labels import REASONS, LeftOut
from exports.models import Export
from exports.policy import read_policy
from exports.project_splits import draw_splits
from exports.queries import find_suspect_prompts, load_pairs_among, load_traces
from exports.rows import AskedPrompt, JudgedPair, JudgedTrace

_NO_PAIR = (
    "the merge wrote no preference between the two: neither was clearly better, or both were called bad"
)


@dataclass(frozen=True, slots=True)
class Sources:
    """What one export's merges said of some traces, of the pairs among them, and of some prompts.

    `choosers`: by prompt, whoever decides on what becomes of it. A prompt that came later has none.
    """

    traces: Mapping[int, JudgedTrace]
    pairs: Mapping[tuple[int, int], JudgedPair]
    prompts: Mapping[int, AskedPrompt]
    choosers: Mapping[int, Chooser]

    def refuse_trace(self, trace_id: int, config: str) -> str | None:
        """Why there is no row of a trace in a config that is made of traces; None where nothing is known."""
        trace = self.traces.get(trace_id)
        if trace is None or config not in TRACE_FORMATS:
            return None
        chooser = self.choosers[trace.prompt_id]
        return _spell(row for _, _, row in chooser.rows_of_trace(trace, [config]))

    def refuse_pair(self, first: int, second: int, config: str) -> str | None:
        """Likewise of two traces, the lower id first."""
        if first == second or not {first, second} <= self.traces.keys():
            return None
        pair = self.pairs.get((first, second))
        if pair is None:
            return _NO_PAIR
        chooser = self.choosers[pair.chosen.prompt_id]
        return _spell(row for _, _, row in chooser.rows_of_pair(pair, [config]))

    def refuse_prompt(self, prompt_id: int) -> str | None:
        """Likewise of a prompt, in the config `prompts`."""
        if prompt_id not in self.choosers:
            return None
        _, row = self.choosers[prompt_id].row_of_prompt(self.prompts[prompt_id])
        return _spell([row])


def load_sources(export: Export, traces: Collection[int], prompts: Collection[int], config: str) -> Sources:
    """What there was for these traces, and for these prompts, when the export was made."""
    runs = list_runs(export)
    policy = read_policy(export.policy)
    splits, _ = draw_splits([run.project for run in runs], policy)
    found = Sources({}, {}, {}, {})
    for run in runs:
        chooser = Chooser(policy, "standard", splits, find_suspect_prompts(run))
        judged = load_traces(run, traces)
        asked = _load_prompts(run, export, prompts)
        of_traces = {trace.prompt_id for trace in judged.values()}
        found = Sources(
            traces={**found.traces, **judged},
            pairs={**found.pairs, **(load_pairs_among(run, judged) if config in PAIR_FORMATS else {})},
            prompts={**found.prompts, **asked},
            choosers={**found.choosers, **dict.fromkeys({*asked, *of_traces}, chooser)},
        )
    return found


def list_runs(export: Export) -> list[MergeRun]:
    """The merge runs of an export, that of its own project first."""
    return [export.merge_run, *export.other_runs.select_related("project").order_by("project_id")]


def _load_prompts(run: MergeRun, export: Export, prompts: Collection[int]) -> dict[int, AskedPrompt]:
    rows = Prompt.objects.filter(project=run.project_id, pk__in=prompts)
    if export.finished_at is not None:
        rows = rows.filter(created_at__lte=export.finished_at)
    return {pk: AskedPrompt(pk, "?", "", "", language) for pk, language in rows.values_list("pk", "language")}


def _spell(rows: Iterable[object]) -> str | None:
    return next((REASONS[row.reason] for row in rows if isinstance(row, LeftOut)), None)
