"""Two exports side by side: how they were made, what each holds, and which rows differ and why."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotation.models import JobState
from annotation.views.access import account_of, load_project
from exports.comparison import (
    ConfigComparison,
    FilesGone,
    compare_config,
    describe_differences,
    find_without,
    list_compared_configs,
)
from exports.explanations import Explained, explain_rows
from exports.models import Export
from exports.queries import MAKERS, find_export_before, list_exports_of

_OFFERED = 30
_TITLES = {"changed": "Changed", "removed": "Removed", "added": "Added"}


@dataclass(frozen=True)
class RowGroup:
    """The rows that differ in one way; `num_rows` counts those not shown too."""

    title: str
    num_rows: int
    rows: list[Explained]


@login_required
@never_cache
@require_safe
def compare_exports(request: HttpRequest, slug: str, export_id: int) -> HttpResponse:
    """The export against another finished one of the project: the one before it, unless `with` names another.

    Whichever was started first is the one that rows are added to and removed from.
    """
    project = load_project(request, slug, *MAKERS)
    exports = list_exports_of(account_of(request)).filter(project=project, state=JobState.FINISHED)
    after = get_object_or_404(exports, pk=export_id)
    others = list(exports.exclude(pk=after.pk)[:_OFFERED])
    other = _find_other(request, exports, after)
    context: dict[str, object] = {"project": project, "export": after, "others": others, "other": other}
    if other is not None:
        before, after = sorted((other, after), key=lambda export: export.pk)
        configs = list_compared_configs(before, after)
        in_both = (name for name in configs if find_without(before, after, name) is None)
        config = request.GET.get("config") or next(in_both, next(iter(configs), ""))
        if config and config not in configs:
            raise Http404("Neither export has this dataset.")
        context |= {"before": before, "after": after, "configs": configs, "config": config}
        context |= {"causes": describe_differences(before, after)}
        context |= _compare(before, after, config) if configs else {}
    return render(request, "exports/compare_exports.html", context)


def _find_other(request: HttpRequest, exports: QuerySet[Export], after: Export) -> Export | None:
    others = exports.exclude(pk=after.pk)
    named = request.GET.get("with", "")
    if named:
        if not named.isascii() or not named.isdigit() or len(named) > 18:
            raise Http404("There is no such export.")
        return get_object_or_404(others, pk=int(named))
    return find_export_before(others, after) or others.first()


def _compare(before: Export, after: Export, config: str) -> dict[str, object]:
    try:
        found = compare_config(before, after, config)
    except FilesGone as error:
        return {"problem": str(error)}
    explained = explain_rows(before, after, config, found.rows)
    return {"found": found, "groups": [_group(kind, found, explained) for kind in _TITLES]}


def _group(kind: str, found: ConfigComparison, explained: list[Explained]) -> RowGroup:
    counts = {"changed": found.num_changed, "removed": found.num_removed, "added": found.num_added}
    return RowGroup(_TITLES[kind], counts[kind], [row for row in explained if row.row.kind == kind])
