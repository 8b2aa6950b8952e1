"""Decisions: an adjudicator says what holds of a trace, step by step. Deciding again adds a revision."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction

from annotation.actions.audit import record_event
from annotation.actions.disagreements import close_disagreement
from annotation.actions.gold import make_gold, remove_gold
from annotation.actions.places import lock_trace, refresh_place_flag
from annotation.models import Account, Decision, Gold, GoldSource, JudgeScore, Ruling, Trace
from annotation.rules.deciding import check_decision, decided_steps
from annotation.rules.draft import by_text
from annotation.rules.rating import Label

MAX_NOTE_CHARACTERS = 5_000


class TraceRetired(Exception):
    """A later segmentation has replaced the trace."""


class NoteMissing(Exception):
    """A bad problem without a word why."""


class BadProblemIsNoGold(Exception):
    """Gold says which steps stand; a broken problem has none that do or don't."""


class NotOfThisTrace(Exception):
    """The key of this submission stored the decision on another trace."""


@dataclass(frozen=True)
class NewDecision:
    """What an adjudicator decides. labels: S labels by the rules of a rating; left out of a bad problem, which needs a
    note. makes_gold: whether the trace is gold from now on (False takes it back where a decision had made it so)."""

    labels: tuple[Label, ...]
    ruling: Ruling = Ruling.STEPS
    note: str = ""
    step_notes: Mapping[int, str] = field(default_factory=dict)
    makes_gold: bool = False


def decide_trace(
    *, trace: Trace, adjudicator: Account, decision: NewDecision, idempotency_key: UUID, now: dt.datetime
) -> Decision:
    """Stores the decision once, however often it is sent with the same key, and closes the disagreement.

    Raises TraceRetired, NoteMissing, BadProblemIsNoGold, NotOfThisTrace, and of annotation.rules.rating WrongLength,
    OutOfRange, JudgedAfterFirstError and Incomplete.
    """
    with transaction.atomic():
        lock_trace(trace.pk)
        locked = Trace.objects.select_related("project").defer("completion").get(pk=trace.pk)
        if earlier := _find_sent_before(locked, idempotency_key):
            return earlier
        _check(decision, locked)
        stored = _store(locked, adjudicator, decision, key=idempotency_key, now=now)
        _set_gold(locked, decision, actor=adjudicator, now=now)
        close_disagreement(trace_id=locked.pk)
        refresh_place_flag(locked.pk)
        record_event(
            actor=adjudicator,
            verb="decided a trace",
            subject=locked,
            now=now,
            project=locked.project,
            revision=stored.revision,
            ruling=stored.ruling,
            labels=stored.labels,
            makes_gold=decision.makes_gold,
        )
    return stored


def _find_sent_before(trace: Trace, key: UUID) -> Decision | None:
    earlier = Decision.objects.filter(idempotency_key=key).first()
    if earlier is not None and earlier.trace_id != trace.pk:
        raise NotOfThisTrace("This submission belongs to another trace. Reload the page.")
    return earlier


def _check(decision: NewDecision, trace: Trace) -> None:
    if trace.retired_at is not None:
        raise TraceRetired(f"Trace {trace.pk} was cut anew meanwhile; decide its newest one.")
    if decision.ruling == Ruling.STEPS:
        check_decision(decision.labels, trace.num_steps, trace.project.stop_at_first_error)
        return
    if not decision.note.strip():
        raise NoteMissing("Say in a few words what is wrong with the problem.")
    if decision.makes_gold:
        raise BadProblemIsNoGold("A trace of a broken problem can’t be gold.")


def _store(
    trace: Trace, adjudicator: Account, decision: NewDecision, *, key: UUID, now: dt.datetime
) -> Decision:
    current = Decision.objects.current().filter(trace=trace).first()
    if current is not None:
        Decision.objects.filter(pk=current.pk).update(is_current=False)
    is_bad_problem = decision.ruling == Ruling.BAD_PROBLEM
    return Decision.objects.create(
        trace=trace,
        adjudicator=adjudicator,
        revision=current.revision + 1 if current else 1,
        ruling=decision.ruling,
        labels=[None] * trace.num_steps if is_bad_problem else list(decision.labels),
        note=decision.note.strip()[:MAX_NOTE_CHARACTERS],
        step_notes=by_text(decision.step_notes),
        has_seen_scores=JudgeScore.objects.filter(trace=trace).exists(),
        decided_at=now,
        idempotency_key=key,
    )


def _set_gold(trace: Trace, decision: NewDecision, *, actor: Account, now: dt.datetime) -> None:
    if decision.makes_gold:
        stands = decided_steps(decision.labels)
        make_gold(trace=trace, stands=stands, source=GoldSource.ADJUDICATED, actor=actor, now=now)
    elif Gold.objects.filter(trace=trace, source=GoldSource.ADJUDICATED).exists():
        remove_gold(trace=trace, actor=actor, now=now)
