"""What is kept of a person: all of it for themselves, and how it is forgotten."""

from __future__ import annotations

import datetime as dt
import io
import json

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from annotation.actions import privacy
from annotation.actions.tokens import create_token
from annotation.models import (
    Account,
    Assignment,
    AssignmentState,
    AuditEvent,
    Invitation,
    Membership,
    Rating,
    Role,
    SelectedBy,
    TokenScope,
)
from annotation.queries.personal_data import PARTS
from tests.factories import (
    NOW,
    make_assignment,
    make_gold,
    make_member,
    make_project,
    make_rating,
    make_site_admin,
    make_trace,
)

pytestmark = pytest.mark.django_db

_STARTED = "what somebody started for a project; the audit log, which is in, says so"
WITHOUT = {
    "logentry": "the administration's own; the audit log has it too",
    **dict.fromkeys(
        ("dryrun", "export", "generationbatch", "gold", "hubpush", "importrun", "importsource"), _STARTED
    ),
    **dict.fromkeys(
        (
            "invitation",
            "judgerun",
            "mergerun",
            "modeltrial",
            "prompt",
            "trainedjudge",
            "qualityreport",
            "webhook",
        ),
        _STARTED,
    ),
}


@pytest.fixture
def jane() -> Account:
    project = make_project()
    account = make_member(
        project, username="jane", display_name="Jane Doe", email="jane@example.org", first_name="Jane"
    )
    account.set_password("jane's own password")
    account.save()
    return account


@pytest.fixture
def rating(jane: Account) -> Rating:
    trace = make_trace(project=Membership.objects.get(account=jane).project)
    make_gold(trace)
    assignment = make_assignment(
        trace, jane, selected_by=SelectedBy.GOLD, state=AssignmentState.SUBMITTED, ended_at=NOW
    )
    return make_rating(trace, assignment=assignment, notes={"1": "Seven."}, labels=(1, -1, None))


def download(account: Account) -> list[dict[str, object]]:
    client = Client()
    client.force_login(account)
    answer = client.get(reverse("annotation:download_own_data"))
    return [json.loads(line) for line in b"".join(answer).decode().splitlines()]


def test_the_administration_forgets_the_name_too(jane: Account) -> None:
    admin = make_site_admin()
    client = Client()
    client.force_login(admin)
    TOTP.activate(jane, "JBSWY3DPEHPK3PXP")
    page = reverse("admin:annotation_account_change", args=[jane.pk])
    client.post(
        page, {"username": "jane", "display_name": "Jane D.", "email": "j@example.org", "is_active": "on"}
    )
    factor = jane.authenticator_set.get()
    client.post(reverse("admin:mfa_authenticator_delete", args=[factor.pk]), {"post": "yes"})
    other = LogEntry.objects.log_actions(admin.pk, [admin], CHANGE, change_message="kept", single_object=True)
    assert "jane" in str(list(LogEntry.objects.values())).lower()

    privacy.forget_person(account=jane, actor=None, now=NOW)

    said = list(LogEntry.objects.exclude(pk=other.pk).values())
    assert said and "jane" not in str(said).lower()
    other.refresh_from_db()
    assert (other.object_repr, other.change_message) == (str(admin), "kept")


class TestOwnData:
    def test_it_has_account_roles_and_work(self, jane: Account, rating: Rating) -> None:
        rows = {row["kind"]: row for row in download(jane)}

        assert rows["account"]["email"] == "jane@example.org"
        assert rows["membership"]["role"] == "rater"
        assert (rows["rating"]["labels"], rows["rating"]["notes"]) == ([1, -1, None], {"1": "Seven."})

    def test_taking_it_is_in_the_audit_log(self, jane: Account) -> None:
        download(jane)

        event = AuditEvent.objects.get(verb="downloaded what is kept of them")
        assert (event.actor, event.subject) == (jane, f"account {jane.pk}")

    def test_it_has_nobody_elses(self, jane: Account, rating: Rating) -> None:
        make_rating(rating.trace, notes={"0": "not Jane's"})

        assert "not Jane's" not in str(download(jane))

    def test_it_tells_neither_gold_nor_secrets(self, jane: Account, rating: Rating) -> None:
        TOTP.activate(jane, "JBSWY3DPEHPK3PXP")
        told = str(download(jane))

        assert not [word for word in ("gold", "password", "secret_hash", "is_right", "JBSWY") if word in told]

    def test_every_table_that_names_a_person_is_in_it_or_says_why_not(self) -> None:
        naming = {str(relation.related_model._meta.model_name) for relation in Account._meta.related_objects}

        assert naming - {str(part.model._meta.model_name) for part in PARTS} == set(WITHOUT)


