"""A worker's part in a judge run: scores, failures and needs stored with the chunk's end, exactly once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch

import pytest
from django.utils import timezone

from annotation.actions import chunked, jobs, judge, judge_runs
from annotation.actions.jobs import JobLost, JobNotStartable
from annotation.actions.local_judges import open_local_judge
from annotation.judging.judge import JudgedTrace, NoOpinion, Opinion, never
from annotation.models import JobState, Judge, JudgeKind, JudgeRun, JudgeScore, Trace
from annotation.queries.judge_runs import get_run_progress
from tests.annotation.actions.test_generate import Ticking
from tests.factories import (
    NOW,
    make_account,
    make_judge,
    make_judge_score,
    make_model_spec,
    make_project,
    make_prompt,
    make_trace,
)
from tests.rl_bridge import tiny

pytestmark = pytest.mark.django_db
RUBRIC = "Problem: {problem}{reference}\nSo far:\n{steps}\nIs the last step correct? Yes or no?"


class ScriptedJudge:
    """A judge whose opinion a test writes."""

    def __init__(
        self, opinion: Opinion | NoOpinion, *, on_trace: Callable[[], object] = lambda: None
    ) -> None:
        self._opinion = opinion
        self._on_trace = on_trace
        self.seen: list[JudgedTrace] = []

    def score(
        self, traces: Sequence[JudgedTrace], should_stop: Callable[[], bool] = never
    ) -> list[Opinion | NoOpinion]:
        for trace in traces:
            should_stop()
            self._on_trace()
            self.seen.append(trace)
        return [self._opinion for _ in traces]


def launch(*traces: Trace, by: Judge | None = None) -> JudgeRun:
    return judge_runs.launch_judge_run(
        project=traces[0].project, judge=by or make_judge(), actor=make_account(), now=NOW
    )


def run_all(run: JudgeRun, scripted: ScriptedJudge | None = None) -> None:
    for chunk in run.chunks.all():
        if scripted is None:
            judge.judge_chunk(chunk_id=chunk.pk, clock=timezone.now, open_judge=open_local_judge)
        else:
            judge.judge_chunk(
                chunk_id=chunk.pk, clock=Ticking(), open_judge=lambda row: judge.OpenedJudge(scripted)
            )
    run.refresh_from_db()


def test_the_arithmetic_judge_scores_traces_end_to_end() -> None:
    trace = make_trace(steps=("3 + 4 = 7\n", "So.\n", "7 * 2 = 15"))
    run = launch(trace, by=make_judge(kind=JudgeKind.ARITHMETIC))

    run_all(run)

    score = JudgeScore.objects.get()
    assert score.probabilities == [0.9, None, 0.02]
    assert score.rationales[2] == "7 * 2 = 15 is wrong: 7 * 2 is 14."
    assert (run.state, run.chunks.get().failures) == (JobState.FINISHED, [])


def test_the_likelihood_judge_scores_traces_end_to_end(tmp_path: Path) -> None:
    spec = make_model_spec(location=str(tiny.write_model(tmp_path / "tiny", tiny.build_llama())))
    trace = make_trace()

    run_all(
        launch(trace, by=make_judge(kind=JudgeKind.LIKELIHOOD, model_spec=spec, settings={"rubric": RUBRIC}))
    )

    [probabilities] = JudgeScore.objects.values_list("probabilities", flat=True)
    assert len(probabilities) == trace.num_steps
    assert all(0 < p < 1 for p in probabilities)


def test_a_judge_sees_the_reference_answer_only_where_it_may() -> None:
    trace = make_trace(make_prompt(reference_answer="7"))
    opinion = Opinion((0.5, 0.5, 0.5))
    blind, seeing = ScriptedJudge(opinion), ScriptedJudge(opinion)

    run_all(launch(trace, by=make_judge(sees_reference=False)), blind)
    run_all(launch(trace, by=make_judge(sees_reference=True)), seeing)

    assert (blind.seen[0].reference_answer, seeing.seen[0].reference_answer) == (None, "7")
    assert "".join(blind.seen[0].steps) == trace.completion


def test_a_trace_without_opinion_is_a_failure_and_the_rest_goes_on() -> None:
    trace = make_trace()
    run = launch(trace)

    run_all(run, ScriptedJudge(NoOpinion("Too long.")))

    assert run.chunks.get().failures == [{"trace_id": trace.pk, "reason": "Too long."}]
    assert run.state == JobState.FINISHED
    assert not JudgeScore.objects.exists()


def test_a_trace_deleted_meanwhile_is_a_failure() -> None:
    project = make_project()
    kept, gone = make_trace(make_prompt(project)), make_trace(make_prompt(project))
    run = launch(kept, gone)
    gone.delete()

    run_all(run, ScriptedJudge(Opinion((0.5, 0.5, 0.5))))

    assert "was deleted" in run.chunks.get().failures[0]["reason"]
    assert JudgeScore.objects.get().trace == kept


def test_a_convincing_wrong_answer_needs_people_once_it_is_judged() -> None:
    trace = make_trace(is_answer_correct=False)

    run_all(launch(trace), ScriptedJudge(Opinion((0.9, None, 0.8))))

    trace.refresh_from_db()
    assert trace.need == pytest.approx(0.8)


def test_judges_that_disagree_raise_the_need() -> None:
    trace = make_trace()
    make_judge_score(trace, probabilities=(0.0, 1.0, 1.0))

    run_all(launch(trace), ScriptedJudge(Opinion((1.0, 1.0, 1.0))))

    trace.refresh_from_db()
    assert trace.need == pytest.approx(1.0)


def test_a_judge_that_says_nothing_leaves_the_need_alone() -> None:
    trace = make_trace(is_answer_correct=False)

    run_all(launch(trace), ScriptedJudge(Opinion((None, None, None))))

    trace.refresh_from_db()
    assert trace.need == 0.0


def test_a_chunk_is_judged_once_however_often_its_message_comes() -> None:
    run = launch(make_trace())
    run_all(run, ScriptedJudge(Opinion((0.5, 0.5, 0.5))))

    with pytest.raises(JobNotStartable):
        run_all(run, ScriptedJudge(Opinion((0.1, 0.1, 0.1))))

    assert JudgeScore.objects.get().probabilities == [0.5, 0.5, 0.5]


def test_a_cancel_in_the_middle_stores_nothing() -> None:
    project = make_project()
    run = launch(make_trace(make_prompt(project)), make_trace(make_prompt(project)))

    def cancel() -> None:
        run.refresh_from_db()
        if run.is_open:
            judge_runs.cancel_judge_run(run=run, actor=make_account(), now=NOW)

    with pytest.raises(JobLost):
        run_all(run, ScriptedJudge(Opinion((0.5, 0.5, 0.5)), on_trace=cancel))

    assert not JudgeScore.objects.exists()


def test_a_score_stored_meanwhile_stays() -> None:
    trace, row = make_trace(), make_judge()
    run = launch(trace, by=row)
    make_judge_score(trace, row, (0.1, 0.2, 0.3))

    run_all(run, ScriptedJudge(Opinion((0.9, 0.9, 0.9))))

    assert JudgeScore.objects.get().probabilities == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": JudgeKind.LIKELIHOOD}, "has no model"),
        ({"kind": JudgeKind.LIKELIHOOD, "model_spec": "/no/such/folder"}, "There is no folder"),
    ],
)
def test_a_judge_that_cannot_work_fails_its_run_with_a_sentence(fields: dict[str, str], words: str) -> None:
    location = fields.pop("model_spec", None) if isinstance(fields, dict) else None
    spec = make_model_spec(location=location) if location else None
    run = launch(make_trace(), by=make_judge(**{**fields, "model_spec": spec}))

    run_all(run)

    assert run.state == JobState.FAILED
    assert words in run.error
    assert words in run.chunks.get().failures[0]["reason"]


def test_a_run_has_a_start_and_an_end() -> None:
    run = launch(make_trace())

    run_all(run, ScriptedJudge(Opinion((0.5, 0.5, 0.5))))

    assert run.started_at is not None
    assert run.finished_at is not None
    assert NOW < run.started_at < run.finished_at < NOW + dt.timedelta(minutes=5)


def test_traces_of_a_chunk_that_is_given_up_are_counted_and_judged_by_the_next_run() -> None:
    trace, row = make_trace(), make_judge()
    launched = launch(trace, by=row)
    launched.chunks.update(state=JobState.RUNNING, num_attempts=5, started_at=NOW)

    with patch("annotation.jobs.count_waiting", return_value=0):
        jobs.reap_jobs(now=NOW + dt.timedelta(minutes=2), stall_seconds=30, max_attempts=5)
    chunked.settle_abandoned(now=NOW)

    launched.refresh_from_db()
    progress = get_run_progress(launched, now=NOW)
    assert launched.state == JobState.FAILED
    assert progress.num_failed == 1
    assert "died 5 times" in progress.failures.reasons[0].reason
    run_all(launch(trace, by=row), ScriptedJudge(Opinion((0.5, 0.5, 0.5))))
    assert JudgeScore.objects.get().trace == trace


def test_an_error_that_nobody_foresaw_fails_the_chunk_at_once() -> None:
    run = launch(make_trace())

    def give_up() -> None:
        raise IndexError("list index out of range")

    run_all(run, ScriptedJudge(Opinion((0.5, 0.5, 0.5)), on_trace=give_up))

    assert (run.state, run.error) == (JobState.FAILED, "IndexError: list index out of range")
    assert run.chunks.get().failures[0]["reason"] == run.error
