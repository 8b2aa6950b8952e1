"""Every page there is, by the list of addresses itself: a new one is either walked here or said not to be a page.

Each is asked for as each kind of person. A browser looks at it as the first who may open it, and again as whoever sees
a kind of element there that nobody before them saw: what is the same but for its words need not be looked at twice. So
it does with refusals, the outsider's first.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Account, Role
from tests.addresses import list_pages
from tests.factories import make_member, make_project
from tests.journeys.conftest import OpenPage
from tests.journeys.shown import Kind, list_kinds
from tests.journeys.test_every_page import look_at
from tests.places import Places

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.django_db(transaction=True),
]

# Answers to a script, to a program or to a button; what a GET of them shows is one of the pages, or nothing.
NO_PAGES = {
    "check_readiness", "show_metrics", "download_own_data", "remove_address",
    "check_health", "archive_project", "sign_out", "choose_language", "create_token", "revoke_token", "grant_role",
    "pause_membership", "resume_membership", "remove_membership", "create_invitation", "revoke_invitation",
    "start_test", "set_gold_use", "fill_practice", "waive_test", "try_model_spec", "retire_model_spec", "cancel_import",
    "end_session", "download_refused", "start_dry_run", "cancel_batch", "pause_batch", "resume_batch", "retry_failures",
    "retire_judge", "cancel_judge_run", "next_trace", "lease_ahead", "save_draft", "keep_rewrite", "next_disagreement",
    "answer_appeal", "file_appeal", "watch_report", "request_report", "resegment_trace", "cancel_merge",
    "create_webhook", "remove_webhook", "retry_delivery", "push_export", "cancel_export", "download_archive",
    "download_file", "open_data_set", "show_dry_run", "show_step_source", "show_practice_source",
    # The same pages by other names, and what takes a password once more, which nobody here has; test_every_page.py
    # looks at the page that asks for it, and test_second_factors.py goes through the others.
    "openid_connect_login", "openid_connect_callback", "socialaccount_login_cancelled", "disconnect_single_sign_on",
    "account_reauthenticate", "account_logout", "mfa_authenticate", "mfa_activate_totp", "mfa_deactivate_totp",
    "sign_in_with_passkey", "add_passkey", "rename_passkey", "remove_passkey",
    "mfa_generate_recovery_codes", "mfa_download_recovery_codes", "mfa_view_recovery_codes", "mfa_reauthenticate",
}  # fmt: skip


@dataclass
class Found:
    """Who looks at which addresses, and which addresses are no page for anybody."""

    by_person: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    no_pages: set[str] = field(default_factory=set)


def make_people(places: Places) -> dict[str, Account | None]:
    """In the order in which pages are theirs to look at: who may less comes first."""
    return {
        "nobody": None,
        "outsider": make_member(make_project(slug="outside"), Role.ADMIN),
        "rater": places.rater,
        "adjudicator": make_member(places.project, Role.ADJUDICATOR),
        "engineer": make_member(places.project, Role.ENGINEER),
        "admin": make_member(places.project, Role.ADMIN),
        "site admin": places.admin,
    }


def find_pages(places: Places, people: dict[str, Account | None]) -> Found:
    clients = {who: Client() for who in people}
    for who, account in people.items():
        if account is not None:
            clients[who].force_login(account)
    found, refused = Found(), set[Kind]()
    for address in list_pages():
        path, seen = places.path_of(address), set[Kind]()
        for who, client in clients.items():
            answer = client.get(path)
            if b"</html>" not in getattr(answer, "content", b""):
                continue
            known = seen if answer.status_code == 200 else refused
            kinds = list_kinds(answer.text)
            if not kinds <= known:
                known |= kinds
                found.by_person[who].append(path)
        if not seen:
            found.no_pages.add(address.name.rpartition(":")[2])
    return found


def test_axe_finds_nothing_on_any_page_in_light_and_dark_and_a_phone_need_not_scroll_sideways(
    open_page: OpenPage, settings: Any
) -> None:
    settings.EMAIL_HOST = "mail.example.org"  # with which there is more to see
    places = Places()
    people = make_people(places)
    found = find_pages(places, people)
    # What the rater of these addresses has no rows for: gold in a chart, and an appeal that was answered.
    paused, slug = places.world.raters[1], places.project.slug
    found.by_person["admin"] += [
        reverse("annotation:show_rater", args=[slug, paused.pk]),
        reverse("annotation:list_disagreements", args=[slug]) + "?a-state=",
    ]

    assert sorted(found.no_pages - NO_PAGES) == []
    assert sorted(NO_PAGES - found.no_pages) == []
    assert set(found.by_person) == set(people)
    for who, account in people.items():
        look_at(open_page(account), found.by_person[who])
