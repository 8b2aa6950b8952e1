"""The quality pages: who may open them, what they say with much, little and no data, and asking for a report."""

from __future__ import annotations

import csv

import pytest
from django.test import Client
from django.urls import reverse

from annotation.actions import merges
from annotation.merging.data import MergePolicy
from annotation.models import JobState, Project, QualityReport, ReportKind, Role, Trace
from tests.annotation.quality_world import LATER, compute, make_quality_world
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.factories import NOW, make_member, make_project, make_rating, make_trace

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
PAGES = {"show_agreement": {"admin", "adjudicator", "site admin"}}
PAGES["show_judge_quality"] = PAGES["show_agreement"] | {"engineer"}
KIND_READERS = {
    "agreement": PAGES["show_agreement"],
    "judges": PAGES["show_judge_quality"],
    "more_labels": PAGES["show_judge_quality"],
}


def path(project: Project, view: str, *rest: object) -> str:
    return reverse(f"annotation:{view}", args=[project.slug, *rest])


def sign_in(project: Project, role: Role = Role.ADMIN) -> Client:
    client = Client()
    client.force_login(make_member(project, role))
    return client


def expected_status(kind: str, allowed: set[str], wanted: int = 200) -> int:
    if kind in allowed:
        return wanted
    if kind == "nobody":
        return 302
    return 404 if kind in {"outsider", "paused admin"} else 403


@pytest.mark.parametrize("view", PAGES)
@pytest.mark.parametrize("kind", VISITORS)
def test_the_pages_are_for_those_who_judge_the_judging(kind: str, view: str) -> None:
    project = make_project()

    answer = make_visitor(kind, project).client.get(path(project, view))

    assert answer.status_code == expected_status(kind, PAGES[view])


@pytest.mark.parametrize("report", KIND_READERS)
@pytest.mark.parametrize("kind", VISITORS)
def test_a_report_is_watched_and_asked_for_by_those_who_read_it(kind: str, report: str) -> None:
    project = make_rating().trace.project
    client = make_visitor(kind, project).client

    watched = client.get(path(project, "watch_report", report))
    asked = client.post(path(project, "request_report", report))

    allowed = KIND_READERS[report]
    assert watched.status_code == expected_status(kind, allowed)
    assert asked.status_code == expected_status(kind, allowed, 302)
    assert QualityReport.objects.exists() == (kind in allowed)
    if kind == "nobody":
        assert "/sign-in/" in asked["Location"]


def test_a_kind_of_report_that_does_not_exist_is_not_found() -> None:
    project = make_project()
    client = sign_in(project)

    assert client.get(path(project, "watch_report", "mood")).status_code == 404
    assert client.post(path(project, "request_report", "mood")).status_code == 404


def test_asking_leads_back_to_the_page_which_watches_until_it_is_done() -> None:
    world = make_quality_world(12)
    client = sign_in(world.project)

    asked = client.post(path(world.project, "request_report", "agreement"), follow=True)
    watched = client.get(path(world.project, "watch_report", "agreement"), headers=HTMX)
    QualityReport.objects.update(state=JobState.CANCELLED, finished_at=NOW)
    compute(world.project, ReportKind.AGREEMENT)
    done = client.get(path(world.project, "watch_report", "agreement"), headers=HTMX)

    assert asked.redirect_chain == [(path(world.project, "show_agreement"), 302)]
    assert "It waits for a worker" in asked.text
    assert 'hx-trigger="every 2s"' in watched.text
    assert "HX-Refresh" not in watched
    assert done["HX-Refresh"] == "true"
    assert "Compute anew" in done.text


def test_asking_twice_and_asking_for_nothing_say_so() -> None:
    project = make_rating().trace.project
    client = sign_in(project)

    client.post(path(project, "request_report", "judges"))
    twice = client.post(path(project, "request_report", "judges"), follow=True)
    empty = make_project()
    nothing = sign_in(empty).post(path(empty, "request_report", "more_labels"), follow=True)

    assert "being computed already" in twice.text
    assert "nobody has rated a trace" in nothing.text


