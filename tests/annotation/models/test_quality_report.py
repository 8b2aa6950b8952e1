"""What the database holds of quality reports."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from annotation.models import JobState, QualityReport, ReportKind
from tests.factories import NOW, make_project

pytestmark = pytest.mark.django_db


def test_one_report_of_a_kind_is_open_at_a_time() -> None:
    project = make_project()
    first = QualityReport.objects.create(
        project=project, kind=ReportKind.JUDGES, queued_at=NOW, touched_at=NOW
    )

    with pytest.raises(IntegrityError, match="one_open_per_kind"), transaction.atomic():
        QualityReport.objects.create(project=project, kind=ReportKind.JUDGES, queued_at=NOW, touched_at=NOW)

    QualityReport.objects.create(project=project, kind=ReportKind.AGREEMENT, queued_at=NOW, touched_at=NOW)
    QualityReport.objects.filter(pk=first.pk).update(state=JobState.FINISHED, finished_at=NOW)
    QualityReport.objects.create(project=project, kind=ReportKind.JUDGES, queued_at=NOW, touched_at=NOW)
    assert QualityReport.objects.count() == 3


def test_a_kind_nobody_knows_is_refused() -> None:
    with pytest.raises(IntegrityError, match="kind_is_known"):
        QualityReport.objects.create(project=make_project(), kind="mood", queued_at=NOW, touched_at=NOW)
