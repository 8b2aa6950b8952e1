"""The inside of `benchmarks.judging`: one of its two parts, in a process of its own. Its last line is JSON.

python -m benchmarks.judging_world skip|likelihood NUMBER_OF_TRACES    (GRADUS_DATA names the data folder)
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from annotation.actions.judge_runs import cancel_judge_run, launch_judge_run  # noqa: E402
from annotation.actions.judges import read_shipped_rubric  # noqa: E402
from annotation.judging.judge import JudgedTrace  # noqa: E402
from annotation.judging.likelihood import LikelihoodJudge  # noqa: E402
from annotation.judging.packing import AskedTrace  # noqa: E402
from annotation.models import Account, Judge, JudgeKind, Project, Prompt  # noqa: E402
from rl_bridge.models import load_causal_lm  # noqa: E402

NUM_STEPS = 10
NUM_NEW = 8
LAUNCHES = 5
MOST_APART = 0.03
_STEP = "So {n} apples and {n} more make {m} apples, since {n} + {n} = {m}."
_MORE = " We write that down and go on to the next basket of apples."
_PROBLEM = (
    "Tom sells apples at a market. On the first morning he fills two baskets with two apples each, and each morning "
    "after it he puts one apple more into each than the day before. How many apples are in both on the last day?"
)
_FILL = """
    INSERT INTO annotation_trace (project_id, prompt_id, completion, step_ends, segmenter, segmentation, model_name,
        sampling, finish_reason, created_at, wants_ratings, priority, queue_key, need)
    SELECT %s, %s, 'It is 7.', '{8}', 'auto@1', 1, 'bench', '{}', 'stop', now(), true, 2, random(), 0
    FROM generate_series(1, %s)
"""
_SCORE = """
    INSERT INTO annotation_judgescore (trace_id, judge_id, probabilities, rationales, fault, created_at)
    SELECT id, %s, '{0.5}', '[]', '', now() FROM annotation_trace
"""
_BARE = """
    SELECT id FROM annotation_trace AS trace WHERE project_id = %s AND NOT EXISTS (
        SELECT FROM annotation_judgescore WHERE trace_id = trace.id AND judge_id = %s)
"""


def take(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and CPU seconds."""
    begun, begun_cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun, time.process_time() - begun_cpu


def measure_likelihood(num_traces: int) -> dict[str, float]:
    loaded = load_causal_lm("shipped", models_dir=Path(os.environ["GRADUS_MODELS"]))
    judge = LikelihoodJudge(loaded, rubric=read_shipped_rubric(JudgeKind.LIKELIHOOD))
    ratios, cpu_ratios, rates = [], [], []
    for number in range(num_traces + 1):
        asked = judge.tokenize(make_trace(number, num_steps=NUM_STEPS if number else 3))
        if number == 0:  # opens what is opened once
            apart = find_difference(judge, asked)
            if apart > MOST_APART:
                raise SystemExit(f"One pass and a pass a step differ by {apart:.3f}.")
            continue
        sides = {"packed": judge.ask_packed, "each": judge.ask_each}
        took = {}
        for name in sides if number % 2 else reversed(sides):
            took[name] = take(partial(sides[name], asked))
        ratios.append(took["each"][0] / took["packed"][0])
        cpu_ratios.append(took["each"][1] / took["packed"][1])
        rates.append(NUM_STEPS / took["packed"][0])
        print(f"trace {number}: one pass {took['packed'][0]:.2f} s, a pass a step {took['each'][0]:.2f} s")
    return {
        "likelihood_speedup": round(statistics.median(ratios), 2),
        "likelihood_speedup_in_cpu": round(statistics.median(cpu_ratios), 2),
        "likelihood_steps_per_s": round(statistics.median(rates), 1),
    }


def make_trace(number: int, *, num_steps: int) -> JudgedTrace:
    """Every third step is a short one; the problem is as long as those of GSM8K are on average (46 words)."""
    steps = [
        _STEP.format(n=n, m=2 * n) + (_MORE if n % 3 else "") + "\n"
        for n in range(number + 2, number + 2 + num_steps)
    ]
    return JudgedTrace(_PROBLEM, tuple(steps))


def find_difference(judge: LikelihoodJudge, asked: AskedTrace) -> float:
    pairs = zip(judge.ask_packed(asked), judge.ask_each(asked), strict=True)
    return max(abs(one - other) for one, other in pairs)


def measure_skipping(num_judged: int) -> dict[str, float]:
    call_command("migrate", verbosity=0, interactive=False)
    now = timezone.now()
    project = Project.objects.create(slug="bench", name="Bench", created_at=now)
    prompt = Prompt.objects.create(project=project, text="3 + 4?", content_hash="0" * 64, created_at=now)
    judge, other = (
        Judge.objects.create(kind="arithmetic", name=name, version="1", created_at=now)
        for name in ("bench", "other")
    )
    actor = Account.objects.create_user(username="bench")
    with connection.cursor() as cursor:
        cursor.execute(_FILL, [project.pk, prompt.pk, num_judged])
        cursor.execute(_SCORE, [judge.pk])
        cursor.execute(_SCORE, [other.pk])
        cursor.execute(_FILL, [project.pk, prompt.pk, NUM_NEW])
        cursor.execute("ANALYZE")
    launches, bares = [], []
    for _ in range(LAUNCHES):
        launches.append(take(lambda: launch(project, judge, actor))[0])
        bares.append(take(lambda: read_bare(project, judge))[0])
    pairs = zip(launches, bares, strict=True)
    return {
        "skip_s": round(statistics.median(launches), 2),
        "skip_over_bare": round(statistics.median(bare / one for one, bare in pairs), 2),
        "judged": num_judged,
    }


def launch(project: Project, judge: Judge, actor: Account) -> None:
    run = launch_judge_run(project=project, judge=judge, actor=actor, now=timezone.now())
    if run.num_traces != NUM_NEW:
        raise SystemExit(f"{run.num_traces} traces were taken for not judged instead of {NUM_NEW}.")
    cancel_judge_run(run=run, actor=actor, now=timezone.now())


def read_bare(project: Project, judge: Judge) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_BARE, [project.pk, judge.pk])
        cursor.fetchall()


if __name__ == "__main__":
    measure = {"skip": measure_skipping, "likelihood": measure_likelihood}[sys.argv[1]]
    print(json.dumps(measure(int(sys.argv[2]))))