def test_the_agreement_page_says_what_each_number_rests_on() -> None:
    world = make_quality_world(60)
    report = compute(world.project, ReportKind.AGREEMENT)

    page = sign_in(world.project, Role.ADJUDICATOR).get(path(world.project, "show_agreement")).text

    assert f"From {report.found['num_ratings']} blind ratings of" in page
    assert f"{report.found['num_assisted']} assisted ratings left out" in page
    assert "were given by simulated raters: programs, not people" in page
    assert "of all 60 judged traces have an error" in page
    for name in ("Gwet’s AC1", "Krippendorff’s alpha", "Same first error", "Ordinal alpha on steps"):
        assert name in page
    for key in ("over-time", "by-model", "by-label", "by-category", "raters"):
        assert f'id="{key}-title"' in page


def test_too_little_is_said_to_be_too_little() -> None:
    project = make_project()
    rater, other = make_member(project), make_member(project)
    for _ in range(6):
        trace = make_trace(project=project)
        make_rating(trace, rater)
        make_rating(trace, other)
    for kind in ReportKind:
        compute(project, kind)
    client = sign_in(project)

    agreement = client.get(path(project, "show_agreement")).text
    judges = client.get(path(project, "show_judge_quality")).text

    assert agreement.count("6 traces; 10 are needed") == 6
    assert "too little to say" in agreement
    assert "No judge has scored a trace" in judges
    assert "Needs 30 human-rated traces; there are 6." in judges


def test_pages_without_a_report_offer_to_compute_one() -> None:
    project = make_project()
    client = sign_in(project)

    for view in PAGES:
        page = client.get(path(project, view)).text
        assert "Not computed yet." in page
        assert ">Compute<" in page


def test_a_failure_is_told() -> None:
    project = make_project()
    QualityReport.objects.create(
        project=project,
        kind=ReportKind.AGREEMENT,
        queued_at=NOW,
        touched_at=NOW,
        finished_at=NOW,
        state=JobState.FAILED,
        error="Its worker died 5 times.",
    )

    assert (
        "The last attempt failed: Its worker died 5 times."
        in sign_in(project).get(path(project, "show_agreement")).text
    )


def test_the_steps_most_disagreed_on_are_one_click_from_their_trace() -> None:
    world = make_quality_world(20)
    compute(world.project, ReportKind.AGREEMENT)
    client = sign_in(world.project)
    page = client.get(path(world.project, "show_agreement"))

    first = page.context["tables"]["disputed"].lines[0]
    link = first.cells[2].link
    trace = Trace.objects.get(pk=first.row.step.trace)

    assert link == f"{path(world.project, 'show_trace', trace.pk)}#step-{first.row.step.index + 1}"
    assert client.get(link).status_code == 200
    assert first.row.text.startswith(f"Step {first.row.step.index + 1} of trace")
    assert [line.row.step.spread for line in page.context["tables"]["disputed"].lines] == sorted(
        (line.row.step.spread for line in page.context["tables"]["disputed"].lines), reverse=True
    )


@pytest.mark.parametrize(("over", "has_bad"), [("error", True), ("progress", False)])
def test_disputes_are_filtered_searched_and_taken_as_csv(over: str, has_bad: bool) -> None:
    world = make_quality_world(20)
    compute(world.project, ReportKind.AGREEMENT)
    client = sign_in(world.project)
    address = path(world.project, "show_agreement")

    rows = [line.row for line in client.get(address, {"over": over}).context["tables"]["disputed"].lines]
    found = client.get(address, {"q": rows[0].text.strip()}).context["tables"]["disputed"].lines
    answer = client.get(address, {"csv": "disputed", "over": over})
    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]

    assert all((row.step.num_bad > 0) == has_bad for row in rows)
    assert {line.row.text for line in found} == {rows[0].text}
    assert lines[0].lstrip("\ufeff") == "trace,step,text,bad,neutral,good,spread"
    assert len(lines) >= len(rows) + 1


def test_projects_stand_beside_each_other_for_who_may_read_both() -> None:
    world, other = make_quality_world(12), make_quality_world(12, seed=2)
    hidden = make_quality_world(12, seed=3)
    for one in (world, other, hidden):
        compute(one.project, ReportKind.AGREEMENT)
    Project.objects.filter(pk=hidden.project.pk).update(name="Hidden sums")
    Project.objects.filter(pk=other.project.pk).update(name="Other sums")
    client = sign_in(world.project)
    alone = client.get(path(world.project, "show_agreement")).text
    reader = make_member(world.project, Role.ADJUDICATOR)
    other.project.membership_set.create(account=reader, role=Role.ADMIN, created_at=NOW)
    hidden.project.membership_set.create(account=reader, role=Role.RATER, created_at=NOW)
    client.force_login(reader)

    both = client.get(path(world.project, "show_agreement")).text

    assert "By project" not in alone
    assert "Other sums" in both
    assert "Hidden sums" not in both


