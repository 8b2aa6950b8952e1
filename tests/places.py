"""A world in which every address leads to a real row, and people of every role in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from uuid import uuid4

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.usersessions.models import UserSession
from django.utils import timezone

from annotation.actions.invitations import create_invitation
from annotation.actions.judge_runs import launch_judge_run
from annotation.actions.sign_ins import note_session
from annotation.actions.tokens import create_token
from annotation.models import (
    Account,
    GenerationBatch,
    GoldUse,
    Invitation,
    Judge,
    JudgeKind,
    Membership,
    MergeRun,
    ReportKind,
    Role,
    TokenScope,
)
from annotation.queries.accounts import make_reset_link_parts, make_start_link_parts
from annotation.queries.email_addresses import sign_address
from annotation.queries.sign_ins import shorten_key
from exports.models import Export, Webhook, WebhookDelivery
from tests.addresses import Address
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
    make_judge,
    make_member,
    make_model_spec,
    make_practice_answer,
    make_project,
    make_rating,
    make_site_admin,
    make_trace,
)
from tests.lively_world import make_lively_world
from tests.passkeys import give_passkey


def make_delivery(export: Export, admin: Account) -> WebhookDelivery:
    webhook = Webhook.objects.create(
        project=export.project,
        url="https://told.example.org/",
        salt="0" * 32,
        created_by=admin,
        created_at=NOW,
    )
    return WebhookDelivery.objects.create(
        webhook=webhook,
        export=export,
        event="export.finished",
        body="{}",
        created_at=NOW,
        next_attempt_at=NOW,
    )


def make_own_session(account: Account) -> int:
    key = uuid4().hex
    note_session(account=account, key=key, ip="127.0.0.1", user_agent="Firefox", now=timezone.now())
    return UserSession.objects.get(session_key=shorten_key(key)).pk


def make_own_token(account: Account) -> int:
    return create_token(
        account=account, name="own", scopes=[TokenScope.PROMPTS_READ], expires_at=timezone.now() + dt.timedelta(days=1),
        now=timezone.now(),
    ).token.pk  # fmt: skip


class Places:
    """The rater is the world's first, whose work the addresses lead to; the admin is one of site and project."""

    def __init__(self) -> None:
        self.world = world = make_lively_world()
        project, self.rater = world.project, world.raters[0]
        self.project = project
        merge = MergeRun.objects.get()
        self.admin = make_site_admin()
        role = Membership.objects.create(project=project, account=self.admin, role=Role.ADMIN, created_at=NOW)
        now = timezone.now()
        tutorial, *_ = make_gold_traces(project, 2, GoldUse.TUTORIAL)
        make_practice_answer(tutorial.trace, self.rater)
        open_trace = make_trace(world.prompts[0], batch=world.right[0].batch, sample_index=9)
        self.open = make_assignment(open_trace, self.rater, expires_at=now + dt.timedelta(hours=1))
        make_branch(self.open)
        first = make_rating(make_trace(world.prompts[1]), self.rater, is_current=False)
        first.assignment.ended_at = now  # may still be amended
        first.assignment.save()
        current = make_rating(first.trace, assignment=first.assignment, revision=2, submitted_at=now)
        decision = make_decision(world.wrong[2])
        invitation = create_invitation(
            project=project, role=Role.RATER, note="", expires_at=now + dt.timedelta(days=1),
            max_uses=1, actor=self.admin, now=now,
        )  # fmt: skip
        uid, token = make_start_link_parts(make_account())
        forgetful = make_reset_link_parts(make_account())
        run = make_import_run()
        run.project = run.source.project = project
        run.save()
        run.source.save()
        _, export = (write_export(start_export(world, merge)) for _ in range(2))
        delivery = make_delivery(export, self.admin)
        attempt = make_attempt(project, self.rater, number=2, trace_ids=[tutorial.trace_id])
        judge_run = launch_judge_run(
            project=project,
            judge=Judge.objects.filter(kind=JudgeKind.ARITHMETIC).first(),
            actor=self.admin,
            now=now,
        )
        self.values: dict[str, object] = {
            "slug": project.slug, "account_id": self.rater.pk, "trace_id": world.wrong[1].pk, "index": 1, "revision": 1,
            "prompt_id": world.prompts[0].pk, "batch_id": GenerationBatch.objects.filter(project=project).get().pk,
            "spec_id": make_model_spec().pk, "assignment_id": first.assignment_id, "secret": invitation.secret,
            "uid": uid, "token": token, "provider_id": "sso", "kind": ReportKind.AGREEMENT, "source_id": run.source.pk,
            "dry_run_id": make_dry_run(world.prompts[0], created_by=self.admin).pk,
            "appeal_id": make_appeal(decision, self.rater).pk, "export_id": export.pk,
            "name": "manifest.json", "attempt_id": attempt.pk, "membership_id": role.pk,
            "invitation_id": Invitation.objects.get().pk, "webhook_id": delivery.webhook_id,
            "delivery_id": delivery.pk, "judge_id": make_judge(project=project).pk,
            "token_id": make_own_token(self.admin), "run_id": merge.pk, "session_id": make_own_session(self.admin),
            "passkey_id": give_passkey(self.admin),
        }  # fmt: skip
        practised, opened = {"trace_id": tutorial.trace_id}, {"assignment_id": self.open.pk}
        imported, judged = {"run_id": run.pk}, {"run_id": judge_run.pk}
        rater_role = Membership.objects.get(project=project, account=self.rater)
        self.own: dict[str, Mapping[str, object]] = {
            **dict.fromkeys(("show_import", "cancel_import", "download_refused"), imported),
            **dict.fromkeys(("show_judge_run", "cancel_judge_run"), judged),
            **dict.fromkeys(
                (
                    "rate_trace", "lease_ahead", "save_draft", "show_alternatives", "show_step_source", "keep_rewrite"
                ), opened,
            ),
            **dict.fromkeys(("practise_trace", "show_feedback", "show_practice_source"), practised),
            "reset_password": dict(zip(("uid", "token"), forgetful, strict=True)),
            "confirm_address": {"token": sign_address(self.admin, "admin@example.org")},
            "waive_test": {"membership_id": rater_role.pk},
            "file_appeal": {"assignment_id": world.right[0].ratings.get(rater=self.rater).assignment_id},
            "prompt_detail": {"pk": world.prompts[0].pk},
            "trace_detail": {"pk": world.wrong[1].pk},
            "rating_detail": {"pk": current.pk},
            **{
                key: {"pk": export.pk}
                for key in (
                    "export_detail", "export_comparison", "export_archive", "export_file", "export_pushes",
                    "export_cancel",
                )
            },
            "merge_detail": {"pk": merge.pk}, "merge_cancel": {"pk": merge.pk},
        }  # fmt: skip

        self.bodies: dict[str, dict[str, object]] = {
            "take_test": {"trace": tutorial.trace_id},
            "compare_traces": {"left": world.right[0].pk, "right": world.wrong[0].pk},
            "prompt_list": {"project": project.slug, "prompts": [{"text": "How many?"}]},
            "gold_list": {"project": project.slug, "gold": [{"trace": world.silent.pk, "first_error": None}]},
            "rollout_list": {"project": project.slug, "run": "grpo-1", "rollouts": []},
            "rating_list": {"trace": open_trace.pk, "labels": [1, 1, 1], "idempotency_key": str(uuid4())},
            "export_list": {"project": project.slug, "configs": ["sft"]},
            "export_preview": {"project": project.slug, "configs": ["sft"]},
            "merge_list": {"project": project.slug},
        }

    def body_of(self, address: Address) -> dict[str, object]:
        """What a POST there needs so that the answer says who may, and not what is missing."""
        return self.bodies.get(address.name.partition(":")[2], {})

    def values_of(self, address: Address) -> dict[str, object]:
        return {**self.values, **self.own.get(address.name.partition(":")[2], {})}

    def path_of(self, address: Address) -> str:
        """Where the address leads to a row of the world's project."""
        path = address.fill(self.values_of(address))
        if address.name == "annotation:compare_traces":  # without a pair it only leads to one
            path += f"?left={self.world.right[0].pk}&right={self.world.wrong[0].pk}"
        return path

    def make_people(self) -> dict[str, Account | None]:
        """One of each kind: the rater whose work the addresses lead to, another one, and who else there is."""
        outsider = make_member(outside := make_project(slug="outside"), Role.ADMIN)
        Membership.objects.create(project=outside, account=outsider, role=Role.RATER, created_at=NOW)
        other = make_member(self.project)
        make_attempt(
            self.project, other, number=1, has_passed=True, finished_at=NOW, num_right=0, trace_ids=[]
        )
        people: dict[str, Account | None] = {
            "nobody": None,
            "outsider": outsider,
            "rater": self.rater,
            "other rater": other,
            "adjudicator": make_member(self.project, Role.ADJUDICATOR),
            "engineer": make_member(self.project, Role.ENGINEER),
            "admin": make_member(self.project, Role.ADMIN),
            "site admin": make_site_admin(),
        }
        for account in people.values():
            if account is not None:
                TOTP.activate(account, "JBSWY3DPEHPK3PXP")  # so that there is something to turn off
                RecoveryCodes.activate(account)
        return people
