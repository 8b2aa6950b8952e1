"""The inside of benchmarks/pictures.py: fills the throw-away database with what a rater's day may look like.

    python -m benchmarks.pictures_world   (GRADUS_DATA names the data folder)

Prints one line of JSON: session keys, and the assignment of a rating that judges scored.
"""

import datetime as dt
import itertools
import json
import os
from collections.abc import Sequence
from uuid import uuid4

import django
from django.utils import timezone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.test import Client  # noqa: E402

from annotation.models import (  # noqa: E402
    Account,
    Assignment,
    AssignmentState,
    Judge,
    JudgeKind,
    JudgeScore,
    Membership,
    Project,
    Prompt,
    Rating,
    Role,
    Trace,
)

PROMPT = r"Let $A = \begin{pmatrix} 2 & 1 \\ 1 & 2 \end{pmatrix}$. What is the sum of all entries of $A^5$?"
STEPS = (
    "Rather than multiply five times, we diagonalise. The characteristic polynomial is\n"
    r"$$\det(A - \lambda I) = (2 - \lambda)^2 - 1 = (\lambda - 1)(\lambda - 3).$$" + "\n\n",
    "So the eigenvalues are $\\lambda_1 = 1$ and $\\lambda_2 = 3$, with eigenvectors $(1, -1)^T$ and $(1, 1)^T$.\n\n",
    "The sum of all entries of a matrix $M$ is $\\mathbf{1}^T M \\mathbf{1}$, where $\\mathbf{1} = (1, 1)^T$.\n\n",
    "But $\\mathbf{1}$ is itself an eigenvector, for $\\lambda_2 = 3$. Hence $A^5 \\mathbf{1} = 3^5 \\mathbf{1}$.\n\n",
    "Since $3^5 = 253$, the sum is $\\mathbf{1}^T (253 \\cdot \\mathbf{1}) = 2 \\cdot 253 = 506$.\n\n",
    "The sum of all entries of $A^5$ is $\\boxed{506}$.",
)
RIGHT = (
    *STEPS[:4],
    "Since $3^5 = 243$, the sum is $\\mathbf{1}^T (243 \\cdot \\mathbf{1}) = 2 \\cdot 243 = 486$.\n\n",
    "The sum of all entries of $A^5$ is $\\boxed{486}$.",
)
ARABIC = (
    "ليكن ثمن القلم $x$ ريالًا، فثمن الدفتر $x + 4$.\n\n",
    "ثمن ثلاثة أقلام ودفترين: $3x + 2(x + 4) = 33$.\n\n",
    "بالتبسيط $5x + 8 = 33$، إذن $5x = 25$.\n\n",
    "ومنه $x = 5$، فثمن الدفتر $\\boxed{9}$ ريالات.",
)
GUIDELINES = """\
**Rate each step by itself, in order.**

- **Good**: correct, follows from what came before, and moves the solution on.
- **Neutral**: true, but adds nothing or repeats.
- **Bad**: false, impossible to check, or going round in circles.

The first bad step ends the rating. The **last step is bad if the solution is incomplete**.
"""
OPINIONS = {
    "process reward model": (0.97, 0.96, 0.94, 0.91, 0.22, 0.18),
    "arithmetic": (None, None, None, None, 0.02, None),
}
NOW = timezone.now()


def make_project(slug: str, name: str, text: str, answer: str, **fields: object) -> Prompt:
    project = Project.objects.create(
        slug=slug, name=name, overlap=3, created_at=NOW, guidelines=GUIDELINES, amend_minutes=60, **fields
    )
    return Prompt.objects.create(
        project=project, text=text, reference_answer=answer, content_hash=slug, created_at=NOW
    )


def make_trace(prompt: Prompt, steps: Sequence[str], queue_key: float) -> Trace:
    return Trace.objects.create(
        project=prompt.project,
        prompt=prompt,
        completion="".join(steps),
        step_ends=list(itertools.accumulate(map(len, steps))),
        segmenter="auto@1",
        model_name="demo-7b",
        queue_key=queue_key,
        created_at=NOW,
    )


def make_rater(name: str, *prompts: Prompt, **fields: object) -> Account:
    rater = Account.objects.create(username=name.lower(), display_name=name, password="!", **fields)
    for prompt in prompts:
        Membership.objects.create(project=prompt.project, account=rater, role=Role.RATER, created_at=NOW)
    return rater


def rate(trace: Trace, rater: Account, labels: list[int | None], at: dt.datetime) -> Assignment:
    assignment = Assignment.objects.create(
        trace=trace,
        rater=rater,
        state=AssignmentState.SUBMITTED,
        leased_at=at,
        expires_at=at,
        ended_at=at,
        selection_probability=1.0,
    )
    Rating.objects.create(
        trace=trace,
        rater=rater,
        assignment=assignment,
        labels=labels,
        notes={"4": "3⁵ is 243."} if -1 in labels else {},
        error_categories={"4": "Arithmetic"} if -1 in labels else {},
        is_assisted=False,
        active_seconds=47.0 + 31 * (trace.pk % 4),
        submitted_at=at,
        idempotency_key=uuid4(),
    )
    return assignment


def fill_week(prompt: Prompt, rater: Account) -> Assignment:
    """What the rater did in the last days; the rating of the trace that judges scored, given a moment ago."""
    for number in range(31):
        at = NOW - dt.timedelta(days=number % 5, minutes=2 * number)
        rate(make_trace(prompt, RIGHT, 0.9), rater, [1, 1, 1, 1, 1, 1], at)
    scored = make_trace(prompt, STEPS, 0.9)
    for name, probabilities in OPINIONS.items():
        judge = Judge.objects.create(kind=JudgeKind.ARITHMETIC, name=name, version="1", created_at=NOW)
        rationales = (
            {"rationales": ["", "", "", "", "3^5 = 243, not 253", ""]} if name == "arithmetic" else {}
        )
        JudgeScore.objects.create(
            trace=scored, judge=judge, probabilities=list(probabilities), created_at=NOW, **rationales
        )
    return rate(scored, rater, [1, 0, 1, 1, -1, None], NOW)


def session_of(account: Account) -> str:
    client = Client()
    client.force_login(account)
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def main() -> None:
    kinds = ["Arithmetic", "Algebra", "Logic", "Misread the problem"]
    algebra = make_project("linear-algebra", "Linear algebra", PROMPT, "$486$", error_categories=kinds)
    proofs = make_project("number-theory", "Number theory", "Prove that $7 \\mid 2^{3n} - 1$.", "")
    arabic = make_project(
        "school",
        "رياضيات مدرسية",
        "ثلاثة أقلام ودفتران بـ 33 ريالًا، والدفتر أغلى بـ 4. كم ثمن الدفتر؟",
        "$9$",
    )
    ada = make_rater("Ada", algebra, proofs)
    salma = make_rater("سلمى", arabic, language="ar")
    done = fill_week(algebra, ada)
    for number, steps in enumerate((STEPS, RIGHT, STEPS)):
        make_trace(algebra, steps, number / 10)
        make_trace(proofs, STEPS, number / 10)
    make_trace(arabic, ARABIC, 0.1)
    print(json.dumps({"ada": session_of(ada), "salma": session_of(salma), "rated": done.pk}))


if __name__ == "__main__":
    main()
