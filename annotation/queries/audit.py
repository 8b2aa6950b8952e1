"""The audit log, read: of one project, or of the whole site."""

from __future__ import annotations

import re

from django.db.models import Q, QuerySet

from annotation.models import Account, AuditEvent, Project

_ACCOUNT = re.compile(r"account (\d{1,18})")


def list_events(project: Project | None = None) -> QuerySet[AuditEvent]:
    """Events of a project, the newest first; without one, all events of the site."""
    events = AuditEvent.objects.select_related("actor", "project")
    return events if project is None else events.filter(project=project)


def list_verbs(project: Project | None = None) -> list[str]:
    """What has happened at least once, in the words of the log."""
    events = AuditEvent.objects.all() if project is None else AuditEvent.objects.filter(project=project)
    return list(events.order_by("verb").values_list("verb", flat=True).distinct())


def search_events(events: QuerySet[AuditEvent], text: str) -> QuerySet[AuditEvent]:
    """Those that name it: what was done, to what, by whom or to whom."""
    people = Account.objects.filter(Q(username__icontains=text) | Q(display_name__icontains=text))
    subjects = [f"account {pk}" for pk in people.values_list("pk", flat=True)[:1000]]
    return events.filter(
        Q(verb__icontains=text) | Q(subject__icontains=text) | Q(actor__in=people) | Q(subject__in=subjects)
    )


def find_account_of_subject(subject: str) -> Account | None:
    """The account that an event's subject names by its number."""
    found = _ACCOUNT.fullmatch(subject)
    return Account.objects.filter(pk=int(found[1])).first() if found else None
