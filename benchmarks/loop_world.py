"""The web app's part of a loop, by its own actions: prompts, a batch, judges, simulated raters, merge and export.

    python -m benchmarks.loop_world --size SIZE --seed N --policy FOLDER --work FOLDER   (GRADUS_DATA: the data)

Prints one line of JSON: the export's folder, where the judge's own labels lie, and what was made of what. Every rater
is a program: it knows the truth, misses some errors, and sees some that aren't there.
"""

import argparse
import json
import os
import random
from pathlib import Path
from typing import Any
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from celery import current_app  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from annotation.actions import assignments, batches, judge_runs, judges, prompts, ratings  # noqa: E402
from annotation.actions.model_specs import ensure_shipped_model  # noqa: E402
from annotation.merging.data import MergePolicy  # noqa: E402
from annotation.models import (  # noqa: E402
    Account,
    GenerationBatch,
    Judge,
    JudgeKind,
    JudgeRun,
    JudgeScore,
    Membership,
    ModelSpec,
    Project,
    Prompt,
    Rating,
    Role,
    Trace,
)
from annotation.rules.segmentation import split_steps  # noqa: E402
from annotation.rules.simulated_rater import SimulatedRater  # noqa: E402
from annotation.tasks import default, models  # noqa: E402
from benchmarks.loop_sizes import SIZES, Size  # noqa: E402
from benchmarks.loop_truth import find_first_error, make_problems, read_problem  # noqa: E402
from exports import tasks  # noqa: E402
from exports.actions import folder_of, start_export  # noqa: E402
from exports.models import Export  # noqa: E402
from exports.policy import CONFIGS, ExportPolicy  # noqa: E402

TASKS = (default, models, tasks)
RATERS = (
    SimulatedRater(sensitivity=0.95, false_alarm=0.01),
    SimulatedRater(sensitivity=0.85, false_alarm=0.03),
    SimulatedRater(sensitivity=0.75, false_alarm=0.05),
)
SEGMENTER = "lines@1"


def make_project(size: Size, seed: int) -> tuple[Project, Account]:
    now = timezone.now()
    project = Project.objects.create(
        slug="loop",
        name="The loop: sums, rated by simulated raters",
        description="Every rater here is a simulated rater: a program, no person.",
        overlap=size.raters_a_trace,
        created_at=now,
    )
    maker = add_member(project, "loop-maker", "Loop maker (a program)", Role.ADMIN)
    problems = make_problems(1_000_000 + seed, size.prompts, terms=size.terms, digits=size.digits)
    asked = [
        prompts.NewPrompt(
            problem.text,
            reference_answer=str(problem.answer),
            verifier="numeric",
            ground_truth=str(problem.answer),
            source={"kind": "reasoning-gym", "data_set": "chain_sum"},
        )
        for problem in problems
    ]
    prompts.add_prompts(project=project, prompts=asked, actor=maker, now=now)
    return project, maker


def add_member(project: Project, username: str, display_name: str, role: Role) -> Account:
    account = Account.objects.create_user(
        username=username, password=None, display_name=display_name, is_simulated=True
    )
    Membership.objects.create(project=project, account=account, role=role, created_at=timezone.now())
    return account


def generate(project: Project, maker: Account, size: Size, policy: str, seed: int) -> ModelSpec:
    """A batch by the worker's own backend; raises where it did not finish."""
    now = timezone.now()
    if policy == "shipped":
        spec = ensure_shipped_model(now=now)
    else:
        spec = ModelSpec.objects.create(name="the loop's first policy", location=policy, created_at=now)
    settings = batches.BatchSettings(
        model_spec=spec,
        num_samples=size.candidates,
        temperature=1.0,
        top_p=1.0,
        max_new_tokens=size.max_new_tokens,
        seed=seed,
        prompt_template="{prompt}",
        segmenter=SEGMENTER,
    )
    # The other prompts have no traces; GRPO learns from them all the same, and would soon know so few by heart.
    ids = list(
        Prompt.objects.filter(project=project).order_by("pk").values_list("pk", flat=True)[: size.traced]
    )
    launched = batches.launch_batch(project=project, settings=settings, prompt_ids=ids, actor=maker, now=now)
    batch = GenerationBatch.objects.get(pk=launched.pk)
    if batch.is_open or batch.error:
        raise SystemExit(f"{batch} did not finish: {batch.error or batch.state}.")
    return spec


