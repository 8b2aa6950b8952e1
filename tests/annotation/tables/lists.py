"""Small tables for tests: of prompts in the database, and of plain rows in memory."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from django.http import QueryDict

from annotation.models import Project, Prompt
from annotation.tables.page import TablePage, show_page
from annotation.tables.table import Column, Filter, Kind, Table


@dataclass(frozen=True)
class Fruit:
    name: str
    weight: float | None = None


FRUITS = (Fruit("pear", 2.0), Fruit("Apple", 3.0), Fruit("fig"), Fruit("banana", 1.0))


def make_fruit_table(rows: Any = FRUITS, default: str = "", **fields: Any) -> Table[Fruit]:
    """`default` is that of the filter "weighed"."""
    defaults: dict[str, Any] = {
        "name": "fruits",
        "noun": "fruit",
        "rows": rows,
        "order": "name",
        "columns": [
            Column("name", "Name", lambda fruit: fruit.name),
            Column("weight", "Weight", lambda fruit: fruit.weight, Kind.DECIMAL),
            Column("button", "", lambda fruit: None, is_sortable=False, in_csv=False),
        ],
        "filters": [
            Filter("q", "Find", lambda rows, text: [fruit for fruit in rows if text in fruit.name]),
            Filter(
                "weighed",
                "Weighed",
                lambda rows, said: [fruit for fruit in rows if (fruit.weight is not None) == (said == "yes")],
                [("yes", "Weighed"), ("no", "Not weighed")],
                default,
            ),
        ],
    }
    return Table(**{**defaults, **fields})


def make_prompt_table(project: Project, **fields: Any) -> Table[Prompt]:
    defaults: dict[str, Any] = {
        "name": "prompts",
        "noun": "prompt",
        "rows": Prompt.objects.filter(project=project),
        "order": "id",
        "columns": [
            Column("id", "No.", attrgetter("pk"), sort="pk"),
            Column("text", "Prompt", attrgetter("text"), Kind.EXCERPT),
            Column("verifier", "Verifier", attrgetter("verifier")),
        ],
        "filters": [Filter("q", "Find", lambda prompts, text: prompts.filter(text__icontains=text))],
    }
    return Table(**{**defaults, **fields})


def show(table: Table[Any], query: str = "") -> TablePage:
    return show_page(table, QueryDict(query), path="/list/")


def list_names(page: TablePage) -> list[str]:
    return [line.row.name for line in page.lines]
