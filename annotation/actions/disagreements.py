"""Keeps up the rows of disagreements, and hands them to adjudicators one by one.

A row is written by whoever stores what may change it: a rating, a merge, a decision. Each holds the trace's lock.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from annotation.actions.needs import lock_traces
from annotation.models import Account, Between, Decision, Disagreement, Gold, Project, Rating, Trace
from annotation.queries.disagreements import list_free_disagreements, read_claims
from annotation.rules.disagreement import Finding, find_disagreement

HOLD_MINUTES = 15


class NothingToReview(Exception):
    """There is no open disagreement that nobody else holds."""


@dataclass(frozen=True)
class Merged:
    """What a merge says of one trace: P(step stands) of each of S steps, and its likeliest first error, -1 for none."""

    posterior: Sequence[float | None]
    first_error: int | None


def refresh_after_rating(*, rating: Rating, now: dt.datetime, is_listed: bool = True) -> None:
    """After a rating was stored, in its transaction and with the trace locked. `is_listed`: the trace may be among the
    disagreements already."""
    claims = read_claims([rating.trace_id])
    found = claims.get(rating.trace_id)
    if rating.revision == 1 and (found is None or len(found.claims) < 2):
        return  # the first to speak disagrees with nobody
    finding = find_disagreement(found.claims) if found else None
    if finding is not None or is_listed:
        _store({rating.trace_id: finding}, now=now)


def refresh_after_merge(
    *, project: Project, merged: Mapping[int, Merged], read_at: dt.datetime, now: dt.datetime
) -> None:
    """For these traces of one project, after a merge that read what was said until `read_at`. Safe to run twice."""
    with transaction.atomic():
        trace_ids = sorted(merged)
        lock_traces(trace_ids)
        claims = read_claims(trace_ids)
        findings: dict[int, Finding | None] = {}
        for trace_id in trace_ids:
            said, by_merge = claims.get(trace_id), merged[trace_id]
            if said is None:
                findings[trace_id] = None
            elif said.last_at > read_at:  # somebody rated meanwhile: the merge has not heard them
                findings[trace_id] = find_disagreement(said.claims)
            else:
                findings[trace_id] = find_disagreement(
                    said.claims, posterior=by_merge.posterior, merged_claim=by_merge.first_error
                )
        _store(findings, now=now, project=project)


def close_disagreement(*, trace_id: int) -> None:
    """After a decision on the trace, in its transaction."""
    Disagreement.objects.filter(trace=trace_id).update(is_open=False, held_by=None, held_until=None)


def hold_next(
    *, project: Project, adjudicator: Account, now: dt.datetime, after: int | None = None
) -> Disagreement:
    """The most informative open disagreement that nobody else holds, held for this adjudicator for a while.

    Asking again gives the same one. `after`: the id of a trace to pass over; what is less informative comes next.
    Raises NothingToReview.
    """
    with transaction.atomic():
        rows = list_free_disagreements(project, adjudicator, now=now)
        passed = Disagreement.objects.filter(project=project, trace=after).first() if after else None
        if passed is not None:
            Disagreement.objects.filter(pk=passed.pk, held_by=adjudicator).update(
                held_by=None, held_until=None
            )
            rows = rows.filter(Q(bits__lt=passed.bits) | Q(bits=passed.bits, trace__gt=passed.trace_id))
        locked = rows.select_for_update(skip_locked=True, no_key=True, of=("self",))
        row = (locked.filter(held_by=adjudicator, held_until__gt=now).first() if after is None else None) or (
            locked.first()
        )
        if row is None:
            raise NothingToReview("No disagreement is waiting.")
        row.held_by, row.held_until = adjudicator, now + dt.timedelta(minutes=HOLD_MINUTES)
        row.save(update_fields=["held_by", "held_until"])
    return row


def _store(
    findings: Mapping[int, Finding | None], *, now: dt.datetime, project: Project | None = None
) -> None:
    agreed = [trace_id for trace_id, finding in findings.items() if finding is None]
    disagreed = {trace_id: finding for trace_id, finding in findings.items() if finding is not None}
    Disagreement.objects.filter(trace__in=agreed).delete()
    if not disagreed:
        return
    settled = _list_settled(disagreed)
    projects = dict(Trace.objects.filter(pk__in=disagreed).values_list("pk", "project_id"))
    rows = [
        Disagreement(
            trace_id=trace_id,
            project_id=project.pk if project else projects[trace_id],
            between=Between(finding.between),
            bits=finding.bits,
            is_open=trace_id not in settled,
            found_at=now,
        )
        for trace_id, finding in disagreed.items()
    ]
    Disagreement.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["trace"],
        update_fields=["between", "bits", "is_open"],
    )


def _list_settled(trace_ids: Collection[int]) -> set[int]:
    """Those that are decided, or gold: their answer is known."""
    decided = Decision.objects.current().filter(trace__in=trace_ids).values_list("trace", flat=True)
    gold = Gold.objects.filter(trace__in=trace_ids).values_list("trace", flat=True)
    return {*decided, *gold}
