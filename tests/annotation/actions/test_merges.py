"""Merges: what goes in, what is stored, and what is not when something goes wrong."""

from __future__ import annotations

import datetime as dt
from unittest.mock import patch

import pytest

from annotation.actions import merges
from annotation.actions.beating import keep_beating
from annotation.actions.jobs import JobLost, JobNotStartable, NotOpen, start_job
from annotation.merging.data import MergeInputError, MergePolicy
from annotation.models import (
    AuditEvent,
    Choice,
    Comparison,
    JobState,
    MergedPreference,
    MergedTrace,
    MergeRun,
    Outcome,
    Project,
    Rating,
    Role,
    Trace,
)
from annotation.queries.merges import find_latest_merge, read_merge_input, summarise_merge
from annotation.tasks.default import run_merge as run_merge_task
from tests.factories import (
    NOW,
    make_gold,
    make_judge,
    make_judge_score,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_trace,
)

pytestmark = pytest.mark.django_db
LATER = NOW + dt.timedelta(minutes=1)


def clock() -> dt.datetime:
    return LATER


def start(project: Project, policy: MergePolicy | None = None) -> MergeRun:
    actor = make_member(project, Role.ENGINEER)
    return merges.start_merge(project=project, policy=policy or MergePolicy(), actor=actor, now=NOW)


def run(project: Project, policy: MergePolicy | None = None) -> MergeRun:
    merge_run = start(project, policy)
    merges.run_merge(run_id=merge_run.pk, clock=clock)
    merge_run.refresh_from_db()
    return merge_run


def make_rated_project() -> tuple[Project, Trace, Trace]:
    """Two traces of one prompt, rated alike by three raters: the first right, the second wrong from step 2 on."""
    project = make_project()
    prompt = make_prompt(project)
    right, wrong = make_trace(prompt), make_trace(prompt, steps=("3 and 4.\n", "3 + 4 = 8.\n", "It is 8."))
    for rater in [make_member(project) for _ in range(3)]:
        make_rating(right, rater, labels=(1, 1, 1))
        make_rating(wrong, rater, labels=(1, -1, None))
    return project, right, wrong


def test_a_merge_stores_a_posterior_for_every_step() -> None:
    project, right, wrong = make_rated_project()

    merge_run = run(project)

    assert merge_run.state == JobState.FINISHED
    assert merge_run.merge_version == "chain-2"
    assert merge_run.diagnostics["num_labels"] == 15
    stored = {row.trace_id: row for row in MergedTrace.objects.filter(run=merge_run)}
    assert set(stored) == {right.pk, wrong.pk}
    assert min(stored[right.pk].posterior) > 0.9
    assert stored[wrong.pk].posterior[0] > 0.8 > 0.2 > stored[wrong.pk].posterior[1]
    assert stored[wrong.pk].first_error == 1
    assert {row.provenance for row in stored.values()} == {"human"}
    assert {row.num_blind_raters for row in stored.values()} == {3}


def test_a_merge_prefers_the_right_trace_to_the_wrong_one() -> None:
    project, right, wrong = make_rated_project()

    merge_run = run(project)

    preference = MergedPreference.objects.get(run=merge_run)
    assert (preference.chosen_id, preference.rejected_id) == (right.pk, wrong.pk)
    assert preference.probability >= 0.8
    assert preference.provenance == "human"


def test_a_trace_without_any_evidence_gets_no_posterior() -> None:
    project, _, _ = make_rated_project()
    silent = make_trace(project=project)

    merge_run = run(project)

    stored = MergedTrace.objects.get(run=merge_run, trace=silent)
    assert stored.posterior == [None, None, None]
    assert (stored.p_trace, stored.first_error, stored.provenance) == (None, None, "none")