def test_the_judges_page_shows_one_judge_in_full() -> None:
    world = make_quality_world(40)
    compute(world.project, ReportKind.JUDGES)
    client = sign_in(world.project, Role.ENGINEER)

    page = client.get(path(world.project, "show_judge_quality"), {"judge": str(world.judge.pk)}).text

    assert f"<code>{world.judge}</code>" in page
    assert "Checks equations." in page
    for key in ("calibration", "roc", "judge-by-model", "judge-by-length", "anchoring"):
        assert f'id="{key}-title"' in page
    assert "No merge has met this judge yet" in page


@pytest.mark.parametrize(("role", "has_link"), [(Role.ENGINEER, True), (Role.ADJUDICATOR, False)])
def test_a_judges_calibration_says_on_how_many_human_labels_it_rests(role: Role, has_link: bool) -> None:
    world = make_quality_world(60)
    compute(world.project, ReportKind.JUDGES)
    run = merges.start_merge(
        project=world.project, policy=MergePolicy(), actor=make_member(world.project, Role.ADMIN), now=LATER
    )
    merges.run_merge(run_id=run.pk, clock=lambda: LATER)
    run.refresh_from_db()
    (calibration,) = run.diagnostics["calibrations"]

    page = sign_in(world.project, role).get(path(world.project, "show_judge_quality")).text

    assert "✓ Calibrated" in page
    assert f"<strong>{calibration['num_traces']}</strong> of 30 human-rated traces needed" in page
    assert f"<strong>{calibration['expected_errors']:.1f}</strong> of 10 errors expected" in page
    assert (path(world.project, "show_merge", run.pk) in page) == has_link


def test_the_table_of_judges_is_taken_as_csv_with_its_intervals() -> None:
    world = make_quality_world(40)
    report = compute(world.project, ReportKind.JUDGES).found["judges"][0]

    answer = sign_in(world.project).get(path(world.project, "show_judge_quality"), {"csv": "judges"})
    head, line = csv.reader(b"".join(answer.streaming_content).decode("utf-8-sig").splitlines())  # type: ignore[attr-defined]
    cells = dict(zip(head, line, strict=True))

    assert cells["judge"] == str(world.judge)
    assert float(cells["auc_low"]) == report["quality"]["overall"]["auc"]["low"]
    assert float(cells["anchoring_high"]) == report["anchoring"]["steps"]["high"]
    assert int(cells["assisted"]) + int(cells["blind"]) == 120


@pytest.mark.parametrize("wanted", ["", "999999", "x", "1' OR 1=1"])
def test_a_judge_that_is_not_there_gives_the_best_known(wanted: str) -> None:
    world = make_quality_world(12)
    compute(world.project, ReportKind.JUDGES)

    page = sign_in(world.project).get(path(world.project, "show_judge_quality"), {"judge": wanted})

    assert page.context["judge"].judge == world.judge


def test_what_more_labels_would_buy_is_told_in_numbers() -> None:
    world = make_quality_world(40)
    compute(world.project, ReportKind.MORE_LABELS)

    page = sign_in(world.project).get(path(world.project, "show_judge_quality"))

    more = page.context["more"]
    assert [row.num_further for row in more.prospects] == [
        round(more.found.num_rated * times) - more.found.num_rated for times in (1.5, 2, 3, 4)
    ]
    assert 'id="label-error-title"' in page.text
    assert 'id="interval-width-title"' in page.text
    assert all(row.width_fall.startswith("-") for row in more.prospects)


def test_ratings_since_are_counted() -> None:
    world = make_quality_world(12)
    compute(world.project, ReportKind.AGREEMENT)
    make_rating(world.project.trace_set.first(), submitted_at=LATER.replace(hour=23))

    assert "1 rating since" in sign_in(world.project).get(path(world.project, "show_agreement")).text


def test_a_page_costs_a_few_queries_however_much_was_rated(django_assert_max_num_queries: object) -> None:
    world = make_quality_world(40)
    for kind in ReportKind:
        compute(world.project, kind)
    client = sign_in(world.project)

    for view in PAGES:
        with django_assert_max_num_queries(25):  # type: ignore[operator]
            client.get(path(world.project, view))
