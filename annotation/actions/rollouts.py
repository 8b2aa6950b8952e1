"""Roll-outs that a training returns to people: completions of the project's own prompts that no reward was sure of.

Each becomes a trace like any, with the doubt as its need, so that the queue's half by need shows it soon. What the
project has already is not stored twice, so a training may send again what it sent before.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import MD5

from annotation.actions.audit import record_event
from annotation.actions.priorities import follow_prompts
from annotation.models import Account, Priority, Project, Prompt, Trace
from annotation.rules.segmentation import DEFAULT_SEGMENTER, segment
from rl_bridge.errors import BridgeError
from rl_bridge.verifiers import extract_final_answer

LONGEST_COMPLETION = 500_000  # characters
_LARGEST_ID = 2**63 - 1


class BadRollout(Exception):
    """A roll-out that can't be taken. `index` counts from 0; `reason` is a sentence."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f"Roll-out {index}: {reason}")
        self.index, self.reason = index, reason


@dataclass(frozen=True)
class NewRollout:
    """A completion of a prompt. `doubt` is 0 to 1; `is_correct` the verifier's word, None for none."""

    prompt_id: int
    completion: str
    doubt: float
    is_correct: bool | None = None


@dataclass(frozen=True)
class ReturnedRollouts:
    """How many became traces, and how many the project had already."""

    num_made: int
    num_known: int


def return_rollouts(
    *, project: Project, run: str, rollouts: Sequence[NewRollout], actor: Account, now: dt.datetime
) -> ReturnedRollouts:
    """Stores the roll-outs of a run as traces, all or none. Raises BadRollout."""
    with transaction.atomic():
        # One at a time, so that the same roll-outs sent twice at once are stored once.
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        prompts = Prompt.objects.filter(project=project).in_bulk(
            [rollout.prompt_id for rollout in rollouts if 0 < rollout.prompt_id <= _LARGEST_ID]
        )
        _check(rollouts, prompts)
        known = set(
            Trace.objects.filter(prompt__in=prompts)
            .annotate(digest=MD5("completion"))
            .values_list("prompt_id", "digest")
        )
        new: dict[tuple[int, str], Trace] = {}
        for rollout in rollouts:
            key = (rollout.prompt_id, _digest(rollout.completion))
            if key not in known:
                new.setdefault(key, _build_trace(prompts[rollout.prompt_id], rollout, run, now))
        traces = Trace.objects.bulk_create(new.values())
        follow_prompts([trace.pk for trace in traces])
        record_event(
            actor=actor,
            verb="returned roll-outs",
            subject=project,
            now=now,
            project=project,
            run=run,
            traces=len(traces),
        )
    return ReturnedRollouts(num_made=len(traces), num_known=len(rollouts) - len(traces))


def _check(rollouts: Sequence[NewRollout], prompts: dict[int, Prompt]) -> None:
    for index, rollout in enumerate(rollouts):
        if rollout.prompt_id not in prompts:
            raise BadRollout(index, f"The project has no prompt {rollout.prompt_id}.")
        if not rollout.completion.strip() or "\x00" in rollout.completion:
            raise BadRollout(index, "The completion is empty, or holds a null character.")
        if not 0.0 <= rollout.doubt <= 1.0:  # false for NaN too
            raise BadRollout(index, "The doubt does not lie between 0 and 1.")
        if len(rollout.completion) > LONGEST_COMPLETION:
            raise BadRollout(index, f"The completion has more than {LONGEST_COMPLETION:,} characters.")


def _build_trace(prompt: Prompt, rollout: NewRollout, run: str, now: dt.datetime) -> Trace:
    return Trace(
        project_id=prompt.project_id,
        prompt=prompt,
        completion=rollout.completion,
        step_ends=segment(rollout.completion, DEFAULT_SEGMENTER),
        segmenter=DEFAULT_SEGMENTER,
        model_name=f"policy of {run}"[:120],
        sampling={"kind": "roll-out", "run": run, "doubt": rollout.doubt},
        final_answer=_find_answer(prompt, rollout.completion),
        is_answer_correct=rollout.is_correct,
        created_at=now,
        queue_key=random.random(),
        priority=prompt.priority,
        wants_ratings=prompt.priority > Priority.HELD,
        need=rollout.doubt,
    )


def _find_answer(prompt: Prompt, completion: str) -> str | None:
    try:
        return extract_final_answer(completion, prompt.verifier)
    except BridgeError:
        return None


def _digest(completion: str) -> str:
    """As PostgreSQL makes it."""
    return hashlib.md5(completion.encode(), usedforsecurity=False).hexdigest()
