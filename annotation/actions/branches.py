"""Alternatives to the first wrong step: asked for by its rater, sampled by a worker, picked into the rating's draft."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace

from django.db import transaction
from django.utils.translation import gettext

from annotation import jobs as background
from annotation.actions.assignments import lock_own_assignment
from annotation.actions.ratings import get_draft, save_draft
from annotation.models import Account, Assignment, JobState, StepBranch
from annotation.queries.branches import find_asked_batch, find_latest_branch
from annotation.rules.draft import check_rewrite
from annotation.rules.rating import Label, first_error

NUM_ALTERNATIVES = 4  # in one request: a rater reads so many before writing the step is quicker
MAX_ROUNDS = 3
MAX_NEW_TOKENS = 160  # most steps have fewer than 60
LEAST_TEMPERATURE = 0.7  # a trace sampled colder would give the same step again and again


class NoModel(Exception):
    """No model has written in this project that could go on from a trace's steps."""


class NotTheFirstError(Exception):
    """The step is not the first one that is rated bad."""


class EnoughRounds(Exception):
    """The rater has asked as often as one may for one step."""


def ask_for_alternatives(
    *,
    assignment: Assignment,
    rater: Account,
    step_index: int,
    labels: tuple[Label, ...],
    now: dt.datetime,
    source: random.Random,
) -> StepBranch:
    """Queues a job that samples next steps in place of step `step_index`, which `labels` must have as first error.

    While one is under way, that one is returned. Raises NotYours, NoModel, NotTheFirstError and EnoughRounds.
    """
    if first_error(labels) != step_index:
        raise NotTheFirstError(gettext("Rate this step bad first; it must be the first one that is."))
    with transaction.atomic():
        locked = lock_own_assignment(assignment, rater=rater)
        batch = find_asked_batch(locked.trace)
        if batch is None:
            raise NoModel(gettext("There is no model here to ask. Write the step yourself."))
        latest = find_latest_branch(locked, step_index)
        if latest is not None and latest.is_open:
            return latest
        if latest is not None and latest.round >= MAX_ROUNDS and latest.state != JobState.FAILED:
            raise EnoughRounds(gettext("That were all alternatives there are. Write the step yourself."))
        branch = StepBranch(
            assignment=locked,
            step_index=step_index,
            is_on_server=batch.model_spec.is_server,
            round=latest.round + 1 if latest is not None else 1,
            num_wanted=NUM_ALTERNATIVES,
            temperature=max(batch.temperature, LEAST_TEMPERATURE),
            top_p=batch.top_p,
            max_new_tokens=MAX_NEW_TOKENS,
            seed=source.randrange(2**31),
            requested_by=rater,
            queued_at=now,
            touched_at=now,
        )
        branch.save()
        background.queue_on_commit(branch)
    return branch


def keep_rewrite(
    *, assignment: Assignment, rater: Account, step_index: int, text: str, now: dt.datetime
) -> None:
    """Puts a picked or written step into the draft as the rewrite of its step, which must be its first error.

    The page's script does the same in the page, where the draft is in hand. Raises NotTheFirstError, InvalidDraft,
    and what `save_draft` raises.
    """
    draft = get_draft(assignment)
    if first_error(draft.labels) != step_index:
        raise NotTheFirstError(gettext("Rate this step bad first; it must be the first one that is."))
    rewrites = {**draft.rewrites, step_index: check_rewrite(text, index=step_index)}
    save_draft(
        assignment=assignment,
        rater=rater,
        draft=replace(draft, rewrites=rewrites, writer="", sequence=0),
        base_revision=assignment.draft_revision,
        now=now,
    )
