"""The tables of the quality pages: steps that raters dispute, agreement by project, judges against people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from annotation.measuring.raters import DisputedStep
from annotation.measuring.reports import JudgeReport
from annotation.models import Project
from annotation.queries.quality import read_step_texts
from annotation.queries.quality_reports import ProjectAgreement
from annotation.tables.agreement_groups import list_measure_columns
from annotation.tables.estimates import list_estimate_columns
from annotation.tables.table import Column, Filter, Kind, Table

_OVER_AN_ERROR, _OVER_PROGRESS = "error", "progress"


@dataclass(frozen=True)
class DisputedRow:
    """A disputed step with the beginning of its text."""

    step: DisputedStep
    text: str


def build_disputed_table(project: Project, steps: Sequence[DisputedStep]) -> Table[DisputedRow]:
    """Steps on which blind raters differ; each leads to itself in its trace."""

    def link_to(row: DisputedRow) -> str:
        page = reverse("annotation:show_trace", args=[project.slug, row.step.trace])
        return f"{page}#step-{row.step.index + 1}"

    texts = read_step_texts(project, [(step.trace, step.index) for step in steps])
    return Table(
        name="disputed",
        noun="step",
        nouns="disputed steps",
        rows=[DisputedRow(step, texts.get((step.trace, step.index), "")) for step in steps],
        order="-spread",
        page_size=15,
        columns=[
            Column("trace", "Trace", lambda row: row.step.trace, link=link_to),
            Column("step", "Step", lambda row: row.step.index + 1, Kind.NUMBER),
            Column(
                "text", "What it says", lambda row: row.text, Kind.EXCERPT, is_sortable=False, link=link_to
            ),
            Column("bad", "Bad", lambda row: row.step.num_bad, Kind.NUMBER),
            Column("neutral", "Neutral", lambda row: row.step.num_neutral, Kind.NUMBER),
            Column("good", "Good", lambda row: row.step.num_good, Kind.NUMBER),
            Column("spread", "Disagreement", lambda row: row.step.spread, Kind.DECIMAL),
        ],
        filters=[
            Filter("q", "Search the steps", _search_text),
            Filter(
                "over",
                "Dispute",
                _filter_dispute,
                [(_OVER_AN_ERROR, "Is it an error?"), (_OVER_PROGRESS, "Is it progress?")],
            ),
        ],
        empty="No two blind raters have said different things of a step.",
    )


def _search_text(rows: Sequence[DisputedRow], text: str) -> Sequence[DisputedRow]:
    return [row for row in rows if text.casefold() in row.text.casefold()]


def _filter_dispute(rows: Sequence[DisputedRow], over: str) -> Sequence[DisputedRow]:
    return [row for row in rows if (row.step.num_bad > 0) == (over == _OVER_AN_ERROR)]


def build_project_agreement_table(rows: Sequence[ProjectAgreement]) -> Table[ProjectAgreement]:
    """Agreement in each of a person's projects, by its newest report."""
    return Table(
        name="projects",
        prefix="projects_",
        noun="project",
        rows=rows,
        order="name",
        columns=[
            Column(
                "name",
                "Project",
                lambda row: row.project.name,
                link=lambda row: reverse("annotation:show_agreement", args=[row.project.slug]),
            ),
            Column("rated", "Traces", lambda row: row.report.overall.num_traces, Kind.NUMBER),
            Column("traces", "Rated twice", lambda row: row.report.overall.num_double, Kind.NUMBER),
            *list_measure_columns(lambda row: row.report.overall),
            Column("computed", "Computed", lambda row: row.computed_at, Kind.TIME),
        ],
        filters=[
            Filter("find", "Find a project", _find_project),
            Filter("told", "Rated twice", _keep_told, [("enough", "enough to say"), ("few", "too little")]),
        ],
    )


def _find_project(rows: Sequence[ProjectAgreement], text: str) -> Sequence[ProjectAgreement]:
    return [row for row in rows if text.casefold() in row.project.name.casefold()]


def _keep_told(rows: Sequence[ProjectAgreement], said: str) -> Sequence[ProjectAgreement]:
    return [row for row in rows if (row.report.overall.agreed.value is not None) == (said == "enough")]


@dataclass(frozen=True)
class JudgeRow:
    """A judge version and what its report says. `name`: "name@version"."""

    name: str
    kind: str
    report: JudgeReport


def build_judge_table(project: Project, rows: Sequence[JudgeRow]) -> Table[JudgeRow]:
    """Every judge version that has scored a trace of the project; each leads to its own figures."""

    def link_to(row: JudgeRow) -> str:
        page = reverse("annotation:show_judge_quality", args=[project.slug])
        return f"{page}?judge={row.report.quality.judge}#judge"

    return Table(
        name="judges",
        noun="judge",
        rows=rows,
        order="-traces",
        columns=[
            Column("judge", "Judge", lambda row: row.name, link=link_to),
            Column("kind", "Kind", lambda row: row.kind),
            Column("scored", "Scored", lambda row: row.report.quality.num_scored, Kind.NUMBER),
            Column("traces", "With people", lambda row: row.report.quality.overall.num_traces, Kind.NUMBER),
            Column("errors", "Errors", lambda row: row.report.quality.overall.num_errors, Kind.NUMBER),
            *list_estimate_columns("auc", "AUC", lambda row: row.report.quality.overall.auc, Kind.DECIMAL),
            *list_estimate_columns(
                "brier", "Brier", lambda row: row.report.quality.overall.brier, Kind.DECIMAL
            ),
            *list_estimate_columns(
                "f1",
                "First-error F1",
                lambda row: row.report.quality.overall.first_errors.f1,
                Kind.DECIMAL,
            ),
            *list_estimate_columns("anchoring", "Anchoring", lambda row: row.report.anchoring.steps),
            Column("assisted", "", lambda row: row.report.anchoring.num_assisted, Kind.NUMBER, on_page=False),
            Column("blind", "", lambda row: row.report.anchoring.num_blind, Kind.NUMBER, on_page=False),
        ],
        filters=[
            Filter("find", "Find a judge", _find_judge),
            Filter(
                "kind",
                "Kind",
                lambda found, kind: [row for row in found if row.kind == kind],
                [(kind, kind) for kind in sorted({row.kind for row in rows})],
            ),
        ],
        empty="No judge has scored a trace of this project.",
    )


def _find_judge(rows: Sequence[JudgeRow], text: str) -> Sequence[JudgeRow]:
    return [row for row in rows if text.casefold() in row.name.casefold()]