class TestForgetting:
    def test_names_addresses_roles_and_ways_in_are_gone_and_ratings_stay(
        self, jane: Account, rating: Rating
    ) -> None:
        admin = make_site_admin()
        TOTP.activate(jane, "JBSWY3DPEHPK3PXP")
        create_token(
            account=jane,
            name="Jane's",
            scopes=[TokenScope.PROMPTS_READ],
            expires_at=NOW + dt.timedelta(1),
            now=NOW,
        )

        pseudonym = privacy.forget_person(account=jane, actor=admin, now=NOW)

        kept = Account.objects.get(pk=jane.pk)
        assert (kept.username, str(kept), kept.is_active) == (pseudonym, pseudonym, False)
        assert "jane" not in str(Account.objects.filter(pk=jane.pk).values()[0]).lower()
        assert not Client().login(username=pseudonym, password="jane's own password")
        related = (kept.membership_set, kept.apitoken_set, kept.authenticator_set, kept.usersession_set)
        assert [rows.count() for rows in related] == [0, 0, 0, 0]
        assert Rating.objects.get(pk=rating.pk).labels == [1, -1, None]

    def test_the_audit_log_says_that_it_was_done_by_whom_and_names_nobody(self, jane: Account) -> None:
        privacy.forget_person(account=jane, actor=make_site_admin(), now=NOW)

        event = AuditEvent.objects.get(verb="forgot a person")
        assert event.subject == f"account {jane.pk}"
        assert "jane" not in str(list(AuditEvent.objects.values())).lower()

    def test_open_sessions_end(self, jane: Account) -> None:
        client = Client()
        client.post(reverse("annotation:sign_in"), {"username": "jane", "password": "jane's own password"})
        assert client.get("/work/").status_code == 200

        privacy.forget_person(account=jane, actor=None, now=NOW)

        assert client.get("/work/").status_code == 302

    def test_traces_held_go_to_others_and_invitations_lose_the_address(self, jane: Account) -> None:
        project = Membership.objects.get(account=jane).project
        held = make_assignment(make_trace(project=project), jane, expires_at=NOW + dt.timedelta(hours=1))
        Invitation.objects.create(
            project=project, secret_hash="x", sent_to="Jane@example.org", note="for Jane", expires_at=NOW,
            created_by=make_site_admin(), created_at=NOW,
        )  # fmt: skip

        privacy.forget_person(account=jane, actor=None, now=NOW)

        assert Assignment.objects.get(pk=held.pk).state == AssignmentState.RETURNED
        assert (Invitation.objects.get().sent_to, Invitation.objects.get().note) == ("", "")

    def test_a_projects_only_admin_and_the_last_site_admin_stay(self, jane: Account) -> None:
        project = Membership.objects.get(account=jane).project
        for account in (make_member(project, Role.ADMIN), make_site_admin()):
            with pytest.raises(privacy.StillNeeded):
                privacy.forget_person(account=account, actor=None, now=NOW)

        assert not AuditEvent.objects.exists()

    def test_twice_is_once(self, jane: Account) -> None:
        first = privacy.forget_person(account=jane, actor=None, now=NOW)

        assert privacy.forget_person(account=jane, actor=None, now=NOW) == first

    def test_the_command_asks_and_says_what_became_of_the_ratings(
        self, jane: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("builtins.input", lambda question: "no")
        with pytest.raises(CommandError, match="Nothing was done"):
            call_command("forget_person", "jane")
        with pytest.raises(CommandError, match="no account"):
            call_command("forget_person", "nobody")

        out = io.StringIO()
        call_command("forget_person", "Jane", yes=True, stdout=out)

        assert f"former-{jane.pk}" in out.getvalue()
