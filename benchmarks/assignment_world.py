"""The inside of benchmarks/assignment.py: fills the throw-away database, counts afterwards, times `lease_next`.

    python -m benchmarks.assignment_world   (GRADUS_DATA names the data folder)

Reads one command a line, `seed`, `count` or `time` with its options, and answers each with one line of JSON.
"""

import argparse
import json
import os
import random
import statistics
import sys
import time
import uuid

import django
from django.utils import timezone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import Count  # noqa: E402
from django.test import Client  # noqa: E402

from annotation.actions.assignments import lease_next  # noqa: E402
from annotation.actions.gold import make_gold  # noqa: E402
from annotation.models import (  # noqa: E402
    Account,
    Assignment,
    GoldSource,
    Membership,
    Project,
    Prompt,
    Rating,
    Role,
    Trace,
)

STEPS = [f"Step {number}: ${number} + {number} = {2 * number}$, so we go on.\n\n" for number in range(1, 7)]
TRACES_A_PROMPT = 4


_INSERT_TRACES = """
WITH steps AS (SELECT text, place FROM unnest(%(steps)s::text[]) WITH ORDINALITY AS given(text, place)),
  trace AS (
    SELECT string_agg(text, '' ORDER BY place) AS completion,
      array_agg((SELECT sum(length(text)) FROM steps until WHERE until.place <= steps.place)::int ORDER BY place)
        AS ends
    FROM steps
  )
INSERT INTO annotation_trace (project_id, prompt_id, completion, step_ends, segmenter, segmentation, model_name,
  sampling, finish_reason, created_at, wants_ratings, priority, queue_key, need)
SELECT %(project)s, (%(prompts)s::bigint[])[1 + (number - 1) / 4], completion, ends, 'auto@1', 1, 'benchmark', '{}',
  '', %(now)s, true, 2, random(), round(random()::numeric, 3)
FROM trace, generate_series(1, %(num)s) AS number
"""


def seed(slug: str, num_traces: int, overlap: int, num_raters: int, num_gold: int) -> list[str]:
    """A project with traces of six steps, some more that are gold, and raters; returns the raters' session keys."""
    now = timezone.now()
    project = Project.objects.create(slug=slug, name=slug, overlap=overlap, created_at=now)
    prompts = Prompt.objects.bulk_create(
        Prompt(
            project=project,
            text=f"Problem {number} of {slug}",
            content_hash=f"{slug}-{number}",
            created_at=now,
        )
        for number in range(-(-num_traces // TRACES_A_PROMPT))
    )
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT_TRACES,
            {
                "project": project.pk,
                "prompts": [prompt.pk for prompt in prompts],
                "num": num_traces,
                "steps": STEPS,
                "now": now,
            },
        )
    _make_gold(project, prompts[0], num_gold)
    raters = Account.objects.bulk_create(
        Account(username=f"{slug}-{number}", password="!") for number in range(num_raters)
    )
    Membership.objects.bulk_create(
        Membership(project=project, account=rater, role=Role.RATER, created_at=now) for rater in raters
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return [_sign_in(rater) for rater in raters]


def _make_gold(project: Project, prompt: Prompt, num_gold: int) -> None:
    """Gold among the project's traces: copies of the first ones."""
    actor = Account.objects.create(username=f"{project.slug}-admin", password="!")
    for trace in Trace.objects.filter(project=project).order_by("pk")[:num_gold]:
        trace.pk, trace.queue_key = None, random.random()
        trace.save()
        make_gold(
            trace=trace,
            stands=[True] * trace.num_steps,
            source=GoldSource.IMPORTED,
            actor=actor,
            now=project.created_at,
        )


def count(slug: str) -> dict[str, int]:
    """What the drain left: ratings beyond the overlap, traces short of it, ratings in all."""
    overlap = Project.objects.get(slug=slug).overlap
    per_trace = list(
        Trace.objects.filter(project__slug=slug, gold__isnull=True)
        .annotate(num=Count("ratings__rater", distinct=True))
        .values_list("num", flat=True)
    )
    return {
        "beyond_overlap": sum(max(0, num - overlap) for num in per_trace),
        "lost": sum(max(0, overlap - num) for num in per_trace),
        "num_ratings": Rating.objects.filter(trace__project__slug=slug).count(),
    }


def time_leases(slug: str, num_calls: int) -> float:
    """Median milliseconds of `lease_next`, the database included, each call on the same state of the project."""
    project = Project.objects.get(slug=slug)
    rater = Account.objects.filter(membership__project=project).first()
    assert rater is not None
    source, milliseconds = random.Random(5), []
    for _ in range(num_calls):
        start = time.perf_counter()
        assignment = lease_next(project=project, rater=rater, now=timezone.now(), source=source)
        milliseconds.append(1000 * (time.perf_counter() - start))
        Assignment.objects.filter(pk=assignment.pk).delete()
        Trace.objects.filter(pk=assignment.trace_id).update(wants_ratings=True)
    return statistics.median(milliseconds)


def _sign_in(rater: Account) -> str:
    client = Client()
    client.force_login(rater)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(answer(line.split())), flush=True)


def answer(words: list[str]) -> object:
    parser = argparse.ArgumentParser(prog="")
    parser.add_argument("what", choices=["seed", "count", "time"])
    parser.add_argument("--slug", default=uuid.uuid4().hex)
    parser.add_argument("--traces", type=int, default=0)
    parser.add_argument("--overlap", type=int, default=1)
    parser.add_argument("--raters", type=int, default=1)
    parser.add_argument("--gold", type=int, default=0)
    parser.add_argument("--calls", type=int, default=100)
    given = parser.parse_args(words)
    if given.what == "seed":
        return seed(given.slug, given.traces, given.overlap, given.raters, given.gold)
    return count(given.slug) if given.what == "count" else time_leases(given.slug, given.calls)


if __name__ == "__main__":
    main()
