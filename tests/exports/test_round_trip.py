"""Real step-labelled traces go in as ratings and come out label for label (where ../shared/data is there)."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from django.conf import LazySettings

from annotation.merging.data import MergePolicy
from annotation.models import Assignment, Project, Prompt, Rating, Role, Trace
from config.paths import BASE_DIR
from exports import actions
from exports.labels import BAD, GOOD, MASKED
from exports.policy import ExportPolicy
from tests.annotation.actions.test_imports_of_real_traces import bring
from tests.exports.worlds import clock
from tests.factories import NOW, make_member, make_project

FOLDER = BASE_DIR.parent / "shared" / "data" / "big-bench-mistake"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the traces are not in ../shared/data"),
]
NUM_RATERS = 2
NAMES = ("logical_deduction", "multistep_arithmetic", "word_sorting")
ALL_TRAIN = ExportPolicy(after_error="mask", minimum_raters=1, validation_share=0.0, test_share=0.0)


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


def export(project: Project, merge: MergePolicy, policy: ExportPolicy) -> list[dict[str, Any]]:
    """The rows of a stepwise export."""
    started = actions.start_export(
        project=project,
        merge=merge,
        configs=("stepwise",),
        form="standard",
        policy=policy,
        actor=make_member(project, Role.ENGINEER),
        now=NOW,
    )
    actions.write_export(export_id=started.pk, clock=clock)
    started.refresh_from_db()
    assert started.error == ""
    return [
        row
        for path in actions.folder_of(started).glob("stepwise/*")
        for row in pq.read_table(path, partitioning=None).to_pylist()
    ]


def find_wrong(rows: list[dict[str, Any]], traces: dict[tuple[str, str], Labelled]) -> list[Any]:
    """Rows whose steps or labels are not those of the data set."""
    wrong = []
    for row in rows:
        trace = traces[row["prompt"], "".join(row["completions"]).rstrip("\n")]
        expected = [{1: GOOD, -1: BAD, None: MASKED}[label] for label in rate(trace)]
        steps = [step.rstrip("\n") for step in row["completions"]]
        if row["labels"] != expected or steps != [step.rstrip("\n") for step in trace.steps]:
            wrong.append((row["trace_id"], row["labels"], expected))
    return wrong


@pytest.fixture
def uploads(tmp_path: Path, settings: LazySettings) -> None:
    settings.UPLOADS_DIR = tmp_path / "uploads"


@pytest.mark.usefixtures("uploads")
@pytest.mark.parametrize("name", NAMES)
def test_a_labelled_data_set_that_is_imported_comes_out_label_for_label(name: str) -> None:
    """The importer guesses the layout, one imported rater holds the labels, and majority takes their word."""
    project = make_project()
    traces = {(trace.problem, "".join(trace.steps).rstrip("\n")): trace for trace in read(name)}
    run = bring(FOLDER / f"{name}.jsonl", project=project, segmenter="auto@1", rater_name="BIG-Bench Mistake")

    rows = export(project, MergePolicy("majority"), ALL_TRAIN)

    assert run.state == "finished"
    assert len(rows) == run.num_traces == run.num_read - run.num_refused - run.num_duplicates > 290
    assert find_wrong(rows, traces) == []


@pytest.mark.parametrize("name", NAMES[1:2])
def test_labels_of_two_people_come_back_through_the_chain(name: str) -> None:
    traces = {(trace.problem, "".join(trace.steps).rstrip("\n")): trace for trace in read(name)}

    rows = export(store(list(traces.values())), MergePolicy(), ExportPolicy(after_error="mask"))

    assert len(rows) == len(traces)
    assert find_wrong(rows, traces) == []
