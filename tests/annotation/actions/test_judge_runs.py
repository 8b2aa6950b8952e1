"""Launching, cancelling and closing judge runs; the judges that come with the product."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from annotation.actions import chunked, jobs, judge_runs
from annotation.models import AuditEvent, JobState, Judge, JudgeKind, JudgeRun, Project
from tests.factories import (
    NOW,
    make_account,
    make_batch,
    make_judge,
    make_judge_score,
    make_project,
    make_prompt,
    make_trace,
)

pytestmark = pytest.mark.django_db
LATER = NOW + dt.timedelta(seconds=40)


def launch(project: Project, judge: Judge, **options: Any) -> JudgeRun:
    return judge_runs.launch_judge_run(project=project, judge=judge, actor=make_account(), now=NOW, **options)


def judged_by(run: JudgeRun) -> list[int]:
    return [trace_id for chunk in run.chunks.all() for trace_id in chunk.trace_ids]


def test_the_built_in_judges_are_made_once() -> None:
    first = judge_runs.ensure_builtin_judges(now=NOW)
    second = judge_runs.ensure_builtin_judges(now=LATER)

    assert first == second
    assert {judge.kind for judge in first} == {JudgeKind.ARITHMETIC, JudgeKind.LIKELIHOOD}
    assert Judge.objects.count() == 2


def test_the_likelihood_judge_carries_its_rubric_and_says_how_good_it_is() -> None:
    judge = next(j for j in judge_runs.ensure_builtin_judges(now=NOW) if j.kind == JudgeKind.LIKELIHOOD)

    assert "{steps}" in judge.settings["rubric"]
    assert judge.model_spec is not None
    assert "AUC 0.45" in judge.note
    assert judge.version.startswith("1-")


def test_a_run_takes_all_current_traces_the_judge_has_not_scored() -> None:
    project, judge = make_project(), make_judge()
    new, old, retired = (make_trace(make_prompt(project)) for _ in range(3))
    make_judge_score(old, judge)
    retired.retired_at, retired.wants_ratings = NOW, False
    retired.save()
    make_trace()  # of another project

    run = launch(project, judge)

    assert judged_by(run) == [new.pk]
    assert run.num_traces == 1


def test_a_score_of_another_version_does_not_count() -> None:
    trace = make_trace()
    make_judge_score(trace, make_judge(name="likelihood", version="1"))

    run = launch(trace.project, make_judge(name="likelihood", version="2"))

    assert judged_by(run) == [trace.pk]


def test_a_run_may_be_for_one_batch() -> None:
    project = make_project()
    batch = make_batch(project)
    own = make_trace(make_prompt(project), batch=batch, sample_index=0)
    make_trace(make_prompt(project))

    assert judged_by(launch(project, make_judge(), batch=batch)) == [own.pk]


def test_chunks_of_a_model_judge_are_small() -> None:
    project = make_project()
    prompt = make_prompt(project)
    for _ in range(20):
        make_trace(prompt)

    run = launch(project, make_judge(kind=JudgeKind.LIKELIHOOD))
    quick = launch(project, make_judge(kind=JudgeKind.ARITHMETIC))

    assert [len(chunk.trace_ids) for chunk in run.chunks.all()] == [8, 8, 4]
    assert [len(chunk.trace_ids) for chunk in quick.chunks.all()] == [20]


def test_chunks_are_queued_on_commit(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[tuple[str, int]] = []
    monkeypatch.setattr("annotation.jobs.send", lambda name, pk: sent.append((name, pk)))
    trace = make_trace()

    with django_capture_on_commit_callbacks(execute=True):
        run = launch(trace.project, make_judge())

    assert sent == [("annotation.judge_chunk", run.chunks.get().pk)]


def test_with_nothing_left_to_judge_there_is_no_run() -> None:
    trace, judge = make_trace(), make_judge()
    make_judge_score(trace, judge)

    with pytest.raises(judge_runs.NothingToJudge):
        launch(trace.project, judge)

    assert not JudgeRun.objects.exists()


def test_a_judge_runs_once_at_a_time_on_a_project() -> None:
    trace, judge = make_trace(), make_judge()
    run = launch(trace.project, judge)

    with pytest.raises(judge_runs.RunAlreadyOpen) as caught:
        launch(trace.project, judge)

    assert caught.value.run == run


def test_cancelling_closes_run_and_chunks() -> None:
    trace = make_trace()
    run = launch(trace.project, make_judge())

    judge_runs.cancel_judge_run(run=run, actor=make_account(), now=LATER)

    run.refresh_from_db()
    assert (run.state, run.chunks.get().state) == (JobState.CANCELLED, JobState.CANCELLED)
    assert set(AuditEvent.objects.values_list("verb", flat=True)) == {
        "launched a judge run",
        "cancelled a judge run",
    }


def test_a_run_that_is_done_cannot_be_cancelled() -> None:
    trace = make_trace()
    run = launch(trace.project, make_judge())
    judge_runs.cancel_judge_run(run=run, actor=make_account(), now=NOW)

    with pytest.raises(jobs.NotOpen, match="is cancelled already"):
        judge_runs.cancel_judge_run(run=run, actor=make_account(), now=LATER)


@pytest.mark.parametrize("state", [JobState.FINISHED, JobState.FAILED])
def test_a_run_whose_chunks_are_all_closed_is_settled(state: JobState) -> None:
    trace = make_trace()
    run = launch(trace.project, make_judge())
    run.chunks.update(state=state, finished_at=NOW, error="no memory")

    assert chunked.settle_abandoned(now=LATER) == 1

    run.refresh_from_db()
    assert run.state == state


def test_a_run_with_an_open_chunk_stays_open() -> None:
    run = launch(make_trace().project, make_judge())

    chunked.settle(JudgeRun, run.pk, now=LATER)

    run.refresh_from_db()
    assert run.is_open
