"""Reports: asked for once at a time, computed whole, and the same when read again."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.core.management import call_command

from annotation.actions import quality_reports
from annotation.actions.jobs import JobLost, JobNotStartable, cancel_job
from annotation.measuring.more_labels import LabelValue
from annotation.measuring.reports import REPORT_VERSION, AgreementReport, JudgesReport
from annotation.measuring.stored import dump, load
from annotation.models import AuditEvent, JobState, QualityReport, ReportKind, Role
from annotation.queries.quality_reports import get_report_state, list_agreement_by_project
from annotation.tasks.default import compute_quality
from tests.annotation.quality_world import LATER, compute, make_quality_world
from tests.factories import NOW, make_member, make_project, make_rating

pytestmark = pytest.mark.django_db
KINDS = {
    ReportKind.AGREEMENT: AgreementReport,
    ReportKind.JUDGES: JudgesReport,
    ReportKind.MORE_LABELS: LabelValue,
}


def request(kind: ReportKind = ReportKind.AGREEMENT) -> QualityReport:
    project = make_rating().trace.project
    return quality_reports.request_report(
        project=project, kind=kind, actor=make_member(project, Role.ADMIN), now=NOW
    )


def test_every_kind_is_computed_and_reads_back_as_what_it_was() -> None:
    world = make_quality_world()

    for kind, of in KINDS.items():
        report = compute(world.project, kind)

        assert (report.state, report.version) == (JobState.FINISHED, REPORT_VERSION)
        assert report.error == ""
        read = load(of, report.found)
        assert isinstance(read, of)
        assert load(of, dump(read)) == read


def test_what_is_computed_recovers_what_the_world_was_made_of() -> None:
    world = make_quality_world(60)

    agreement = load(AgreementReport, compute(world.project, ReportKind.AGREEMENT).found)
    judges = load(JudgesReport, compute(world.project, ReportKind.JUDGES).found)
    more = load(LabelValue, compute(world.project, ReportKind.MORE_LABELS).found)

    assert agreement.num_ratings + agreement.num_assisted == 180
    assert agreement.num_simulated > 20
    assert {group.name for group in agreement.by_model} == {"model-0", "model-1"}
    assert {one.name for one in agreement.by_category} == {"Calculation", "Logic: does not follow"}
    assert len(agreement.pairs) == 3
    assert agreement.errors_everywhere is not None
    assert agreement.errors_everywhere.low < 0.5 < agreement.errors_everywhere.high
    (judge,) = judges.judges
    assert judge.quality.judge == world.judge.pk
    assert (judge.quality.overall.auc.value or 0) > 0.8
    assert (judge.anchoring.verdicts.low or 0) > 0  # raters who saw its scores followed them
    assert judge.anchoring.num_assisted + judge.anchoring.num_blind == 180
    assert more.label_error is not None
    assert more.num_calibrated == more.num_repeats
    assert more.label_error.seen[-1].value < more.label_error.seen[0].value


def test_a_small_project_gets_reports_that_say_little_and_nothing_false() -> None:
    rating = make_rating()
    project = rating.trace.project

    agreement = load(AgreementReport, compute(project, ReportKind.AGREEMENT).found)
    judges = load(JudgesReport, compute(project, ReportKind.JUDGES).found)
    more = load(LabelValue, compute(project, ReportKind.MORE_LABELS).found)

    assert agreement.overall.prevalence.value is agreement.overall.agreed.value is None
    assert agreement.errors_everywhere is None
    assert judges.judges == ()
    assert (more.num_rated, more.label_error, more.interval_width) == (1, None, None)


def test_asking_is_noted_and_queued_once_the_row_is_stored(
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[list[object]]],
) -> None:
    sent: list[tuple[str, int]] = []
    monkeypatch.setattr("annotation.jobs.send", lambda name, job_id: sent.append((name, job_id)))

    with django_capture_on_commit_callbacks(execute=True):
        report = request()
        assert sent == []

    assert sent == [("annotation.compute_quality", report.pk)]
    assert (report.state, report.queued_at) == (JobState.QUEUED, NOW)
    assert AuditEvent.objects.get().verb == "asked for a report"


def test_the_demo_has_something_to_show_on_every_page() -> None:
    call_command("ensure_demo", stdout=io.StringIO())
    for report in QualityReport.objects.all():
        quality_reports.compute_report(report_id=report.pk, clock=lambda: LATER.replace(year=2030))

    found = {report.kind: report.found for report in QualityReport.objects.all()}

    agreement = load(AgreementReport, found["agreement"])
    judges = load(JudgesReport, found["judges"])
    assert agreement.overall.agreed.value is not None
    assert agreement.errors_everywhere is not None
    assert agreement.disputed
    assert any(one.quality.overall.auc.value is not None for one in judges.judges)
    assert any(one.anchoring.steps.value is not None for one in judges.judges)
    assert load(LabelValue, found["more_labels"]).label_error is not None


def test_the_product_itself_may_ask() -> None:
    project = make_rating().trace.project

    report = quality_reports.request_report(project=project, kind=ReportKind.JUDGES, actor=None, now=NOW)

    assert report.created_by is None
    assert not AuditEvent.objects.exists()


def test_a_second_request_is_refused_while_the_first_is_open_and_of_another_kind_it_is_not() -> None:
    first = request()

    with pytest.raises(quality_reports.ReportAlreadyOpen):
        quality_reports.request_report(project=first.project, kind=first.kind, actor=None, now=NOW)  # type: ignore[arg-type]
    other = quality_reports.request_report(project=first.project, kind=ReportKind.JUDGES, actor=None, now=NOW)

    assert QualityReport.objects.count() == 2
    assert other.kind == ReportKind.JUDGES


def test_without_a_rating_there_is_nothing_to_measure() -> None:
    with pytest.raises(quality_reports.NothingToMeasure):
        quality_reports.request_report(project=make_project(), kind=ReportKind.AGREEMENT, actor=None, now=NOW)

    assert not QualityReport.objects.exists()


def test_a_report_that_was_taken_away_stores_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    report = request()

    def compute_while_cancelled(of: QualityReport, *, at: dt.datetime) -> dict[str, object]:
        cancel_job(QualityReport.objects.get(pk=of.pk), now=at)
        return {"agreed": 1}

    monkeypatch.setattr(quality_reports, "_compute", compute_while_cancelled)
    with pytest.raises(JobLost):
        quality_reports.compute_report(report_id=report.pk, clock=lambda: NOW)

    report.refresh_from_db()
    assert (report.state, report.found) == (JobState.CANCELLED, {})


def test_a_report_is_computed_once(caplog: pytest.LogCaptureFixture) -> None:
    report = request()
    quality_reports.compute_report(report_id=report.pk, clock=lambda: NOW)

    with pytest.raises(JobNotStartable):
        quality_reports.compute_report(report_id=report.pk, clock=lambda: NOW)
    compute_quality(report.pk)  # the task says so and goes on

    assert QualityReport.objects.count() == 1


def test_the_state_knows_the_newest_what_is_open_and_what_came_since() -> None:
    world = make_quality_world(12)
    first = compute(world.project, ReportKind.AGREEMENT)
    make_rating(world.project.trace_set.first(), submitted_at=LATER + dt.timedelta(minutes=1))
    second = quality_reports.request_report(
        project=world.project, kind=ReportKind.AGREEMENT, actor=None, now=LATER + dt.timedelta(minutes=2)
    )

    state = get_report_state(world.project, ReportKind.AGREEMENT)

    assert (state.latest, state.under_way, state.failed, state.num_since) == (first, second, None, 1)


def test_a_report_of_another_version_is_not_read_but_can_be_made_anew() -> None:
    report = compute(make_rating().trace.project, ReportKind.AGREEMENT)
    QualityReport.objects.filter(pk=report.pk).update(version="1", found={"of": "other fields"})

    assert get_report_state(report.project, ReportKind.AGREEMENT).latest is None
    assert list_agreement_by_project([report.project]) == []

    again = compute(report.project, ReportKind.AGREEMENT)
    assert get_report_state(report.project, ReportKind.AGREEMENT).latest == again


def test_a_failed_attempt_is_told_until_another_is_made() -> None:
    report = request()
    QualityReport.objects.filter(pk=report.pk).update(
        state=JobState.FAILED, error="Its worker died 5 times.", finished_at=NOW
    )

    state = get_report_state(report.project, ReportKind.AGREEMENT)
    assert (state.latest, state.failed) == (None, report)

    compute(report.project, ReportKind.AGREEMENT)
    assert get_report_state(report.project, ReportKind.AGREEMENT).failed is None
