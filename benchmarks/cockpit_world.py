"""The inside of benchmarks/cockpit.py: fills the throw-away database, and says what was stored.

    python -m benchmarks.cockpit_world seed|labels --slug SLUG ...   (GRADUS_DATA names the data folder)

Each prints one line of JSON.
"""

import argparse
import itertools
import json
import os

import django
from django.utils import timezone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.test import Client  # noqa: E402

from annotation.models import Account, Membership, Project, Prompt, Rating, Role, Trace  # noqa: E402


def write_step(number: int, trace: int) -> str:
    """About 25 tokens, a formula in each, no two alike."""
    total = number * (number + 1) // 2 + trace
    return f"Step {number}: we add ${number}$, so $s_{{{number}}} = {total}$ and $\\frac{{{total}}}{{2}}$ is half.\n\n"


def seed(slug: str, num_traces: int, num_steps: int) -> str:
    """A project with traces of so many steps, and a rater; returns the rater's session key."""
    now = timezone.now()
    project = Project.objects.create(
        slug=slug, name=slug, overlap=1, created_at=now, guidelines="Rate **each** step.", lease_minutes=600
    )
    prompt = Prompt.objects.create(
        project=project, text="Add the numbers from $1$ to $n$.", content_hash=slug, created_at=now
    )
    for number in range(num_traces):
        steps = [write_step(index, number) for index in range(1, num_steps + 1)]
        Trace.objects.create(
            project=project,
            prompt=prompt,
            completion="".join(steps),
            step_ends=list(itertools.accumulate(map(len, steps))),
            segmenter="auto@1",
            model_name="benchmark",
            queue_key=(number + 0.5) / num_traces,
            created_at=now,
        )
    rater = Account.objects.create(username=slug, password="!")
    Membership.objects.create(project=project, account=rater, role=Role.RATER, created_at=now)
    client = Client()
    client.force_login(rater)
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def labels(slug: str) -> list[list[int | None]]:
    """Of every stored rating, in order."""
    return list(
        Rating.objects.filter(trace__project__slug=slug).order_by("pk").values_list("labels", flat=True)
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["seed", "labels"])
    parser.add_argument("--slug", required=True)
    parser.add_argument("--traces", type=int, default=1)
    parser.add_argument("--steps", type=int, default=6)
    given = parser.parse_args()
    found = seed(given.slug, given.traces, given.steps) if given.what == "seed" else labels(given.slug)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
