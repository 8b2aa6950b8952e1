"""Answers of pages that hold tables: the whole page, one table alone for htmx, or its CSV."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from annotation.actions.audit import record_event
from annotation.models import Project
from annotation.tables.csv_lines import stream_csv
from annotation.tables.page import TablePage, show_page
from annotation.tables.table import Table
from annotation.views.access import account_of


def answer_tables(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    *tables: Table[Any],
    path: str = "",
    status: int = 200,
) -> HttpResponseBase:
    """The page with its tables as `tables.<name>`; `?csv=<name>` answers with that table as a file.

    path: the page's own address, where the request's is another (a form that is answered with the page).
    """
    path = path or request.path
    by_name = {table.name: table for table in tables}
    wanted = by_name.get(request.GET.get("csv", ""))
    if wanted is not None and request.method in ("GET", "HEAD"):
        return _answer_csv(request, wanted, context.get("project"), path)
    part = find_htmx_part(request, by_name)
    if part is not None:
        shown = {"table": show_page(part, request.GET, path=path)}
        answer = render(request, "components/table_part.html", {**context, **shown}, status=status)
    else:
        pages = show_tables(request, *tables, path=path)
        answer = render(request, template, {**context, "tables": pages}, status=status)
    patch_vary_headers(answer, ["HX-Request", "HX-Target"])  # the same address is a page and a part of it
    return answer


def answer_progress(
    request: HttpRequest, template: str, context: dict[str, Any], table: Table[Any], *, is_open: bool
) -> HttpResponseBase:
    """The page of a job with its table. Of htmx's question how far the job is, the answer is the part that `template`
    names behind its #, with the table only once the job has ended: nobody's reading is disturbed before."""
    whole = template.partition("#")[0]
    if not request.htmx or find_htmx_part(request, {table.name: table}) is not None:  # type: ignore[attr-defined]
        return answer_tables(request, whole, context, table)
    if not is_open:
        context = {**context, "has_ended": True, "tables": show_tables(request, table, path=request.path)}
    answer = render(request, template, context)
    patch_vary_headers(answer, ["HX-Request", "HX-Target"])
    return answer


def show_tables(request: HttpRequest, *tables: Table[Any], path: str) -> dict[str, TablePage]:
    """The tables' pages by name, for a template that is rendered otherwise."""
    return {table.name: show_page(table, request.GET, path=path) for table in tables}


def find_htmx_part(request: HttpRequest, tables: dict[str, Table[Any]]) -> Table[Any] | None:
    """The table that htmx asks for by its id."""
    if not request.htmx:  # type: ignore[attr-defined]  # set by django-htmx's middleware
        return None
    target = request.htmx.target or ""  # type: ignore[attr-defined]
    return tables.get(target.removeprefix("table-"))


def _answer_csv(
    request: HttpRequest, table: Table[Any], project: Project | None, path: str
) -> StreamingHttpResponse:
    if request.method == "GET":
        record_event(
            actor=account_of(request),
            verb="downloaded a table",
            subject=table.name,
            now=timezone.now(),
            project=project,
        )
    answer = StreamingHttpResponse(
        stream_csv(table, request.GET, path=path), content_type="text/csv; charset=utf-8"
    )
    prefix = f"{project.slug}-" if project else ""
    answer["Content-Disposition"] = f'attachment; filename="{prefix}{table.name}.csv"'
    answer["Cache-Control"] = "private, no-store"
    return answer
