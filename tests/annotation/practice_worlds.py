"""Projects with gold to practise on, for tests of actions, queries and pages."""

from __future__ import annotations

from typing import Any

from annotation.models import Account, Gold, GoldUse, Project
from tests.factories import make_gold, make_member, make_project, make_prompt, make_trace

KINDS = ((True, True, True), (True, False, True), (False, True, True), (True, True, False))


def make_gold_traces(project: Project, num: int, use: GoldUse = GoldUse.WORK) -> list[Gold]:
    """Gold of all kinds in turn, each of a prompt of its own."""
    admin = make_member(project)
    return [
        make_gold(
            make_trace(make_prompt(project)),
            KINDS[number % len(KINDS)],
            use=use,
            note=f"Because of **reason** {number}.",
            created_by=admin,
        )
        for number in range(num)
    ]


def make_practice_project(
    *, num_tutorial: int = 0, num_test: int = 0, num_work: int = 0, **fields: Any
) -> tuple[Project, Account]:
    """A project with so much gold of each use, and a rater, who takes a test where there is gold for one."""
    project = make_project(**{"qualification_traces": 2, "needs_qualification": num_test > 0, **fields})
    for num, use in ((num_tutorial, GoldUse.TUTORIAL), (num_test, GoldUse.TEST), (num_work, GoldUse.WORK)):
        make_gold_traces(project, num, use)
    return project, make_member(project)


def right_labels(gold: Gold) -> tuple[int | None, ...]:
    """What somebody says who sees just what gold knows, stopping at the first error."""
    labels: list[int | None] = []
    for stands in gold.stands:
        labels.append(None if -1 in labels else (1 if stands else -1))
    return tuple(labels)


def wrong_labels(gold: Gold) -> tuple[int | None, ...]:
    """A complete answer that isn't right."""
    return (1,) * len(gold.stands) if False in gold.stands else (-1, *[None] * (len(gold.stands) - 1))
