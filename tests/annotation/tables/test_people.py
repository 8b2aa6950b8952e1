"""The table of raters: every figure with its interval, in words and in CSV, and no ranking by speed."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import pytest
from django.http import QueryDict

from annotation.models import Account, Membership, Project, QualificationAttempt
from annotation.queries.raters import RaterFacts, Reliability, Work, list_rater_facts
from annotation.rules.gold_accuracy import gold_accuracy
from annotation.tables.csv_lines import stream_csv
from annotation.tables.page import show_page
from annotation.tables.people import build_rater_table, say_qualification
from annotation.tables.table import Table
from tests.factories import NOW, make_member, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    project = make_project()
    make_member(project, username="slow", display_name="Sara Slow")
    make_member(project, username="fast", display_name="Fred Fast")
    robot = make_member(project, username="sim", is_simulated=True)
    Membership.objects.filter(account=robot).update(paused_at=NOW)
    return project


def build(project: Project) -> Table[RaterFacts]:
    """The table with figures for the two people."""
    facts = {fact.account.username: fact for fact in list_rater_facts(project)}
    reliability = Reliability(0.8, (0.7, 0.9), 0.95, (0.9, 0.99))
    rows = [
        replace(
            facts["slow"],
            work=Work(10, 900.0, 90.0, NOW),
            gold=gold_accuracy(num_right=9, num_seen=10),
            reliability=reliability,
        ),
        replace(facts["fast"], work=Work(40, 200.0, 5.0, NOW), gold=gold_accuracy(num_right=2, num_seen=10)),
        facts["sim"],
    ]
    return replace(build_rater_table(project), rows=rows)


def list_names(table: Table[RaterFacts], query: str = "") -> list[str]:
    page = show_page(table, QueryDict(query), path="/people/")
    return [line.row.account.username for line in page.lines]


def test_raters_stand_by_name_and_can_not_be_sorted_by_speed(project: Project) -> None:
    table = build(project)

    assert list_names(table) == ["fast", "slow", "sim"]  # Fred, Sara, sim
    assert list_names(table, "r-sort=speed") == list_names(table, "r-sort=-speed") == list_names(table)
    [speed] = [column for column in table.columns if column.key == "speed"]
    assert not speed.is_sortable


def test_raters_can_be_sorted_by_how_well_they_rate(project: Project) -> None:
    table = build(project)

    assert list_names(table, "r-sort=-gold") == ["slow", "fast", "sim"]
    assert list_names(table, "r-sort=-sensitivity")[0] == "slow"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("r-q=sara", ["slow"]),
        ("r-q=SIM", ["sim"]),
        ("r-state=paused", ["sim"]),
        ("r-state=active", ["fast", "slow"]),
        ("r-kind=simulated", ["sim"]),
        ("r-kind=people", ["fast", "slow"]),
    ],
)
def test_raters_are_found_by_name_state_and_kind(query: str, names: list[str], project: Project) -> None:
    assert list_names(build(project), query) == names


def test_csv_has_every_interval_in_columns_of_its_own(project: Project) -> None:
    text = "".join(stream_csv(build(project), QueryDict(""), path="/people/"))

    rows = {row["user_name"]: row for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))}
    slow, sim = rows["slow"], rows["sim"]
    assert (slow["gold"], slow["gold_seen"]) == ("0.9", "10")
    assert float(slow["gold_low"]) == pytest.approx(0.596, abs=1e-3)
    assert (slow["sensitivity"], slow["sensitivity_low"], slow["sensitivity_high"]) == ("0.8", "0.7", "0.9")
    assert (slow["specificity_low"], slow["specificity_high"]) == ("0.9", "0.99")
    assert (sim["state"], sim["simulated"], sim["gold"], sim["sensitivity"]) == ("paused", "yes", "", "")
    assert "change" not in slow


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"number": 1}, "attempt 1 under way"),
        ({"number": 1, "has_passed": True, "num_right": 5}, "passed, 5 of 6, attempt 1"),
        ({"number": 2, "has_passed": False, "num_right": 2}, "failed, 2 of 6, attempt 2"),
    ],
)
def test_how_a_qualification_ended_is_said(fields: dict[str, Any], words: str) -> None:
    assert say_qualification(QualificationAttempt(trace_ids=[1, 2, 3, 4, 5, 6], **fields)) == words


def test_a_waiver_is_called_one_and_nothing_is_nothing() -> None:
    waived = QualificationAttempt(number=0, has_passed=True, waived_by=Account(pk=1, username="admin"))

    assert say_qualification(waived) == "waived"
    assert say_qualification(None) is None