def test_a_merge_refreshes_how_much_traces_need_people() -> None:
    project = make_project()
    agreed, disputed, silent = (make_trace(project=project) for _ in range(3))
    raters = [make_member(project), make_member(project)]
    for trace, labels in ((agreed, (1, 1)), (disputed, (1, -1))):
        for rater, last in zip(raters, labels, strict=True):
            make_rating(trace, rater, labels=(1, 1, last))

    run(project, MergePolicy(name="majority"))

    needs = dict(Trace.objects.values_list("pk", "need"))
    assert needs[disputed.pk] == pytest.approx(1.0)
    assert needs[agreed.pk] == pytest.approx(0.0)
    assert needs[silent.pk] == 0.0


def test_judges_that_disagree_make_a_trace_need_people() -> None:
    project, right, _ = make_rated_project()
    make_judge_score(right, probabilities=(1.0, 1.0, 0.0))
    make_judge_score(right, probabilities=(1.0, 1.0, 1.0))

    run(project)

    right.refresh_from_db()
    assert right.need == pytest.approx(1.0)


def test_a_merge_reads_what_stood_when_it_started() -> None:
    project, right, _ = make_rated_project()
    first = right.ratings.order_by("pk").first()
    Rating.objects.filter(pk=first.pk).update(is_current=False)
    make_rating(
        right,
        assignment=first.assignment,
        revision=2,
        labels=(-1, None, None),
        submitted_at=LATER + dt.timedelta(hours=1),
    )

    before = read_merge_input(project, at=LATER)
    after = read_merge_input(project, at=LATER + dt.timedelta(hours=2))

    def labels_of(data: object) -> set[tuple[int | None, ...]]:
        rows = data.ratings  # type: ignore[attr-defined]
        return {row.labels for row in rows if row.trace_id == str(right.pk)}

    assert labels_of(before) == {(1, 1, 1)}
    assert labels_of(after) == {(1, 1, 1), (-1, None, None)}


def test_a_rating_that_gave_up_says_nothing_of_steps() -> None:
    project, right, _ = make_rated_project()
    make_rating(right, outcome=Outcome.GIVE_UP, reason="Too long", labels=(None, None, None))

    data = read_merge_input(project, at=LATER)

    assert len(data.ratings) == 6


def test_retired_traces_are_not_merged() -> None:
    project, right, wrong = make_rated_project()
    make_trace(project=project, wants_ratings=False, retired_at=NOW)

    data = read_merge_input(project, at=LATER)

    assert {row.trace_id for row in data.traces} == {str(right.pk), str(wrong.pk)}


def test_gold_judge_scores_and_comparisons_reach_the_merge() -> None:
    project, right, wrong = make_rated_project()
    make_gold(wrong, stands=(True, False, False))
    judge = make_judge(name="sums", version="2")
    make_judge_score(right, judge, probabilities=(0.9, None, 0.4))
    Comparison.objects.create(
        prompt=right.prompt,
        trace_a=right,
        trace_b=wrong,
        rater=make_member(project),
        choice=Choice.A,
        is_swapped=False,
        submitted_at=NOW,
    )

    data = read_merge_input(project, at=LATER)

    assert {row.trace_id: row.gold for row in data.traces}[str(wrong.pk)] == (1, 0, 0)
    assert data.judges[0].judge == "sums@2"
    assert data.judges[0].probabilities == (0.9, None, 0.4)
    assert data.comparisons[0].choice == "a"


def test_starting_a_merge_is_in_the_audit_log() -> None:
    project, _, _ = make_rated_project()

    merge_run = start(project, MergePolicy(recovery="learned"))

    event = AuditEvent.objects.get(verb="started a merge")
    assert (event.project, event.actor) == (project, merge_run.created_by)
    assert event.details["recovery"] == "learned"


def test_a_second_merge_waits_for_the_first() -> None:
    project, _, _ = make_rated_project()
    first = start(project)

    with pytest.raises(merges.MergeAlreadyOpen) as raised:
        start(project)

    assert raised.value.run == first
    assert MergeRun.objects.count() == 1


