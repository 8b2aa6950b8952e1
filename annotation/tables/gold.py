"""The table of a project's gold."""

from __future__ import annotations

from operator import attrgetter

from django.urls import reverse

from annotation.models import Gold, GoldSource, Project
from annotation.queries.gold import list_gold
from annotation.rules.gold_accuracy import gold_first_error
from annotation.tables.table import Column, Filter, Kind, Table


def build_gold_table(project: Project) -> Table[Gold]:
    def say_first_error(gold: Gold) -> str:
        error = gold_first_error(gold.stands)
        return "none" if error is None else f"step {error + 1}"

    return Table(
        name="gold",
        noun="gold trace",
        rows=list_gold(project),
        order="-made",
        columns=[
            Column(
                "trace",
                "Trace",
                attrgetter("trace_id"),
                sort="trace_id",
                link=lambda gold: reverse("annotation:show_trace", args=[project.slug, gold.trace_id]),
            ),
            Column("prompt", "Prompt", lambda gold: gold.trace.prompt.text, Kind.EXCERPT, is_sortable=False),
            Column("first_error", "First error", say_first_error, is_sortable=False),
            Column("source", "Made by", lambda gold: gold.get_source_display()),
            Column("use", "For", lambda gold: gold.get_use_display()),
            Column("seen", "Rated as gold", attrgetter("num_seen"), Kind.NUMBER, sort="num_seen"),
            Column("made", "Since", lambda gold: gold.created_at, Kind.TIME, sort="created_at"),
        ],
        filters=[
            Filter(
                "source", "Made by", lambda rows, value: rows.filter(source=value), list(GoldSource.choices)
            )
        ],
        empty="No trace is gold yet. Bring some below, or make decided traces gold in the review.",
    )
