"""Appeals: a rater objects to a decision on their own work, once, with a reason; an adjudicator answers."""

from __future__ import annotations

import datetime as dt

from django.db import IntegrityError, transaction

from annotation.actions.audit import record_event
from annotation.models import Account, Appeal, AppealState, Decision, Trace
from annotation.queries.decisions import find_decision_for

MAX_CHARACTERS = 5_000


class NoDecisionToAppeal(Exception):
    """Nothing was decided of the trace that this rater may see."""


class AlreadyAppealed(Exception):
    """A rater appeals once for each trace."""


class WordsMissing(Exception):
    """An appeal without a reason, or an answer without one."""


class AppealNotOpen(Exception):
    """Somebody has answered the appeal already."""


class OwnAppeal(Exception):
    """Nobody answers their own appeal."""


def file_appeal(*, trace: Trace, rater: Account, reason: str, now: dt.datetime) -> Appeal:
    """Raises NoDecisionToAppeal, AlreadyAppealed and WordsMissing."""
    words = _clean(reason)
    if not words:
        raise WordsMissing("Say why you think that the decision is wrong.")
    decision = find_decision_for(rater, trace)
    if decision is None:
        raise NoDecisionToAppeal("Nothing has been decided of this trace.")
    try:
        with transaction.atomic():
            appeal = Appeal.objects.create(
                trace=trace, decision=decision, rater=rater, reason=words, filed_at=now
            )
            record_event(
                actor=rater, verb="appealed a decision", subject=decision, now=now, project=trace.project
            )
    except IntegrityError as error:
        if not Appeal.objects.filter(trace=trace, rater=rater).exists():
            raise
        raise AlreadyAppealed(
            "You have appealed this decision already; each can be appealed once."
        ) from error
    return appeal


def answer_appeal(*, appeal: Appeal, adjudicator: Account, answer: str, now: dt.datetime) -> Appeal:
    """Answers an open appeal. It counts as changed where the trace has been decided otherwise since, else as kept.

    Raises AppealNotOpen, OwnAppeal and WordsMissing.
    """
    words = _clean(answer)
    if not words:
        raise WordsMissing("Answer in a few words; the rater reads them.")
    with transaction.atomic():
        locked = Appeal.objects.select_for_update(of=("self",)).select_related("decision", "trace__project")
        row = locked.defer("trace__completion").get(pk=appeal.pk)
        if row.state != AppealState.OPEN:
            raise AppealNotOpen("Somebody has answered this appeal already.")
        if row.rater_id == adjudicator.pk:
            raise OwnAppeal("This is your own appeal; somebody else answers it.")
        row.state = AppealState.CHANGED if has_changed(row) else AppealState.KEPT
        row.answer, row.answered_by, row.answered_at = words, adjudicator, now
        row.save(update_fields=["state", "answer", "answered_by", "answered_at"])
        record_event(
            actor=adjudicator,
            verb="answered an appeal",
            subject=row,
            now=now,
            project=row.trace.project,
            state=row.state,
        )
    return row


def has_changed(appeal: Appeal) -> bool:
    """Whether the trace was decided otherwise since the decision that this appeals against."""
    current = Decision.objects.current().get(trace=appeal.trace_id)
    appealed = appeal.decision
    return (current.ruling, current.labels) != (appealed.ruling, appealed.labels)


def _clean(text: str) -> str:
    return text.replace("\x00", "").strip()[:MAX_CHARACTERS]
