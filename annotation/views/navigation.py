"""What the frame around every page shows: the project one is in, and the pages one may open there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from annotation.models import Project, Role

_EVERYONE = frozenset(Role)
_STAFF = frozenset({Role.ADMIN, Role.ENGINEER, Role.ADJUDICATOR})
_MAKERS = frozenset({Role.ADMIN, Role.ENGINEER})
_REVIEWERS = frozenset({Role.ADMIN, Role.ADJUDICATOR})


def _always(project: Project) -> bool:
    return True


def _shows_decisions(project: Project) -> bool:
    return project.shows_decisions


@dataclass(frozen=True)
class NavigationEntry:
    """One page of a project: its view, its words, who may open it, under which heading it stands, and in which
    projects it is there."""

    view: str
    title: str
    section: str
    roles: frozenset[Role]
    is_in: Callable[[Project], bool] = _always


ENTRIES = (
    NavigationEntry("annotation:show_project", _("Overview"), "", _EVERYONE),
    NavigationEntry("annotation:next_trace", _("Rate"), _("Judge"), frozenset({Role.RATER})),
    NavigationEntry("annotation:compare_traces", _("Compare"), _("Judge"), frozenset({Role.RATER})),
    NavigationEntry(
        "annotation:list_decisions", _("Decisions"), _("Judge"), frozenset({Role.RATER}), _shows_decisions
    ),
    NavigationEntry("annotation:list_disagreements", _("Review"), _("Judge"), _REVIEWERS),
    NavigationEntry("annotation:list_gold", _("Gold"), _("Judge"), _REVIEWERS),
    NavigationEntry("annotation:show_practice", _("Practice"), _("Judge"), frozenset({Role.RATER})),
    NavigationEntry("annotation:list_prompts", _("Prompts"), _("Make"), _MAKERS),
    NavigationEntry("annotation:list_batches", _("Batches"), _("Make"), _MAKERS),
    NavigationEntry("annotation:list_judge_runs", _("Judges"), _("Make"), _MAKERS),
    NavigationEntry("annotation:list_traces", _("Traces"), _("Make"), _STAFF),
    NavigationEntry("annotation:show_agreement", _("Agreement"), _("Check"), _REVIEWERS),
    NavigationEntry("annotation:show_judge_quality", _("Judges against people"), _("Check"), _STAFF),
    NavigationEntry("annotation:list_merges", _("Merge"), _("Take"), _MAKERS),
    NavigationEntry("exports:list_exports", _("Exports"), _("Take"), _MAKERS),
    NavigationEntry("annotation:list_people", _("People"), _("Run"), frozenset({Role.ADMIN})),
    NavigationEntry("annotation:manage_practice", _("Qualification"), _("Run"), frozenset({Role.ADMIN})),
    NavigationEntry("annotation:list_events", _("Audit log"), _("Run"), frozenset({Role.ADMIN})),
    NavigationEntry("annotation:edit_project", _("Settings"), _("Run"), frozenset({Role.ADMIN})),
)


@dataclass(frozen=True)
class NavigationLink:
    url: str
    title: str
    section: str
    is_current: bool


def add_navigation(request: HttpRequest) -> dict[str, object]:
    """Context processor. Outside a project there are no links. They are made when a template asks for them: the parts
    of pages that a script asks for have no navigation."""
    project: Project | None = getattr(request, "project", None)
    return {
        "nav_project": project,
        "nav_links": SimpleLazyObject(lambda: _list_links(request, project) if project else []),
        "nav_roles": SimpleLazyObject(lambda: _roles_on(request)),
    }


def _roles_on(request: HttpRequest) -> frozenset[Role]:
    """The roles that the view left on the request, or what finds them."""
    roles: frozenset[Role] | Callable[[], frozenset[Role]] = getattr(request, "roles", frozenset())
    return roles() if callable(roles) else roles


def _list_links(request: HttpRequest, project: Project) -> list[NavigationLink]:
    roles = _roles_on(request)
    shown = [entry for entry in ENTRIES if roles & entry.roles and entry.is_in(project)]
    return [link for entry in shown for link in _link(request, entry, project)]


def _link(request: HttpRequest, entry: NavigationEntry, project: Project) -> list[NavigationLink]:
    try:
        url = reverse(entry.view, args=[project.slug])
    except NoReverseMatch:
        return []
    path = getattr(
        request, "nav_path", request.path
    )  # a page outside its project's path says where it belongs
    is_current = path == url or (entry.section != "" and path.startswith(url))
    return [
        NavigationLink(
            url=url,
            title=gettext(entry.title),
            section=gettext(entry.section) if entry.section else "",
            is_current=is_current,
        )
    ]
