"""Every page there is, by the list of addresses itself: a new one is either walked here or said not to be a page."""

from __future__ import annotations

import pytest
from django.test import Client

from annotation.models import Account
from tests.addresses import list_pages
from tests.journeys.conftest import OpenPage
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
    "check_readiness", "show_metrics", "download_own_data",
    "check_health", "archive_project", "sign_out", "choose_language", "create_token", "revoke_token", "grant_role",
    "pause_membership", "resume_membership", "remove_membership", "create_invitation", "revoke_invitation",
    "start_test", "set_gold_use", "fill_practice", "waive_test", "try_model_spec", "retire_model_spec", "cancel_import",
    "download_refused", "start_dry_run", "cancel_batch", "pause_batch", "resume_batch", "retry_failures",
    "retire_judge", "cancel_judge_run", "next_trace", "lease_ahead", "save_draft", "keep_rewrite", "next_disagreement",
    "answer_appeal", "file_appeal", "watch_report", "request_report", "resegment_trace", "cancel_merge",
    "create_webhook", "remove_webhook", "retry_delivery", "push_export", "cancel_export", "download_archive",
    "download_file", "open_data_set", "show_dry_run", "show_step_source", "show_practice_source",
    # The same pages by other names, and what takes a password once more, which nobody here has; test_every_page.py
    # looks at the page that asks for it, and test_second_factors.py goes through the others.
    "account_reauthenticate", "account_logout", "mfa_authenticate", "mfa_activate_totp", "mfa_deactivate_totp",
    "mfa_generate_recovery_codes", "mfa_download_recovery_codes", "mfa_view_recovery_codes", "mfa_reauthenticate",
}  # fmt: skip


def is_page(account: Account | None, address: str) -> bool:
    client = Client(raise_request_exception=True)
    if account is not None:
        client.force_login(account)
    answer = client.get(address)
    return answer.status_code == 200 and b"</html>" in getattr(answer, "content", b"")


def test_axe_finds_nothing_on_any_page_in_light_and_dark_and_a_phone_need_not_scroll_sideways(
    open_page: OpenPage,
) -> None:
    places = Places()
    addresses = {address.name: places.path_of(address) for address in list_pages()}
    seen_by: dict[str, list[str]] = {"nobody": [], "rater": [], "admin": []}
    people = {"nobody": None, "rater": places.rater, "admin": places.admin}
    no_pages = set()
    for name, address in addresses.items():
        who = next((who for who, account in people.items() if is_page(account, address)), None)
        if who is None:
            no_pages.add(name.rpartition(":")[2])
        else:
            seen_by[who].append(address)

    assert sorted(no_pages - NO_PAGES) == []
    assert sorted(NO_PAGES - no_pages) == []
    for who, account in people.items():
        look_at(open_page(account), seen_by[who])
