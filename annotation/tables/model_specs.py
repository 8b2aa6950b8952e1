"""The table of models."""

from __future__ import annotations

from operator import attrgetter

from django.db.models import Q
from django.urls import reverse

from annotation.models import Backend, ModelSpec
from annotation.queries.model_specs import list_model_specs_with_use
from annotation.tables.table import Column, Filter, Kind, Table


def build_model_table() -> Table[ModelSpec]:
    """Those in use first, then by name."""
    return Table(
        name="models",
        noun="model",
        rows=list_model_specs_with_use(),
        order="",
        columns=[
            Column(
                "name",
                "Name",
                attrgetter("name"),
                link=lambda row: reverse("annotation:show_model_spec", args=[row.pk]),
            ),
            Column("kind", "Kind", lambda row: row.get_backend_display(), sort="backend"),
            Column(
                "where",
                "Where",
                attrgetter("location"),
                sort="location",
                template="model_specs/where_cell.html",
            ),
            Column("address", "Address", attrgetter("address"), on_page=False),
            Column("state", "State", say_state, is_sortable=False, template="model_specs/state_cell.html"),
            Column("batches", "Batches", attrgetter("num_batches"), Kind.NUMBER, sort="num_batches"),
            Column("judges", "Judges", attrgetter("num_judges"), Kind.NUMBER, sort="num_judges"),
            Column("added", "Added", attrgetter("created_at"), Kind.DATE, sort="created_at"),
        ],
        filters=[
            Filter(
                "find",
                "Find a model",
                lambda rows, text: rows.filter(Q(name__icontains=text) | Q(location__icontains=text)),
            ),
            Filter(
                "kind",
                "Kind",
                lambda rows, kind: rows.filter(backend=kind),
                [(value, str(label)) for value, label in Backend.choices],
            ),
            Filter(
                "state",
                "State",
                lambda rows, said: rows.filter(retired_at__isnull=said == "in use"),
                [("in use", "in use"), ("retired", "retired")],
            ),
        ],
    )


def say_state(row: ModelSpec) -> str:
    return "in use" if row.retired_at is None else "retired"
