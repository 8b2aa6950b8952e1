"""The quality pages: who may open them, what they say with much, little and no data, and asking for a report."""

from __future__ import annotations

import csv
import re

import pytest
from django.test import Client
from django.urls import reverse

from annotation.actions import merges
from annotation.merging.data import MergePolicy
from annotation.models import AssignmentState, JobState, Project, QualityReport, ReportKind, Role, Trace
from tests.annotation.quality_world import LATER, compute, make_quality_world
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.factories import (
    NOW,
    make_assignment,
    make_judge,
    make_judge_score,
    make_member,
    make_project,
    make_rating,
    make_trace,
)

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
    for key in ("over-time", "by-model", "by-length", "by-label", "by-category", "raters"):
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


def rate_alike(project: Project, num_raters: int, said: list[list[int | None]]) -> None:
    """Of each trace every rater says the same, and a judge gives every step the same score."""
    raters, judge = [make_member(project) for _ in range(num_raters)], make_judge()
    for labels in said:
        trace = make_trace(project=project, steps=["One.\n", "Two.\n"], wants_ratings=False)
        make_judge_score(trace, judge, [0.7, 0.7])
        for rater in raters:
            assignment = make_assignment(trace, rater, state=AssignmentState.SUBMITTED, ended_at=NOW)
            make_rating(trace, labels=labels, assignment=assignment)


@pytest.mark.parametrize(
    ("num_raters", "said", "sentence"),
    [
        (1, [[1, 1]], "1 trace; 10 are needed"),
        (1, [[1, 1]] * 12, "0 traces; 10 are needed"),
        (2, [[1, 1]] * 12, "12 traces: all the same, so chance explains it too"),
        (2, [[-1, None]] * 12, "12 traces: all the same, so chance explains it too"),
        (2, [[1, 0], [1, -1]] * 6, "12 traces, too few or too alike for an interval"),
    ],
    ids=["one rating", "one rater", "all sound", "all wrong", "no disagreement"],
)
def test_pages_of_small_and_of_uniform_projects_hold_no_nonsense(
    num_raters: int, said: list[list[int | None]], sentence: str
) -> None:
    project = make_project()
    rate_alike(project, num_raters, said)
    for kind in ReportKind:
        compute(project, kind)
    client = sign_in(project)

    agreement = client.get(path(project, "show_agreement")).text
    judges = client.get(path(project, "show_judge_quality")).text
    files = [
        read_csv(client, path(project, "show_agreement"), csv=name) for name in ("groups", "said", "pairs")
    ]
    files.append(read_csv(client, path(project, "show_judge_quality"), csv="groups"))

    for page in (agreement, judges):
        assert re.search(r"\b(nan|inf|None)\b", re.sub(r"<[^>]*>", " ", page)) is None
        assert "0 % to 0 %" not in page
        assert "100 % to 100 %" not in page
    assert sentence in agreement
    assert not {"nan", "inf", "-inf", "None"} & {
        value for rows in files for row in rows for value in row.values()
    }


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
    assert f"<strong>{calibration['num_traces']}</strong> human-rated traces (30 are needed)" in page
    assert (
        f"<strong>{calibration['expected_errors']:.1f}</strong> errors expected on them (10 are needed)"
        in page
    )
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


def read_csv(client: Client, address: str, **query: str) -> list[dict[str, str]]:
    answer = client.get(address, query)
    return list(csv.DictReader(b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()))  # type: ignore[attr-defined]


def test_every_group_leaves_the_agreement_page_as_csv_with_all_its_intervals() -> None:
    world = make_quality_world(60)
    found = compute(world.project, ReportKind.AGREEMENT).found
    client = sign_in(world.project)

    rows = read_csv(client, path(world.project, "show_agreement"), csv="groups")
    models = read_csv(client, path(world.project, "show_agreement"), csv="groups", **{"g-by": "Model"})

    assert [row["group"] for row in models] == [group["name"] for group in found["by_model"]]
    assert len(rows) == 1 + sum(len(found[part]) for part in ("by_model", "by_length", "over_time"))
    assert rows[0]["by"] == "All"
    keys = {
        "errors": "prevalence",
        "agreed": "agreed",
        "ac1": "ac1",
        "alpha": "alpha",
        "place": "first_error",
    }
    for key, name in {**keys, "steps": "step_alpha"}.items():
        for end, part in (("", "value"), ("_low", "low"), ("_high", "high")):
            assert float(rows[0][key + end]) == found["overall"][name][part]


