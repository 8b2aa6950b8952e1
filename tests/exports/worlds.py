"""A small project with everything an export meets: right, wrong and disputed traces, gold, and a broken prompt."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from annotation.actions import merges
from annotation.merging.data import MergePolicy
from annotation.models import Account, MergeRun, Outcome, Project, Prompt, Role, Trace
from exports import actions
from exports.formats.dataset import FormName
from exports.models import Export
from exports.policy import CONFIGS, ExportPolicy
from tests.factories import (
    NOW,
    make_batch,
    make_comparison,
    make_gold,
    make_judge_score,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)

LATER = NOW + dt.timedelta(minutes=1)
RIGHT = ("Tom has 3 apples.\n", "3 + 4 = 7.\n", "The answer is 7.")
WRONG = ("Tom has 3 apples.\n", "3 + 4 = 8.\n", "The answer is 8.")
TEMPLATE = "Solve it.\n{prompt}\n"


@dataclass(frozen=True)
class World:
    project: Project
    engineer: Account
    raters: tuple[Account, ...]
    prompts: tuple[Prompt, ...]
    right: tuple[Trace, ...]
    wrong: tuple[Trace, ...]
    gold: Trace
    silent: Trace


def clock() -> dt.datetime:
    return LATER


def make_world(num_prompts: int = 12, **project: object) -> World:
    """`num_prompts` prompts with a right and a wrong trace, each rated by two; one gold trace; one nobody rated.

    The first prompt's two traces were compared by both raters, too.
    """
    made = make_project(**project)
    raters = tuple(make_member(made) for _ in range(2))
    batch = make_batch(made, prompt_template=TEMPLATE)
    prompts, right, wrong = [], [], []
    for number in range(num_prompts):
        prompt = make_prompt(
            made, text=f"Tom has {number} apples and buys {number + 40} more. How many has he?"
        )
        prompts.append(prompt)
        right.append(make_trace(prompt, steps=RIGHT, batch=batch, sample_index=0))
        wrong.append(make_trace(prompt, steps=WRONG, batch=batch, sample_index=1))
        for rater in raters:
            make_rating(right[-1], rater, labels=(1, 1, 1))
            make_rating(wrong[-1], rater, labels=(1, -1, None))
    for rater in raters:
        make_comparison(right[0], wrong[0], rater=rater)
    gold = make_trace(prompts[0], steps=("Gold 7.",), batch=batch, sample_index=2)
    make_gold(gold, stands=(True,))
    silent = make_trace(prompts[0], steps=("Nobody looked.",), batch=batch, sample_index=3)
    make_judge_score(right[0], probabilities=(0.9, None, 0.8))
    return World(
        project=made,
        engineer=make_member(made, Role.ENGINEER),
        raters=raters,
        prompts=tuple(prompts),
        right=tuple(right),
        wrong=tuple(wrong),
        gold=gold,
        silent=silent,
    )


def call_broken(world: World, prompt: Prompt) -> None:
    """Every rater calls the prompt broken."""
    for rater in world.raters:
        trace = make_trace(prompt, steps=("What?",))
        make_rating(trace, rater, outcome=Outcome.BAD_PROBLEM, reason="No number", labels=(None,))


def merge_world(world: World, policy: MergePolicy | None = None) -> MergeRun:
    run = merges.start_merge(
        project=world.project, policy=policy or MergePolicy(), actor=world.engineer, now=NOW
    )
    merges.run_merge(run_id=run.pk, clock=clock)
    run.refresh_from_db()
    return run


def start_export(
    world: World,
    merge: MergeRun | MergePolicy | None = None,
    configs: tuple[str, ...] = CONFIGS,
    form: FormName = "standard",
    policy: ExportPolicy | None = None,
    **more: Any,
) -> Export:
    return actions.start_export(
        project=world.project,
        merge=merge or MergePolicy(),
        configs=configs,
        form=form,
        policy=policy or ExportPolicy(),
        actor=world.engineer,
        now=NOW,
        **more,
    )


def write_export(export: Export) -> Export:
    actions.write_export(export_id=export.pk, clock=clock)
    export.refresh_from_db()
    return export
