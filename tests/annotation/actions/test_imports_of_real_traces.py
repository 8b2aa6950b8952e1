"""Real data sets, imported as people bring them and compared with their files; skipped where they are not there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from annotation.actions.import_rows import inspect_source, run_import
from annotation.actions.imports import ImportPlan, add_file_source, start_import
from annotation.importing.layouts import guess_layout, guess_mapping
from annotation.importing.rows import Row
from annotation.models import ImportRun, Project, Prompt, Rating, Trace
from annotation.rules.segmentation import split_steps
from tests.factories import NOW, make_account, make_project

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not DATA.is_dir(), reason="shared/data is not there"),
]


@pytest.fixture(autouse=True)
def uploads(tmp_path: Path, settings: Any) -> None:
    settings.UPLOADS_DIR = tmp_path


def read(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def bring(path: Path, *, project: Project, **plan: Any) -> ImportRun:
    """The whole file, as its layout is guessed, with what the plan says otherwise."""
    with path.open("rb") as file:
        source = add_file_source(
            project=project, file=file, file_name=path.name, actor=make_account(), now=NOW
        )
    inspect_source(source_id=source.pk, clock=lambda: NOW)
    source.refresh_from_db()
    sample = [Row(row["number"], row["values"]) for row in source.sample]
    layout = guess_layout(source.columns, sample)
    guessed: dict[str, Any] = {"mapping": guess_mapping(layout, source.columns)}
    run = start_import(
        source=source,
        plan=ImportPlan(layout=layout.key, **{**guessed, **plan}),
        actor=make_account(),
        now=NOW,
    )
    run_import(run_id=run.pk, clock=lambda: NOW)
    run.refresh_from_db()
    return run


def test_the_test_problems_of_gsm8k_come_with_their_final_numbers() -> None:
    path = DATA / "gsm8k" / "test.jsonl"

    run = bring(path, project=make_project())

    expected = {row["question"]: row["answer"].rpartition("####")[2].strip() for row in read(path)}
    stored = dict(Prompt.objects.values_list("text", "ground_truth"))
    assert run.layout == "gsm8k"
    assert (run.num_read, run.num_refused) == (1319, 0)
    assert stored == expected
    assert set(Prompt.objects.values_list("verifier", flat=True)) == {"numeric"}


@pytest.mark.parametrize("name", ["logical_deduction", "multistep_arithmetic", "word_sorting"])
def test_marked_mistakes_come_label_for_label_with_their_very_steps(name: str) -> None:
    path = DATA / "big-bench-mistake" / f"{name}.jsonl"

    run = bring(path, project=make_project(), segmenter="auto@1", rater_name="BIG-Bench Mistake")

    rows = list(read(path))
    by_number = {trace.sampling["line"]: trace for trace in Trace.objects.all()}
    labels = dict(Rating.objects.values_list("trace", "labels"))
    compared = 0
    for number, row in enumerate(rows, start=1):
        trace = by_number.get(number)
        if trace is None:
            continue  # the same prompt and steps stand in an earlier line, or the row was refused
        steps = [step.rstrip("\n") for step in split_steps(trace.completion, trace.step_ends)]
        error = row["mistake_index"]
        good = len(steps) if error is None else error
        behind = [] if error is None else [-1, *[None] * (len(steps) - good - 1)]
        assert steps == [step.rstrip("\n") for step in row["steps"]]
        assert labels[trace.pk] == [1] * good + behind
        compared += 1
    assert run.layout == "steps"
    assert compared + run.num_refused + run.num_duplicates == len(rows) == 300
    assert compared > 290


def test_bringing_real_traces_again_changes_nothing() -> None:
    path, project = DATA / "big-bench-mistake" / "multistep_arithmetic.jsonl", make_project()
    plan = {"segmenter": "auto@1", "rater_name": "BIG-Bench Mistake"}
    bring(path, project=project, **plan)
    before = (Prompt.objects.count(), Trace.objects.count(), Rating.objects.count())

    again = bring(path, project=project, **plan)

    assert (again.num_prompts, again.num_traces, again.num_ratings) == (0, 0, 0)
    assert again.num_duplicates + again.num_refused == again.num_read == 300
    assert (Prompt.objects.count(), Trace.objects.count(), Rating.objects.count()) == before