def test_labels_and_pairs_of_raters_leave_the_page_as_csv() -> None:
    world = make_quality_world(60)
    found = compute(world.project, ReportKind.AGREEMENT).found
    client = sign_in(world.project)

    said = read_csv(client, path(world.project, "show_agreement"), csv="said")
    pairs = read_csv(client, path(world.project, "show_agreement"), csv="pairs")
    of_one = read_csv(client, path(world.project, "show_agreement"), csv="pairs", **{"p-find": "RATER-0-"})

    assert [row["name"] for row in said[:3]] == ["Bad", "Neutral", "Good"]
    assert float(said[0]["same_low"]) == found["by_label"][0]["agreed"]["low"]
    assert {row["by"] for row in said} == {"Label", "Kind of error"}
    assert (len(pairs), len(of_one)) == (3, 2)
    for row in pairs:
        assert float(row["agreed_low"]) < float(row["agreed"]) < float(row["agreed_high"])


def test_every_group_of_a_judge_leaves_its_page_as_csv() -> None:
    world = make_quality_world(60)
    found = compute(world.project, ReportKind.JUDGES).found["judges"][0]["quality"]
    client, address = sign_in(world.project, Role.ENGINEER), path(world.project, "show_judge_quality")

    rows = read_csv(client, address, csv="groups", judge=str(world.judge.pk))
    scores = read_csv(client, address, csv="groups", **{"g-by": "Score"})

    assert float(rows[0]["auc_low"]) == found["overall"]["auc"]["low"]
    assert float(rows[1]["brier"]) == found["by_model"][0]["quality"]["brier"]["value"]
    assert [row["by"] for row in rows[:2]] == ["All", "Model"]
    assert [float(row["promised"]) for row in scores] == [one["promised"] for one in found["bins"]]
    assert float(scores[0]["errors"]) == pytest.approx(1 - found["bins"][0]["stands"]["value"])
    assert float(scores[0]["errors_low"]) == pytest.approx(1 - found["bins"][0]["stands"]["high"])
    assert scores[0]["auc"] == ""


@pytest.mark.parametrize(
    ("view", "measure", "title"),
    [
        ("show_agreement", "ac1", "Gwet’s AC1, by length"),
        ("show_judge_quality", "auc", "Area under ROC, by model"),
    ],
)
def test_the_reader_chooses_what_the_charts_show(view: str, measure: str, title: str) -> None:
    world = make_quality_world(40)
    for kind in (ReportKind.AGREEMENT, ReportKind.JUDGES):
        compute(world.project, kind)
    client = sign_in(world.project)

    page = client.get(path(world.project, view), {"measure": measure, "g-by": "Model"}).text

    assert f">{title}</title>" in page
    assert f'<option value="{measure}" selected>' in page
    assert '<input type="hidden" name="g-by" value="Model">' in page


def test_the_points_of_both_curves_leave_the_page_as_csv() -> None:
    world = make_quality_world(40)
    found = compute(world.project, ReportKind.MORE_LABELS).found
    client, address = sign_in(world.project), path(world.project, "show_judge_quality")

    widths = read_csv(client, address, csv="more", **{"m-what": "width"})
    seen = read_csv(client, address, csv="more", **{"m-from": "seen"})

    assert {row["what"] for row in widths} == {"Interval width"}
    assert {row["what"] for row in seen} == {"Interval width", "Label error"}
    both = [row for row in widths if row["from"] == "By subsampling"]
    assert [float(row["value"]) for row in both] == [
        point["value"] for point in found["interval_width"]["seen"]
    ]


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
    rows = [line.row for line in page.context["tables"]["more"].lines]
    assert [row.further for row in rows[::2]] == [
        round(more.found.num_rated * times) - more.found.num_rated for times in (1.5, 2, 3, 4)
    ]
    assert [row.what for row in rows] == ["error", "width"] * 4
    assert 'id="label-error-title"' in page.text
    assert 'id="interval-width-title"' in page.text
    assert all(row.change < 0 for row in rows if row.what == "width")
    assert f"rests on {more.found.num_weighed} of them" in page.text
    assert "Judges have scored 40 traces: what rests on more than that needs more traces" in page.text


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


def test_a_table_of_groups_is_answered_alone_to_a_script() -> None:
    world = make_quality_world(12)
    compute(world.project, ReportKind.AGREEMENT)
    headers = {**HTMX, "HX-Target": "table-groups"}

    part = sign_in(world.project).get(
        path(world.project, "show_agreement"), {"g-by": "Length", "measure": "ac1"}, headers=headers
    )

    assert part.text.lstrip().startswith('<div class="data-table" id="table-groups"')
    assert "1 to 5 steps" in part.text
    assert "all traces" not in part.text
    assert "measure=ac1" in part.text  # its links keep the measure that the reader chose
