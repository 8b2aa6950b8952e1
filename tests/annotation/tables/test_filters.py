"""Filters of the smaller lists: invitations, sittings, days, projects; and estimates with their intervals."""

from __future__ import annotations

import csv
import datetime as dt
from typing import Any

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string

from annotation.actions.tokens import create_token
from annotation.measuring.resampling import Estimate
from annotation.models import Invitation, Project, Role, TokenScope
from annotation.queries.progress import Day
from annotation.queries.sessions import Session
from annotation.tables.csv_lines import stream_csv
from annotation.tables.estimates import list_estimate_columns
from annotation.tables.model_specs import build_model_table
from annotation.tables.page import show_page
from annotation.tables.people import build_invitation_table, say_invitation_state
from annotation.tables.progress import build_day_table
from annotation.tables.projects import build_token_table
from annotation.tables.sessions import build_session_table
from annotation.tables.table import Kind, Table
from tests.factories import NOW, make_account, make_batch, make_model_spec, make_project

HOUR = dt.timedelta(hours=1)


def list_rows(table: Table[Any], query: str = "") -> list[Any]:
    return [line.row for line in show_page(table, QueryDict(query), path="/list/").lines]


def make_session(began_at: dt.datetime, active_seconds: float) -> Session:
    return Session(began_at, began_at + HOUR, 3, active_seconds)


class TestTime:
    def test_sittings_are_found_by_month_and_by_length(self) -> None:
        march, may = make_session(NOW, 100.0), make_session(NOW + dt.timedelta(days=70), 900.0)
        table = build_session_table([march, may])

        assert list_rows(table, "month=2026-03") == [march]
        assert list_rows(table, "length=long") == [may]
        assert list_rows(table, "length=short") == [march]
        assert show_page(table, QueryDict(""), path="/").filters[0].options == [
            ("2026-05", "May 2026"),
            ("2026-03", "March 2026"),
        ]

    def test_without_a_sitting_there_is_no_month_to_choose(self) -> None:
        page = show_page(build_session_table([]), QueryDict("month=2026-03"), path="/")

        assert [field.name for field in page.filters] == ["length"]
        assert not page.is_filtered

    @pytest.mark.parametrize(("what", "place"), [("people", 0), ("simulated", 1), ("decisions", 2)])
    def test_days_are_found_by_what_was_done_on_them(self, what: str, place: int) -> None:
        days = [
            Day(dt.date(2026, 3, 1 + index), *counts)
            for index, counts in enumerate(((3, 0, 0), (0, 2, 0), (0, 0, 1)))
        ]
        table = build_day_table(days)

        assert list_rows(table, f"with={what}") == [days[place]]
        assert len(list_rows(table, "month=2026-03")) == 3
        assert len(list_rows(table, "month=2026-04")) == 3  # no such month: no filter


def make_link(project: Project, **fields: Any) -> Invitation:
    defaults: dict[str, Any] = {
        "role": Role.RATER,
        "expires_at": NOW + HOUR,
        "max_uses": 2,
        "created_by": make_account(),
        "created_at": NOW,
        "secret_hash": f"{Invitation.objects.count():064}",
    }
    return Invitation.objects.create(project=project, **{**defaults, **fields})


@pytest.mark.django_db
def test_invitations_are_found_by_state_role_and_whom_they_are_for() -> None:
    project = make_project()
    links = {
        "open": make_link(project, note="Night shift"),
        "used up": make_link(project, num_uses=2, sent_to="ann@example.org"),
        "expired": make_link(project, expires_at=NOW, num_uses=2, role=Role.ENGINEER),
    }
    table = build_invitation_table(project, now=NOW)

    for state, link in links.items():
        assert list_rows(table, f"i-state={state}") == [link]
        assert say_invitation_state(link, now=NOW) == state
    assert list_rows(table, "i-find=night") == [links["open"]]
    assert list_rows(table, "i-find=ANN@") == [links["used up"]]
    assert list_rows(table, "i-role=engineer") == [links["expired"]]


@pytest.mark.django_db
def test_models_are_found_by_name_kind_and_whether_they_are_in_use() -> None:
    small = make_model_spec(name="Small one", location="tiny")
    served = make_model_spec(name="Served", backend="server", address="http://gpu1/v1", location="large")
    old = make_model_spec(name="Old", location="was", retired_at=NOW)
    make_batch(make_project(), model_spec=served)
    table = build_model_table()

    assert list_rows(table) == [served, small, old]
    assert list_rows(table, "find=TINY") == [small]
    assert list_rows(table, "kind=server") == [served]
    assert list_rows(table, "state=retired") == [old]
    assert list_rows(table, "sort=-batches")[0] == served
    lines = "".join(stream_csv(table, QueryDict("find=served"), path="/")).splitlines()
    assert "large,http://gpu1/v1,in use,1,0" in lines[1]


@pytest.mark.django_db
def test_tokens_are_found_by_name_and_by_whether_they_work() -> None:
    account = make_account()
    works, expired = (
        create_token(
            account=account,
            name=name,
            scopes=[TokenScope.PROJECTS_READ],
            project=None,
            expires_at=NOW + HOUR * hours,
            now=NOW,
        ).token
        for name, hours in (("Loader", 5), ("Sender", 1))
    )
    table = build_token_table(account, now=NOW + HOUR * 2)

    assert list_rows(table, "state=works") == [works]
    assert list_rows(table, "state=expired") == [expired]
    assert list_rows(table, "find=load") == [works]


class TestEstimates:
    rows = (Estimate(0.62, 0.5, 0.7, 40), Estimate(0.9, None, None, 12), Estimate(None, None, None, 3))

    def build(self, kind: Kind = Kind.SHARE) -> Table[Estimate]:
        columns = [*list_estimate_columns("agreed", "Agreed", lambda row: row, kind)]
        return Table(name="groups", noun="group", rows=self.rows, order="", columns=columns)

    def test_the_file_holds_both_ends_beside_the_value(self) -> None:
        text = "".join(stream_csv(self.build(), QueryDict(""), path="/"))

        assert list(csv.reader(text.removeprefix("\ufeff").splitlines())) == [
            ["agreed", "agreed_low", "agreed_high"],
            ["0.62", "0.5", "0.7"],
            ["0.9", "", ""],
            ["", "", ""],
        ]

    @pytest.mark.parametrize(("kind", "ends"), [(Kind.SHARE, "50 % to 70 %"), (Kind.DECIMAL, "0.50 to 0.70")])
    def test_the_page_shows_one_column_with_the_interval_under_the_value(self, kind: Kind, ends: str) -> None:
        page = show_page(self.build(kind), QueryDict(""), path="/")

        html = render_to_string("components/table.html", {"table": page})

        assert len(page.headers) == 1
        assert f"95 % interval </span>{ends}</span>" in html
        assert html.count('class="interval"') == 1
        assert 'aria-label="none"' in html

    def test_unknown_values_come_last_both_ways(self) -> None:
        table = self.build()

        assert [row.value for row in list_rows(table, "sort=agreed")] == [0.62, 0.9, None]
        assert [row.value for row in list_rows(table, "sort=-agreed")] == [0.9, 0.62, None]
