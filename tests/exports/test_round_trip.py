"""Real step-labelled traces go in as ratings and come out label for label (where ../shared/data is there)."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pyarrow.parquet as pq
import pytest

from annotation.merging.data import MergePolicy
from annotation.models import Assignment, Project, Prompt, Rating, Role, Trace
from config.paths import BASE_DIR
from exports import actions
from exports.labels import BAD, GOOD, MASKED
from exports.policy import ExportPolicy
from tests.exports.worlds import clock
from tests.factories import NOW, make_member, make_project

FOLDER = BASE_DIR.parent / "shared" / "data" / "big-bench-mistake"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the traces are not in ../shared/data"),
]
NUM_RATERS = 2
NAMES = ("logical_deduction", "multistep_arithmetic", "word_sorting")


@dataclass(frozen=True)
class Labelled:
    """A trace of the data set: its problem, its steps, and the place of the first mistake (None: there is none)."""

    problem: str
    steps: tuple[str, ...]
    mistake: int | None

    @property
    def key(self) -> tuple[str, str]:
        return self.problem, "".join(self.steps)


def read(name: str) -> list[Labelled]:
    found = {}
    for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        steps = tuple(step.rstrip("\n") + "\n" for step in row["steps"])
        trace = Labelled(row["input"], steps, row["mistake_index"])
        found[trace.key] = trace
    return list(found.values())


def rate(trace: Labelled) -> list[int | None]:
    """What a rater says who stops at the first mistake."""
    if trace.mistake is None:
        return [1] * len(trace.steps)
    return [1] * trace.mistake + [-1] + [None] * (len(trace.steps) - trace.mistake - 1)


def store(traces: list[Labelled]) -> Project:
    project = make_project()
    raters = [make_member(project) for _ in range(NUM_RATERS)]
    texts = list(dict.fromkeys(trace.problem for trace in traces))
    prompts = Prompt.objects.bulk_create(
        Prompt(
            project=project,
            text=text,
            content_hash=hashlib.sha256(text.encode()).hexdigest(),
            created_at=NOW,
        )
        for text in texts
    )
    prompt_of = dict(zip(texts, prompts, strict=True))
    rows = Trace.objects.bulk_create(
        Trace(
            project=project,
            prompt=prompt_of[trace.problem],
            completion="".join(trace.steps),
            step_ends=list(itertools.accumulate(len(step) for step in trace.steps)),
            segmenter="lines@1",
            model_name="BIG-Bench-Mistake",
            queue_key=random.random(),
            created_at=NOW,
        )
        for trace in traces
    )
    for rater in raters:
        leased = Assignment.objects.bulk_create(
            Assignment(
                trace=row,
                rater=rater,
                state="submitted",
                leased_at=NOW,
                expires_at=NOW,
                ended_at=NOW,
                selection_probability=1.0,
            )
            for row in rows
        )
        Rating.objects.bulk_create(
            Rating(
                trace=row,
                rater=rater,
                assignment=assignment,
                labels=rate(trace),
                is_assisted=False,
                submitted_at=NOW,
                idempotency_key=uuid4(),
            )
            for row, trace, assignment in zip(rows, traces, leased, strict=True)
        )
    return project


def export(project: Project) -> Path:
    started = actions.start_export(
        project=project,
        merge=MergePolicy(),
        configs=("stepwise",),
        form="standard",
        policy=ExportPolicy(after_error="mask"),
        actor=make_member(project, Role.ENGINEER),
        now=NOW,
    )
    actions.write_export(export_id=started.pk, clock=clock)
    started.refresh_from_db()
    return actions.folder_of(started)


@pytest.mark.parametrize("name", NAMES)
def test_labels_of_people_come_back_label_for_label(name: str) -> None:
    traces = {trace.key: trace for trace in read(name)}

    folder = export(store(list(traces.values())))

    rows = [
        row
        for path in folder.glob("stepwise/*")
        for row in pq.read_table(path, partitioning=None).to_pylist()
    ]
    assert len(rows) == len(traces)
    wrong = []
    for row in rows:
        trace = traces[row["prompt"], "".join(row["completions"])]
        assert tuple(row["completions"]) == trace.steps
        expected = [{1: GOOD, -1: BAD, None: MASKED}[label] for label in rate(trace)]
        if row["labels"] != expected:
            wrong.append((row["trace_id"], row["labels"], expected))
    assert wrong == []
