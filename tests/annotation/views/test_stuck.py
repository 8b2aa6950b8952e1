"""What the overview says is stuck: why, where it can be set going, and to whom."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields, replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation.models import PauseReason, Role
from annotation.queries.progress import Progress
from annotation.rules.pace import Pace
from annotation.views.stuck import list_stuck
from tests.annotation.views.progress_worlds import EVERYTHING_WELL
from tests.factories import NOW, make_member, make_project, make_prompt, make_rating, make_trace

ADMIN = frozenset({Role.ADMIN})


def stuck(roles: frozenset[Role] = ADMIN, **changes: Any) -> list[tuple[str, str]]:
    return [(row.why, row.action) for row in list_stuck(replace(EVERYTHING_WELL, **changes), roles)]


def test_where_everything_goes_on_nothing_is_stuck() -> None:
    assert stuck() == []


@pytest.mark.parametrize(
    ("changes", "why", "action"),
    [
        ({"num_unasked": 2}, "Without a trace: no model has answered yet.", "Launch a batch"),
        ({"num_judged": 30}, "Not scored by any judge.", "Run a judge"),
        ({"num_failed_batches": 1}, "Failed within the last week", "Look at them"),
        ({"num_failed_judge_runs": 1}, "Failed within the last week", "Look at them"),
        ({"num_failed_merges": 1}, "Failed within the last week", "Look at them"),
        (
            {"num_missing": 5, "num_unreachable": 5, "num_raters": 0},
            "no rater may be handed work.",
            "Invite raters",
        ),
        ({"num_missing": 5, "num_raters": 0, "num_paused_raters": 3}, "3 are paused", "Invite raters"),
        ({"num_missing": 5, "num_raters": 0, "num_paused_raters": 1}, "1 is paused", "Invite raters"),
        (
            {"num_missing": 5, "num_unreachable": 5, "overlap": 3, "num_raters": 2},
            "each trace wants 3 raters, and only 2 may rate",
            "Invite raters",
        ),
        (
            {"num_missing": 5, "num_unreachable": 2},
            "all who may rate (4) have rated or skipped these traces",
            "Invite raters",
        ),
        ({"num_untested": 2}, "Without a passed test", "See the test"),
        ({"num_paused_for_gold": 1, "num_paused_raters": 1}, "accuracy on gold", "Look at them"),
        ({"num_unexported": 8}, "In no finished export yet.", "Make an export"),
        ({"num_failed_exports": 1}, "Failed within the last week", "Look at them"),
        ({"num_missing": 5, "pace": Pace(0.0, None, None)}, "nobody has this past week", "See who rates"),
        ({"num_held": 7}, "Held back", "See the prompts"),
        ({"num_disagreements": 4}, "in different places", "Review them"),
        ({"num_appeals": 1}, "wait for an answer", "Answer them"),
        ({"num_unmerged": 9}, "Rated since the last merge", "Merge"),
    ],
)
def test_what_is_stuck_says_why_and_where_to_go(changes: dict[str, Any], why: str, action: str) -> None:
    [(told, offered)] = stuck(**changes)

    assert why in told
    assert offered == action


def test_nobody_is_sent_to_a_page_they_may_not_open() -> None:
    changes = {"num_unasked": 1, "num_disagreements": 1, "num_missing": 1, "num_raters": 0}

    assert [action for _, action in stuck(frozenset({Role.ADJUDICATOR}), **changes)] == ["Review them"]
    assert [action for _, action in stuck(frozenset({Role.ENGINEER}), **changes)] == ["Launch a batch"]
    assert stuck(frozenset({Role.RATER}), **changes) == []


def test_ratings_that_are_wanted_and_come_in_are_not_stuck() -> None:
    assert stuck(num_missing=5) == []


def test_where_some_ratings_can_come_and_none_does_both_are_said() -> None:
    rows = list_stuck(
        replace(EVERYTHING_WELL, num_missing=5, num_unreachable=2, pace=Pace(0.0, None, None)), ADMIN
    )

    assert [(row.num, row.action) for row in rows] == [(2, "Invite raters"), (3, "See who rates")]


@pytest.mark.django_db
def test_every_row_leads_to_a_page_on_which_its_reader_can_act() -> None:
    """Each view and its filter, for an admin: no row may lead to a page that is not there."""
    project = make_project(needs_qualification=True)
    client = Client()
    client.force_login(make_member(project, Role.ADMIN))
    everything = {
        field.name: 1
        for field in fields(Progress)
        if field.name.startswith("num_") and field.name != "num_raters"
    }
    rows = list_stuck(replace(EVERYTHING_WELL, **everything | {"num_traces": 2, "num_missing": 2}), ADMIN)

    assert len({row.action for row in rows}) > 8
    for row in rows:
        assert client.get(f"{reverse(row.view, args=[project.slug])}?{row.query}").status_code == 200


@pytest.mark.django_db
def test_those_paused_for_gold_are_one_click_away_for_an_admin() -> None:
    project = make_project(gold_threshold=0.6)
    paused, active = make_member(project), make_member(project)
    paused.membership_set.update(paused_at=NOW, pause_reason=PauseReason.GOLD)
    client = Client()
    client.force_login(make_member(project, Role.ADMIN))

    overview = client.get(reverse("annotation:show_project", args=[project.slug])).text
    address = f"{reverse('annotation:list_people', args=[project.slug])}?r-state=paused"
    people = client.get(address, headers={"HX-Request": "true", "HX-Target": "table-raters"}).text

    assert f'<a href="{address}">Look at them</a>' in overview
    assert paused.username in people
    assert active.username not in people


@pytest.mark.django_db
def test_no_day_is_promised_while_nobody_is_left_to_give_what_is_wanted() -> None:
    """Two raters have rated everything in the last days; the project wants three."""
    project = make_project(overlap=3)
    trace = make_trace(make_prompt(project))
    for _ in range(2):
        make_rating(trace, submitted_at=timezone.now())
    client = Client()
    client.force_login(make_member(project, Role.ADMIN))
    address = reverse("annotation:show_project", args=[project.slug])

    without = client.get(address).text
    make_member(project)
    with_a_third = client.get(address).text

    assert "each trace wants 3 raters, and only 2 may rate" in without
    assert "not with the raters there are" in without
    assert "may rate" not in with_a_third
    assert f'<time datetime="{(timezone.now() + dt.timedelta(days=1)):%Y-%m-%d}">' in with_a_third


def test_one_is_counted_as_one_and_many_as_many() -> None:
    changes = {"num_failed_batches": 1, "num_appeals": 1, "num_held": 2}
    rows = list_stuck(replace(EVERYTHING_WELL, **changes), ADMIN)
    many = list_stuck(replace(EVERYTHING_WELL, num_failed_batches=2), ADMIN)

    assert [row.counted for row in (*rows, *many)] == ["batch", "traces", "appeal", "batches"]
