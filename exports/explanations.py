"""Why rows of two exports differ: what was said of their traces between the merges, and what the rules made of it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Q

from annotation.models import Gold, JudgeScore, MergeRun, Rating, Trace
from exports.candidates import TRACE_FORMATS
from exports.comparison import RowChange
from exports.labels import REASONS, LeftOut, refuse_trace
from exports.models import Export
from exports.policy import read_policy
from exports.queries import load_traces
from exports.rows import JudgedTrace


@dataclass(frozen=True, slots=True)
class Explained:
    """A row that differs, with the reasons that can be named."""

    row: RowChange
    reasons: tuple[str, ...]


def explain_rows(before: Export, after: Export, config: str, rows: Iterable[RowChange]) -> list[Explained]:
    """Reasons for each row, most telling first. Reads the database once for all of them."""
    rows = list(rows)
    if config == "prompts":
        return [Explained(row, _explain_split(row)) for row in rows]
    ids = {int(part) for row in rows for part in row.key}
    events = _list_events(before, after, ids)
    old, new = (_load(export, ids) for export in (before, after))
    return [
        Explained(
            row,
            tuple(
                reason
                for part in dict.fromkeys(row.key)
                for reason in _explain_trace(row, int(part), config, (before, old), (after, new), events)
            )
            + _explain_split(row)
            or ("Nothing was said of it in between; the thresholds, the merge or its neighbours moved it.",),
        )
        for row in rows
    ]


def _explain_split(row: RowChange) -> tuple[str, ...]:
    if row.before and row.after and row.before.split != row.after.split:
        return (f"Its prompt moved from {row.before.split} to {row.after.split}.",)
    return ()


def _explain_trace(
    row: RowChange,
    trace: int,
    config: str,
    old: tuple[Export, Mapping[int, JudgedTrace]],
    new: tuple[Export, Mapping[int, JudgedTrace]],
    events: Mapping[int, list[str]],
) -> list[str]:
    name = f"Trace {trace}: " if len(row.key) > 1 else ""
    said = [name + event for event in events.get(trace, [])]
    earlier, later = old[1].get(trace), new[1].get(trace)
    if row.kind == "removed" and (reason := _refuse(new[0], later, config)):
        said.append(f"{name}left out now because {REASONS[reason.reason]}.")
    if row.kind == "added" and (reason := _refuse(old[0], earlier, config)):
        said.append(f"{name}left out before because {REASONS[reason.reason]}.")
    if earlier is None:
        said.append(f"{name}it was not in the earlier merge.")
    if later is None:
        said.append(f"{name}it is not in the later merge: another segmentation replaced it.")
    if earlier and later:
        said += [name + move for move in _list_moves(earlier, later)]
    return said


def _list_moves(earlier: JudgedTrace, later: JudgedTrace) -> Iterable[str]:
    if earlier.provenance != later.provenance:
        yield f"it rested on {earlier.provenance}, then on {later.provenance}."
    if earlier.p_trace is not None and later.p_trace is not None:
        if abs(earlier.p_trace - later.p_trace) >= 0.005:
            yield f"P(trace) went from {earlier.p_trace:.2f} to {later.p_trace:.2f}."
        moved = [
            (abs(a - b), index, a, b)
            for index, (a, b) in enumerate(zip(earlier.posterior, later.posterior, strict=True))
        ]
        if moved and (most := max(moved))[0] >= 0.005:
            yield f"step {most[1] + 1} moved most: {most[2]:.2f}, then {most[3]:.2f}."


def _refuse(export: Export, trace: JudgedTrace | None, config: str) -> LeftOut | None:
    if trace is None:
        return None
    policy = read_policy(export.policy)
    refused = refuse_trace(trace, policy)
    if refused is None and config in TRACE_FORMATS:
        made = TRACE_FORMATS[config].make_row(trace, policy, "standard")
        refused = made if isinstance(made, LeftOut) else None
    return refused


def _load(export: Export, ids: set[int]) -> dict[int, JudgedTrace]:
    found: dict[int, JudgedTrace] = {}
    for run in (export.merge_run, *export.other_runs.select_related("project")):
        found |= load_traces(run, ids)
    return found


def _list_events(before: Export, after: Export, ids: set[int]) -> dict[int, list[str]]:
    """What happened to each trace between the moments at which the two merges read the database."""
    start, end = sorted((_moment(before.merge_run), _moment(after.merge_run)))
    events: dict[int, list[str]] = defaultdict(list)
    ratings = Rating.objects.filter(trace__in=ids, submitted_at__gt=start, submitted_at__lte=end)
    for trace, rater, revision in ratings.order_by("pk").values_list("trace", "rater__username", "revision"):
        verb = "rated it" if revision == 1 else f"amended their rating (revision {revision})"
        events[trace].append(f"{rater} {verb}.")
    scores = JudgeScore.objects.filter(trace__in=ids, created_at__gt=start, created_at__lte=end)
    for trace, name, version in scores.order_by("pk").values_list("trace", "judge__name", "judge__version"):
        events[trace].append(f"the judge {name}@{version} scored it.")
    gold = Gold.objects.filter(trace__in=ids, created_at__gt=start, created_at__lte=end)
    for trace in gold.values_list("trace", flat=True):
        events[trace].append("it was made gold.")
    retired = Trace.objects.filter(Q(retired_at__gt=start, retired_at__lte=end), pk__in=ids)
    for trace in retired.values_list("pk", flat=True):
        events[trace].append("another segmentation replaced it.")
    return events


def _moment(run: MergeRun) -> dt.datetime:
    return run.started_at or run.queued_at
