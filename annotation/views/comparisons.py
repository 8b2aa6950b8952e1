"""The comparison page: two traces of one prompt side by side, and a choice."""

from __future__ import annotations

import random
from dataclasses import dataclass
from http import HTTPStatus

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods
from django_htmx.http import push_url

from annotation.actions.comparisons import AlreadyCompared, submit_comparison
from annotation.forms.comparisons import ComparisonForm, PairForm
from annotation.models import Project, Role, Trace
from annotation.queries.comparisons import Pair, PairIds, find_pair, get_pair
from annotation.queries.practice import is_qualified
from annotation.rules.comparing import count_shared_steps
from annotation.rules.segmentation import split_steps
from annotation.views.access import account_of, load_project
from annotation.views.responses import redirect_htmx

_source = random.SystemRandom()
_NUM_PUT_OFF = 40  # skipped pairs a session remembers


@dataclass(frozen=True)
class SideSteps:
    """One trace as a column: the steps both share, and its own, each with its number."""

    trace: Trace
    name: str
    shared: list[tuple[int, str]]
    own: list[tuple[int, str]]


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def compare_traces(request: HttpRequest, slug: str) -> HttpResponse:
    """Shows the pair the address names, else picks one and goes to its address, so that reloading shows the same."""
    project = load_project(request, slug, Role.RATER)
    if not is_qualified(account_of(request), project):
        return redirect_htmx(request, "annotation:show_practice", slug)
    if request.method == "POST":
        return _take_choice(request, project)
    if not request.GET:
        return _show_next(request, project)
    return _show_pair(request, project, _get_named_pair(request, project, PairForm(request.GET)))


def _take_choice(request: HttpRequest, project: Project) -> HttpResponse:
    form = ComparisonForm(request.POST)
    pair = _get_named_pair(request, project, form)
    if not form.is_valid():
        return _show_pair(request, project, pair, form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if form.is_skip:
        _put_off(request, project, pair.ids)
        return _show_next(request, project)
    try:
        submit_comparison(
            pair=pair,
            rater=account_of(request),
            side=form.side(),
            note=form.cleaned_data["note"],
            now=timezone.now(),
        )
    except AlreadyCompared as refusal:
        form.add_error(None, str(refusal))
        return _show_pair(request, project, pair, form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return _show_next(request, project)


def _get_named_pair(request: HttpRequest, project: Project, form: PairForm) -> Pair:
    form.is_valid()
    named = form.cleaned_data
    pair = None
    if "left" in named and "right" in named:
        pair = get_pair(
            rater=account_of(request), project=project, left_id=named["left"], right_id=named["right"]
        )
    if pair is None:
        raise Http404(gettext("These are not two traces of one prompt that you may compare in this project."))
    return pair


def _show_next(request: HttpRequest, project: Project) -> HttpResponse:
    """The next pair: its address for a browser, the page's part in this very answer for htmx."""
    ids = find_pair(
        rater=account_of(request), project=project, source=_source, put_off=_list_put_off(request, project)
    )
    own_url = reverse("annotation:compare_traces", args=[project.slug])
    if ids is None:
        response = _render_part(request, "comparisons/nothing_left.html", {"project": project})
        return push_url(response, own_url) if request.htmx else response  # type: ignore[attr-defined]
    url = f"{own_url}?{urlencode({'left': ids[0], 'right': ids[1]})}"
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(url)
    pair = get_pair(rater=account_of(request), project=project, left_id=ids[0], right_id=ids[1])
    if pair is None:
        raise Http404(gettext("The pair is gone; reload the page."))
    return push_url(_show_pair(request, project, pair), url)


def _show_pair(
    request: HttpRequest,
    project: Project,
    pair: Pair,
    *,
    form: ComparisonForm | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    left, right = (split_steps(trace.completion, trace.step_ends) for trace in (pair.left, pair.right))
    num_shared = count_shared_steps(left, right)
    context = {
        "project": project,
        "prompt": pair.prompt,
        "pair": pair,
        "num_shared": num_shared,
        "sides": [
            _as_side(pair.left, gettext("Left"), left, num_shared),
            _as_side(pair.right, gettext("Right"), right, num_shared),
        ],
        "form": form or ComparisonForm(),
    }
    return _render_part(request, "comparisons/compare_traces.html", context, status=status)


def _as_side(trace: Trace, name: str, steps: list[str], num_shared: int) -> SideSteps:
    numbered = list(enumerate(steps, start=1))
    return SideSteps(trace=trace, name=name, shared=numbered[:num_shared], own=numbered[num_shared:])


def _render_part(
    request: HttpRequest, template: str, context: dict[str, object], *, status: int = HTTPStatus.OK
) -> HttpResponse:
    """The page, or for htmx its part named `comparison`."""
    part = f"{template}#comparison" if request.htmx else template  # type: ignore[attr-defined]
    return render(request, part, context, status=status)


def _put_off(request: HttpRequest, project: Project, ids: PairIds) -> None:
    key = _session_key(project)
    kept = [list(pair) for pair in _list_put_off(request, project) if pair != ids]
    request.session[key] = [*kept, list(ids)][-_NUM_PUT_OFF:]


def _list_put_off(request: HttpRequest, project: Project) -> list[PairIds]:
    return [(pair[0], pair[1]) for pair in request.session.get(_session_key(project), [])]


def _session_key(project: Project) -> str:
    return f"skipped_pairs_{project.pk}"
