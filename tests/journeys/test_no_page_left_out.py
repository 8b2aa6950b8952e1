"""Every page there is, by the list of addresses itself: a new one is either walked here or said not to be a page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping

import pytest
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone

import annotation.urls
import exports.urls
from annotation.actions.invitations import create_invitation
from annotation.actions.judge_runs import launch_judge_run
from annotation.models import (
    Account,
    GenerationBatch,
    GoldUse,
    Judge,
    JudgeKind,
    Membership,
    MergeRun,
    ReportKind,
    Role,
)
from annotation.queries.accounts import make_start_link_parts
from tests.annotation.practice_worlds import make_gold_traces
from tests.exports.worlds import start_export, write_export
from tests.factories import (
    NOW,
    make_account,
    make_appeal,
    make_assignment,
    make_attempt,
    make_branch,
    make_decision,
    make_dry_run,
    make_import_run,
    make_model_spec,
    make_practice_answer,
    make_rating,
    make_site_admin,
    make_trace,
)
from tests.journeys.conftest import OpenPage
from tests.journeys.test_every_page import look_at, make_lively_world

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.django_db(transaction=True),
]

# Answers to a script, to a program or to a button; what a GET of them shows is one of the pages, or nothing.
NO_PAGES = {
    "check_health", "archive_project", "sign_out", "choose_language", "create_token", "revoke_token", "grant_role",
    "pause_membership", "resume_membership", "remove_membership", "create_invitation", "revoke_invitation",
    "start_test", "set_gold_use", "fill_practice", "waive_test", "try_model_spec", "retire_model_spec", "cancel_import",
    "download_refused", "start_dry_run", "cancel_batch", "pause_batch", "resume_batch", "retry_failures",
    "retire_judge", "cancel_judge_run", "next_trace", "lease_ahead", "save_draft", "keep_rewrite", "next_disagreement",
    "answer_appeal", "file_appeal", "watch_report", "request_report", "resegment_trace", "cancel_merge",
    "create_webhook", "remove_webhook", "retry_delivery", "push_export", "cancel_export", "download_archive",
    "download_file", "open_data_set", "show_dry_run", "show_step_source", "show_practice_source",
}  # fmt: skip


def patterns() -> Iterator[tuple[str, URLPattern]]:
    for urls in (annotation.urls, exports.urls):
        for pattern in urls.urlpatterns:
            assert pattern.name
            yield f"{urls.app_name}:{pattern.name}", pattern


class Places:
    """A world in which every address leads somewhere, and what stands in the addresses."""

    def __init__(self) -> None:
        self.world = world = make_lively_world()
        project, self.rater = world.project, world.raters[0]
        merge = MergeRun.objects.get()
        self.admin = make_site_admin()
        Membership.objects.create(project=project, account=self.admin, role=Role.ADMIN, created_at=NOW)
        now = timezone.now()
        tutorial, *_ = make_gold_traces(project, 2, GoldUse.TUTORIAL)
        make_practice_answer(tutorial.trace, self.rater)
        open_trace = make_trace(world.prompts[0], batch=world.right[0].batch, sample_index=9)
        self.open = make_assignment(open_trace, self.rater, expires_at=now + dt.timedelta(hours=1))
        make_branch(self.open)
        first = make_rating(make_trace(world.prompts[1]), self.rater, is_current=False)
        first.assignment.ended_at = now  # may still be amended
        first.assignment.save()
        make_rating(first.trace, assignment=first.assignment, revision=2, submitted_at=now)
        decision = make_decision(world.wrong[2])
        invitation = create_invitation(
            project=project, role=Role.RATER, note="", expires_at=now + dt.timedelta(days=1),
            max_uses=1, actor=self.admin, now=now,
        )  # fmt: skip
        uid, token = make_start_link_parts(make_account())
        run = make_import_run()
        run.project = run.source.project = project
        run.save()
        run.source.save()
        _, export = (write_export(start_export(world, merge)) for _ in range(2))
        self.values: dict[str, object] = {
            "slug": project.slug, "account_id": self.rater.pk, "trace_id": world.wrong[1].pk, "index": 1, "revision": 1,
            "prompt_id": world.prompts[0].pk, "batch_id": GenerationBatch.objects.filter(project=project).get().pk,
            "spec_id": make_model_spec().pk, "assignment_id": first.assignment_id, "secret": invitation.secret,
            "uid": uid, "token": token, "kind": ReportKind.AGREEMENT, "source_id": run.source.pk,
            "dry_run_id": make_dry_run(world.prompts[0], created_by=self.admin).pk,
            "appeal_id": make_appeal(decision, self.rater).pk, "export_id": export.pk,
            "name": "manifest.json",
            "attempt_id": make_attempt(project, self.rater, number=2, trace_ids=[tutorial.trace_id]).pk,
            **dict.fromkeys(("token_id", "membership_id", "invitation_id", "webhook_id", "delivery_id", "judge_id"), 1),
        }  # fmt: skip
        judge_run = launch_judge_run(
            project=project,
            judge=Judge.objects.filter(kind=JudgeKind.ARITHMETIC).first(),
            actor=self.admin,
            now=now,
        )
        practised = {"trace_id": tutorial.trace_id}
        self.own: dict[str, Mapping[str, object]] = {
            "show_import": {"run_id": run.pk},
            "show_judge_run": {"run_id": judge_run.pk},
            "show_merge": {"run_id": merge.pk},
            "explain_trace": {"run_id": merge.pk},
            "rate_trace": {"assignment_id": self.open.pk},
            "show_alternatives": {"assignment_id": self.open.pk},
            "show_step_source": {"assignment_id": self.open.pk},
            "practise_trace": practised,
            "show_feedback": practised,
            "show_practice_source": practised,
        }

    def address_of(self, name: str, pattern: URLPattern) -> str:
        wanted = pattern.pattern.converters
        values = {"run_id": 1, **self.values, **self.own.get(str(pattern.name), {})}
        address = reverse(name, kwargs={parameter: values[parameter] for parameter in wanted})
        if pattern.name == "compare_traces":  # without a pair it only leads to one
            address += f"?left={self.world.right[0].pk}&right={self.world.wrong[0].pk}"
        return address


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
    addresses = {name: places.address_of(name, pattern) for name, pattern in patterns()}
    seen_by: dict[str, list[str]] = {"nobody": [], "rater": [], "admin": []}
    people = {"nobody": None, "rater": places.rater, "admin": places.admin}
    no_pages = set()
    for name, address in addresses.items():
        who = next((who for who, account in people.items() if is_page(account, address)), None)
        if who is None:
            no_pages.add(name.partition(":")[2])
        else:
            seen_by[who].append(address)

    assert sorted(no_pages - NO_PAGES) == []
    assert sorted(NO_PAGES - no_pages) == []
    for who, account in people.items():
        look_at(open_page(account), seen_by[who])
