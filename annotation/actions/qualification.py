"""An admin's part in practice: which gold is practised on, how the test is, and who need not take it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction

from annotation.actions import audit
from annotation.models import Account, Gold, GoldUse, Membership, Project, QualificationAttempt, Role
from annotation.queries.practice import is_qualified, list_gold_for
from annotation.rules.practice import TUTORIAL_SIZE, Candidate, choose_varied


class NotEnoughGold(Exception):
    """There is less gold to set aside than asked for."""


class NotARater(Exception):
    """Only raters of the project take its test."""


@dataclass(frozen=True)
class QualificationRules:
    """A project's test; the fields of Project by the same names."""

    needs_qualification: bool
    qualification_traces: int
    qualification_pass_mark: float
    qualification_attempts: int

    @classmethod
    def of(cls, project: Project) -> QualificationRules:
        return cls(**{field.name: getattr(project, field.name) for field in dataclasses.fields(cls)})


def set_rules(*, project: Project, rules: QualificationRules, actor: Account, now: dt.datetime) -> None:
    """Stores how the test is. It holds for attempts begun from now on; who has passed stays qualified.

    Raises NotEnoughGold where the gate would close with too few traces behind it for anybody to pass.
    """
    with transaction.atomic():
        locked = Project.objects.select_for_update().get(pk=project.pk)
        num_set_aside = list_gold_for(locked, GoldUse.TEST).count()
        if rules.needs_qualification and num_set_aside < rules.qualification_traces:
            raise NotEnoughGold(
                f"The test has {rules.qualification_traces} traces, but {num_set_aside} are set aside for it. "
                "Set more aside below, or make it shorter."
            )
        changes = dataclasses.asdict(rules)
        for name, value in changes.items():
            setattr(locked, name, value)
        locked.save(update_fields=list(changes))
        audit.record_event(
            actor=actor,
            verb="changed the test",
            subject=f"project {locked.slug}",
            project=locked,
            now=now,
            **changes,
        )


def set_gold_use(
    *, project: Project, trace_ids: Collection[int], use: GoldUse, actor: Account, now: dt.datetime
) -> int:
    """Mixes gold into work, or sets it aside for the tutorial or the test; returns how many changed.

    What is set aside is handed out to nobody any more. Leases that run go on.
    """
    with transaction.atomic():
        found = Gold.objects.filter(trace__project=project, trace__in=trace_ids).exclude(use=use)
        num_changed = found.update(use=use)
        if num_changed:
            audit.record_event(
                actor=actor,
                verb="set gold aside",
                subject=f"project {project.slug}",
                project=project,
                now=now,
                use=use,
                traces=sorted(trace_ids),
            )
    return int(num_changed)


def fill_tutorial(*, project: Project, actor: Account, now: dt.datetime, source: random.Random) -> int:
    """Sets varied gold aside until the tutorial has TUTORIAL_SIZE traces; returns how many it took.

    Raises NotEnoughGold.
    """
    num_missing = TUTORIAL_SIZE - list_gold_for(project, GoldUse.TUTORIAL).count()
    return _set_aside(project, GoldUse.TUTORIAL, num_missing, actor=actor, now=now, source=source)


def fill_test(*, project: Project, actor: Account, now: dt.datetime, source: random.Random) -> int:
    """The same for the test: twice its size where there is so much gold, so that a second attempt differs.

    Raises NotEnoughGold where there is not enough for one attempt.
    """
    num_there = list_gold_for(project, GoldUse.TEST).count()
    num_free = list_gold_for(project, GoldUse.WORK).count()
    wanted = min(2 * project.qualification_traces, max(project.qualification_traces, num_there + num_free))
    return _set_aside(project, GoldUse.TEST, wanted - num_there, actor=actor, now=now, source=source)


def waive_test(*, project: Project, rater: Account, actor: Account, now: dt.datetime) -> None:
    """Lets a rater rate without the test. Doing it twice does it once. Raises NotARater."""
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).only("pk").get(pk=rater.pk)
        if not Membership.objects.filter(project=project, account=rater, role=Role.RATER).exists():
            raise NotARater(f"{rater} is no rater of this project.")
        if project.needs_qualification and is_qualified(rater, project):
            return
        _, is_new = QualificationAttempt.objects.get_or_create(
            project=project,
            rater=rater,
            number=0,
            defaults={
                "pass_mark": project.qualification_pass_mark,
                "started_at": now,
                "finished_at": now,
                "num_right": 0,
                "has_passed": True,
                "waived_by": actor,
            },
        )
        if is_new:
            audit.record_event(
                actor=actor, verb="let rate without the test", subject=rater, project=project, now=now
            )


def _set_aside(
    project: Project, use: GoldUse, num: int, *, actor: Account, now: dt.datetime, source: random.Random
) -> int:
    if num <= 0:
        return 0
    free = list_gold_for(project, GoldUse.WORK).values_list("trace", "stands")
    candidates = [Candidate(trace_id, tuple(stands)) for trace_id, stands in free]
    if len(candidates) < num:
        raise NotEnoughGold(
            f"{num} more gold traces are needed, but only {len(candidates)} are free. Make more traces gold first."
        )
    chosen = choose_varied(candidates, num, source)
    return set_gold_use(project=project, trace_ids=chosen, use=use, actor=actor, now=now)