def judge(project: Project, maker: Account, size: Size, spec: ModelSpec) -> Judge:
    """The policy's own roll-outs from each step (Math-Shepherd): what this project has for a judge."""
    new = judges.NewJudge(
        JudgeKind.ROLLOUT,
        "roll-outs",
        spec,
        {
            "template": "{prompt}",
            "num_rollouts": size.rollouts,
            "is_search": False,
            "temperature": 1.0,
            "max_new_tokens": size.max_new_tokens,
        },
        note="The policy judges itself: the share of its roll-outs from behind a step that come out right.",
    )
    made = judges.make_judge(project=project, new=new, actor=maker, now=timezone.now())
    launched = judge_runs.launch_judge_run(project=project, judge=made, actor=maker, now=timezone.now())
    run = JudgeRun.objects.get(pk=launched.pk)
    if run.is_open or run.error:
        raise SystemExit(f"{run} did not finish: {run.error or run.state}.")
    return made


def rate(project: Project, size: Size, seed: int) -> None:
    """Simulated raters take the next trace in turn, as people would, until enough traces are rated."""
    source = random.Random(seed)
    raters = [
        (rater, add_member(project, f"simulated-{number}", f"Simulated rater {number}", Role.RATER))
        for number, rater in enumerate(RATERS, start=1)
    ]
    for turn in range(size.rated * size.raters_a_trace):
        rater, account = raters[turn % len(raters)]
        try:
            with transaction.atomic():
                rate_next(project, rater, account, source)
        except assignments.NothingToRate:
            continue


def rate_next(project: Project, rater: SimulatedRater, account: Account, source: random.Random) -> None:
    now = timezone.now()
    assignment = assignments.lease_next(project=project, rater=account, now=now, source=source)
    error, num_steps = true_first_error(assignment.trace)
    stands = [0.0 if place == error else 1.0 for place in range(num_steps)]
    labels = rater.rate(stands, None, source)
    ratings.submit_rating(
        assignment=assignment,
        rater=account,
        rating=ratings.NewRating(labels=labels, active_seconds=float(4 * num_steps)),
        idempotency_key=uuid4(),
        now=now,
    )


def true_first_error(trace: Trace) -> tuple[int, int]:
    steps = split_steps(trace.completion, trace.step_ends)
    return find_first_error(read_problem(trace.prompt.text), steps), len(steps)


def export(project: Project, maker: Account) -> Export:
    """Merge and export by the product, checks before release included."""
    started = start_export(
        project=project,
        merge=MergePolicy(),
        configs=CONFIGS,
        form="standard",
        # Steps behind an unsure one are labelled by that one's chances, so none is left unsure; and a trace of four
        # steps, each all but sure, does not reach the 0.9 that completions must have for SFT otherwise.
        policy=ExportPolicy(
            good_from=0.5,
            bad_to=0.49,
            sft_from=0.5,
            after_error="mask",
            validation_share=0.05,
            test_share=0.1,
        ),
        actor=maker,
        now=timezone.now(),
    )
    done = Export.objects.get(pk=started.pk)
    if done.is_open or done.error:
        raise SystemExit(f"{done} did not finish: {done.error or done.state}.")
    return done


def write_judged(project: Project, made: Judge, path: Path) -> None:
    """What the judge said of each trace and what is true of it, as JSON Lines."""
    with path.open("w", encoding="utf-8") as lines:
        for score in JudgeScore.objects.filter(judge=made).select_related("trace__prompt").order_by("trace"):
            trace = score.trace
            row = {
                "prompt": trace.prompt.text,
                "steps": split_steps(trace.completion, trace.step_ends),
                "scores": score.probabilities,
                "label": true_first_error(trace)[0],
                "judge": str(made),
            }
            lines.write(json.dumps(row) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=SIZES, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--policy", required=True)
    parser.add_argument("--work", type=Path, required=True)
    given = parser.parse_args()
    size = SIZES[given.size]
    # Jobs run where they are queued, as soon as their rows are committed.
    current_app.conf.update(task_always_eager=True, task_eager_propagates=True)
    call_command("migrate", verbosity=0, interactive=False)
    project, maker = make_project(size, given.seed)
    spec = generate(project, maker, size, given.policy, given.seed)
    made = judge(project, maker, size, spec)
    rate(project, size, given.seed)
    done = export(project, maker)
    write_judged(project, made, given.work / "judged.jsonl")
    told: dict[str, Any] = {
        "export": str(folder_of(done)),
        "judged": str(given.work / "judged.jsonl"),
        "traces": Trace.objects.filter(project=project).count(),
        "simulated_ratings": Rating.objects.filter(trace__project=project).count(),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
