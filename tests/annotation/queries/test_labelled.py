"""Which traces have a label, and which of them an export was made of."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from annotation.models import Account, JobState, MergeRun, Project, Role, Trace
from annotation.queries.labelled import Labelled, count_labelled
from annotation.queries.progress import get_progress
from exports.models import Export
from tests.factories import NOW, make_member, make_project, make_prompt, make_trace

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def admin(project: Project) -> Account:
    return make_member(project, Role.ADMIN)


def make_merge(
    project: Project, admin: Account, *labelled: Trace, without: tuple[Trace, ...] = ()
) -> MergeRun:
    """A finished merge in which the first traces have a label, and those `without` it none."""
    at = NOW + dt.timedelta(minutes=MergeRun.objects.count())
    run = MergeRun.objects.create(
        project=project,
        created_by=admin,
        queued_at=at,
        touched_at=at,
        state=JobState.FINISHED,
        finished_at=at,
    )
    for trace in labelled:
        run.merged_traces.create(trace=trace, posterior=[1.0] * 3, p_trace=1.0, provenance="human")
    for trace in without:
        run.merged_traces.create(trace=trace, posterior=[None] * 3, p_trace=None, provenance="none")
    return run


def make_export(run: MergeRun, admin: Account, **fields: Any) -> Export:
    finished = {"state": JobState.FINISHED, "finished_at": NOW, "manifest": {}, "content_hash": "x"}
    times = {"queued_at": NOW, "touched_at": NOW}
    return Export.objects.create(
        project=run.project,
        created_by=admin,
        merge_run=run,
        configs=["sft"],
        **{**times, **finished, **fields},
    )


def test_without_a_merge_nothing_is_labelled(project: Project) -> None:
    make_trace(make_prompt(project))

    assert count_labelled(project) == Labelled(0, 0)


def test_a_trace_counts_as_exported_once_a_finished_export_had_its_label(
    project: Project, admin: Account
) -> None:
    first, second = (make_trace(make_prompt(project)) for _ in range(2))
    run = make_merge(project, admin, first, without=(second,))
    export = make_export(run, admin, state=JobState.QUEUED, finished_at=None, manifest=None)
    assert count_labelled(project) == Labelled(0, 1)

    Export.objects.filter(pk=export.pk).update(
        state=JobState.FINISHED, finished_at=NOW, manifest={}, content_hash="x"
    )

    assert count_labelled(project) == Labelled(1, 0)


def test_a_trace_of_several_exported_merges_counts_once(project: Project, admin: Account) -> None:
    trace, late = (make_trace(make_prompt(project)) for _ in range(2))
    for _ in range(2):
        make_export(make_merge(project, admin, trace), admin)
    make_merge(project, admin, trace, late)

    assert count_labelled(project) == Labelled(1, 1)


def test_a_label_that_only_an_older_merge_gave_is_not_waited_for(project: Project, admin: Account) -> None:
    trace = make_trace(make_prompt(project))
    make_merge(project, admin, trace)
    make_merge(project, admin, without=(trace,))

    assert count_labelled(project) == Labelled(0, 0)


def test_an_export_of_several_projects_counts_for_each_of_them(project: Project, admin: Account) -> None:
    other = make_project()
    mine, theirs = make_trace(make_prompt(project)), make_trace(make_prompt(other))
    export = make_export(make_merge(project, admin, mine), admin)
    export.other_runs.add(make_merge(other, admin, theirs))

    assert count_labelled(project) == Labelled(1, 0)
    assert count_labelled(other) == Labelled(1, 0)


def test_replaced_traces_are_not_counted(project: Project, admin: Account) -> None:
    trace = make_trace(make_prompt(project), retired_at=NOW, wants_ratings=False)
    make_merge(project, admin, trace)

    assert count_labelled(project) == Labelled(0, 0)


def test_failed_exports_of_the_last_week_are_counted(project: Project, admin: Account) -> None:
    run = make_merge(project, admin)
    failed = {"state": JobState.FAILED, "manifest": None, "content_hash": "", "error": "The disk is full."}
    make_export(run, admin, **failed)
    make_export(run, admin, **failed | {"finished_at": NOW.replace(year=NOW.year - 1)})
    make_export(run, admin)
    make_export(make_merge(make_project(), admin), admin, **failed)

    assert get_progress(project, now=NOW).num_failed_exports == 1