def test_nothing_to_merge_is_said_and_nothing_is_queued() -> None:
    project = make_project()
    make_trace(project=project)

    with pytest.raises(merges.NothingToMerge):
        start(project)

    assert not MergeRun.objects.exists()


def test_a_merge_that_died_runs_again_and_stores_once() -> None:
    project, _, _ = make_rated_project()
    merge_run = start(project)
    with patch("annotation.actions.merges._store", side_effect=MemoryError), pytest.raises(MemoryError):
        merges.run_merge(run_id=merge_run.pk, clock=lambda: NOW)
    assert not MergedTrace.objects.exists()

    merges.run_merge(run_id=merge_run.pk, clock=clock)  # a minute later: the first worker counts as dead

    merge_run.refresh_from_db()
    assert (merge_run.state, merge_run.num_attempts) == (JobState.FINISHED, 2)
    assert MergedTrace.objects.filter(run=merge_run).count() == 2


def test_a_cancelled_merge_stores_nothing() -> None:
    project, _, _ = make_rated_project()
    merge_run = start(project)
    real_merge = merges.merge

    def cancel_meanwhile(*args: object) -> object:
        merges.cancel_merge(run=MergeRun.objects.get(pk=merge_run.pk), actor=merge_run.created_by, now=LATER)
        return real_merge(*args)  # type: ignore[arg-type]

    with patch("annotation.actions.merges.merge", cancel_meanwhile), pytest.raises(JobLost):
        merges.run_merge(run_id=merge_run.pk, clock=clock)

    assert not MergedTrace.objects.exists()
    merge_run.refresh_from_db()
    assert merge_run.state == JobState.CANCELLED


def test_a_finished_merge_can_not_be_cancelled() -> None:
    project, _, _ = make_rated_project()
    merge_run = run(project)

    with pytest.raises(NotOpen, match="finished already"):
        merges.cancel_merge(run=merge_run, actor=merge_run.created_by, now=LATER)


def test_rows_that_contradict_each_other_fail_the_merge_with_a_sentence() -> None:
    project, _, _ = make_rated_project()
    merge_run = start(project)

    with patch("annotation.actions.merges.merge", side_effect=MergeInputError("Trace 3 has no steps.")):
        merges.run_merge(run_id=merge_run.pk, clock=clock)

    merge_run.refresh_from_db()
    assert (merge_run.state, merge_run.error) == (JobState.FAILED, "Trace 3 has no steps.")


def test_the_task_leaves_a_finished_merge_alone() -> None:
    project, _, _ = make_rated_project()
    merge_run = run(project)

    run_merge_task(merge_run.pk)

    with pytest.raises(JobNotStartable):
        merges.run_merge(run_id=merge_run.pk, clock=clock)
    assert MergedTrace.objects.filter(run=merge_run).count() == 2


def test_a_summary_tells_what_rests_on_what() -> None:
    project, right, _ = make_rated_project()
    make_trace(project=project)
    make_judge_score(right)

    merge_run = run(project)
    summary = summarise_merge(merge_run)

    assert {row.provenance.value: row.num_traces for row in summary.provenances} == {
        "human": 2,
        "hybrid": 0,
        "ai": 0,
        "gold": 0,
        "none": 1,
    }
    assert summary.num_steps == 6
    assert sum(bin.num_steps for bin in summary.bins) == 6
    assert len(summary.raters) == 3
    assert not summary.calibrations[0].is_calibrated
    assert summary.calibrations[0].reason
    assert find_latest_merge(project) == merge_run


@pytest.mark.django_db(transaction=True)
def test_a_long_computation_shows_signs_of_life() -> None:
    project, _, _ = make_rated_project()
    merge_run = start_job(MergeRun, start(project).pk, now=NOW, stall_seconds=30)

    with keep_beating(merge_run, clock=clock, every_seconds=0.01):
        for _ in range(500):
            merge_run.refresh_from_db()
            if merge_run.touched_at == LATER:
                break

    assert merge_run.touched_at == LATER
