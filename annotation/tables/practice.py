"""The tables of an admin's page on practice: how each rater did, and the gold that can be practised on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse

from annotation.models import Gold, GoldUse, Project
from annotation.queries.practice import RaterResult, list_practice_gold, list_results
from annotation.rules.gold_accuracy import gold_first_error
from annotation.tables.table import Column, Filter, Kind, Table

_STANDINGS = (("passed", "passed"), ("let in", "let in"), ("not yet", "not yet"), ("no test", "no test"))


def build_result_table(project: Project) -> Table[RaterResult]:
    """Every rater with their tutorial, attempts and best result, by name."""

    def find_standing(row: RaterResult) -> str:
        return say_standing(row, has_test=project.needs_qualification)

    return Table(
        name="results",
        noun="rater",
        rows=list_results(project),
        order="rater",
        prefix="r-",
        columns=[
            Column(
                "rater",
                "Rater",
                lambda row: str(row.membership.account),
                template="practice/rater_cell.html",
            ),
            Column("user_name", "User name", lambda row: row.membership.account.username, on_page=False),
            Column("tutorial", "Tutorial right", lambda row: row.num_tutorial_right, Kind.NUMBER),
            Column("tutorial_seen", "Of", lambda row: row.num_tutorial, Kind.NUMBER),
            Column("attempts", "Attempts", lambda row: row.num_taken, Kind.NUMBER),
            Column("best", "Best", _share_of_best, Kind.SHARE, template="practice/best_cell.html"),
            Column("best_at", "Best, when", _time_of_best, Kind.TIME, on_page=False),
            Column("standing", "May rate", find_standing, template="practice/standing_cell.html"),
            _make_control("change", "", "practice/waive_cell.html"),
        ],
        filters=[
            Filter("find", "Find a rater", _find_rater),
            Filter(
                "standing",
                "May rate",
                lambda rows, said: [row for row in rows if find_standing(row) == said],
                _STANDINGS,
            ),
        ],
        empty_template="practice/no_raters.html",
    )


def say_standing(row: RaterResult, *, has_test: bool) -> str:
    """Whether the rater may rate, and why, in two words."""
    if row.is_waived:
        return "let in"
    if row.is_qualified:
        return "passed"
    return "not yet" if has_test else "no test"


def _share_of_best(row: RaterResult) -> float | None:
    best = row.best
    return None if best is None else (best.num_right or 0) / max(1, len(best.trace_ids))


def _time_of_best(row: RaterResult) -> dt.datetime | None:
    return row.best.finished_at if row.best else None


def _make_control(key: str, title: str, template: str) -> Column[Any]:
    """What is pressed or ticked in a row."""
    return Column(key, title, lambda row: None, is_sortable=False, in_csv=False, template=template)


def _find_rater(rows: Sequence[RaterResult], text: str) -> list[RaterResult]:
    wanted = text.casefold()
    names = [
        (row, f"{row.membership.account.username}\n{row.membership.account.display_name}") for row in rows
    ]
    return [row for row, name in names if wanted in name.casefold()]


def build_practice_gold_table(project: Project) -> Table[Gold]:
    """Gold that can be practised on, the newest first, each with a tick; the page's form moves what is ticked."""

    def find_error_number(gold: Gold) -> int | None:
        error = gold_first_error(gold.stands)
        return None if error is None else error + 1

    return Table(
        name="gold",
        noun="gold trace",
        rows=list_practice_gold(project),
        order="-made",
        prefix="g-",
        columns=[
            _make_control("tick", "Tick", "practice/tick_cell.html"),
            Column(
                "trace",
                "Trace",
                attrgetter("trace_id"),
                sort="trace_id",
                link=lambda row: reverse("annotation:show_trace", args=[project.slug, row.trace_id]),
            ),
            Column("prompt", "Prompt", lambda row: row.trace.prompt.text, Kind.EXCERPT, is_sortable=False),
            Column("first_error", "First error in step", find_error_number, Kind.NUMBER, is_sortable=False),
            Column("steps", "Of", lambda row: len(row.stands), Kind.NUMBER, is_sortable=False),
            Column("use", "Used for", lambda row: row.get_use_display(), template="practice/use_cell.html"),
            Column("note", "Note, shown as feedback", attrgetter("note"), Kind.EXCERPT),
            Column(
                "made", "Gold since", attrgetter("created_at"), Kind.TIME, sort="created_at", on_page=False
            ),
        ],
        filters=[
            Filter(
                "find",
                "Search the prompts",
                lambda rows, text: rows.filter(trace__prompt__text__icontains=text),
            ),
            Filter("use", "Used for", lambda rows, use: rows.filter(use=use), list(GoldUse.choices)),
            Filter("error", "Error", _filter_error, [("some", "has an error"), ("none", "has none")]),
        ],
        empty="There is no gold yet. A trace becomes gold when its decision is made so, or when it is imported "
        "with its labels; then it can be set aside here.",
    )


def _filter_error(rows: QuerySet[Gold], said: str) -> QuerySet[Gold]:
    has_error = Q(stands__contains=[False])
    return rows.filter(has_error if said == "some" else ~has_error)
