"""The table of the projects that a person may see, and that of their own API tokens."""

from __future__ import annotations

import datetime as dt

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext

from annotation.models import Account, ApiToken, Project
from annotation.queries.access import list_projects_of
from annotation.queries.tokens import list_tokens_of
from annotation.tables.table import Column, Filter, Kind, Table


def build_project_table(account: Account) -> Table[Project]:
    """By name."""
    return Table(
        name="projects",
        noun=gettext("project"),
        nouns=gettext("projects"),
        rows=list_projects_of(account),
        order="name",
        columns=[
            Column("name", gettext("Project"), lambda row: row.name, link=_link_to_project),
            Column("slug", "Address", lambda row: row.slug, on_page=False),
            Column(
                "description",
                gettext("What it is"),
                lambda row: row.description,
                Kind.EXCERPT,
                is_sortable=False,
            ),
            Column("created", gettext("Made"), lambda row: row.created_at, Kind.DATE, sort="created_at"),
        ],
        filters=[
            Filter(
                "q",
                gettext("Find a project"),
                lambda rows, text: rows.filter(Q(name__icontains=text) | Q(description__icontains=text)),
            )
        ],
        empty_template="projects/no_projects.html",
    )


def _link_to_project(row: Project) -> str:
    return reverse("annotation:show_project", args=[row.slug])


def build_token_table(account: Account, *, now: dt.datetime) -> Table[ApiToken]:
    """The account's own tokens, the newest first. Their secrets are nowhere."""
    return Table(
        name="tokens",
        noun="token",
        rows=list_tokens_of(account),
        order="-made",
        columns=[
            Column("name", "Name", lambda row: row.name),
            Column("prefix", "Starts with", lambda row: f"{row.prefix}…", sort="prefix"),
            Column(
                "scopes",
                "Scopes",
                lambda row: ", ".join(row.scopes),
                is_sortable=False,
                template="tokens/scopes_cell.html",
            ),
            Column(
                "project",
                "Project",
                lambda row: row.project.name if row.project else "all",
                sort="project__name",
                is_nullable=True,
            ),
            Column("until", "Works until", lambda row: row.expires_at, Kind.TIME, sort="expires_at"),
            Column(
                "state",
                "State",
                lambda row: "expired" if row.expires_at <= now else "works",
                is_sortable=False,
            ),
            Column(
                "used",
                "Last used",
                lambda row: row.last_used_at,
                Kind.TIME,
                sort="last_used_at",
                is_nullable=True,
            ),
            Column("made", "Made", lambda row: row.created_at, Kind.TIME, sort="created_at", on_page=False),
            Column(
                "change",
                "",
                lambda row: None,
                is_sortable=False,
                in_csv=False,
                template="tokens/revoke_cell.html",
            ),
        ],
        filters=[
            Filter("find", "Find a token", lambda rows, text: rows.filter(name__icontains=text)),
            Filter(
                "state",
                "State",
                lambda rows, said: rows.filter(**{f"expires_at__{'gt' if said == 'works' else 'lte'}": now}),
                [("works", "works"), ("expired", "expired")],
            ),
        ],
        empty="You have no tokens. Make one to send prompts, or to fetch ratings and exports from a program.",
    )
