"""Webhooks: signed, retried with back-off, logged, and told of every end of an export once."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from annotation.actions import jobs
from annotation.models import AuditEvent, JobState
from exports import webhooks
from exports.addresses import AddressRefused, Target
from exports.models import Export, Webhook, WebhookAttempt, WebhookDelivery
from exports.policy import ExportPolicy
from exports.tasks import deliver_due_webhooks
from tests.exports.worlds import World, make_world, start_export, write_export
from tests.factories import NOW
from tests.rl_bridge.servers import Answer, Asked, Server, serving

pytestmark = pytest.mark.django_db
LATER = dt.timedelta(seconds=30)


class Receiver:
    """Answers what it was told to, then 200."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []

    def __call__(self, asked: Asked) -> Answer:
        return self.answers.pop(0) if self.answers else Answer(200, b"ok")


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def server(receiver: Receiver, settings: LazySettings) -> Iterator[Server]:
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    with serving(receiver) as running:
        yield running


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        return self.now


def make_webhook(world: World, url: str) -> webhooks.NewWebhook:
    return webhooks.create_webhook(project=world.project, url=url, actor=world.engineer, now=NOW)


def finish_export(world: World) -> WebhookDelivery:
    write_export(start_export(world, configs=("sft", "stepwise")))
    return WebhookDelivery.objects.get()


def deliver(delivery: WebhookDelivery, clock: Clock) -> WebhookDelivery:
    webhooks.deliver_webhook(delivery_id=delivery.pk, clock=clock)
    delivery.refresh_from_db()
    return delivery


def at(delivery: WebhookDelivery) -> Clock:
    clock = Clock()
    clock.now = delivery.next_attempt_at
    return clock


def test_a_finished_export_is_told_signed_and_logged(server: Server) -> None:
    world = make_world(2)
    made = make_webhook(world, f"{server.url}/hook?from=gradus")

    delivery = finish_export(world)
    deliver(delivery, at(delivery))

    asked = server.asked[0]
    assert (asked.method, asked.path) == ("POST", "/hook?from=gradus")
    told = json.loads(asked.body)
    assert (told["event"], told["state"]) == ("export.finished", "finished")
    assert told["path"] == f"/api/v1/exports/{delivery.export_id}/"
    assert asked.headers["gradus-event"] == "export.finished"
    assert asked.headers["gradus-delivery"] == str(delivery.uid)
    stamp, signature = (part.partition("=")[2] for part in asked.headers["gradus-signature"].split(","))
    signed = hmac.new(made.secret.encode(), f"{stamp}.".encode() + asked.body, hashlib.sha256)
    assert hmac.compare_digest(signature, signed.hexdigest())
    assert delivery.state == "delivered"
    attempt = WebhookAttempt.objects.get()
    assert (attempt.number, attempt.status, attempt.error) == (1, 200, "")


def test_a_failed_export_is_told_too_with_its_reason(server: Server) -> None:
    world = make_world(1)
    make_webhook(world, server.url)

    export = write_export(start_export(world, configs=("stepwise",), policy=ExportPolicy(minimum_raters=9)))

    assert export.state == JobState.FAILED
    told = json.loads(WebhookDelivery.objects.get().body)
    assert told["event"] == "export.failed"
    assert "fewer raters" in told["error"]


def test_other_projects_and_removed_webhooks_are_not_told(server: Server) -> None:
    world, other = make_world(1), make_world(1)
    make_webhook(other, server.url)
    gone = make_webhook(world, server.url).webhook
    webhooks.remove_webhook(webhook=gone, actor=world.engineer, now=NOW)

    write_export(start_export(world, configs=("sft", "stepwise")))

    assert not WebhookDelivery.objects.exists()


def test_failures_are_retried_with_longer_and_longer_pauses_and_then_given_up(
    server: Server, receiver: Receiver
) -> None:
    world = make_world(2)
    make_webhook(world, server.url)
    delivery = finish_export(world)
    receiver.answers = [Answer(500), Answer(404), Answer(302), Answer(503), Answer(429), Answer(500)]
    pauses = []

    for _ in range(6):
        clock = at(delivery)
        deliver(delivery, clock)
        pauses.append(delivery.next_attempt_at - clock.now)

    assert pauses[:5] == list(webhooks.BACK_OFF)
    assert (delivery.state, delivery.num_attempts) == ("given_up", 6)
    assert [row.status for row in delivery.attempts.all()] == [500, 404, 302, 503, 429, 500]
    bodies = {asked.body for asked in server.asked}
    assert len(bodies) == 1  # the same message each time
    assert len({asked.headers["gradus-delivery"] for asked in server.asked}) == 1


def test_before_its_time_a_delivery_is_left_alone_and_after_it_the_clock_sends_it(
    server: Server, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(2)
    make_webhook(world, server.url)
    delivery = finish_export(world)
    receiver.answers = [Answer(500)]
    clock = at(delivery)
    deliver(delivery, clock)

    deliver(delivery, clock)
    assert delivery.num_attempts == 1
    clock.now += webhooks.BACK_OFF[0]
    assert webhooks.deliver_due_webhooks(clock=clock) == 1

    delivery.refresh_from_db()
    assert delivery.state == "delivered"
    deliver_due_webhooks()  # the task itself, with nothing left to do
    assert len(server.asked) == 2


def test_an_export_whose_workers_died_is_told_of_once_to_those_who_asked_before(server: Server) -> None:
    world = make_world(1)
    make_webhook(world, server.url)
    export = start_export(world)
    Export.objects.filter(pk=export.pk).update(state="running", started_at=NOW, num_attempts=5)
    clock = Clock()
    clock.now += dt.timedelta(hours=1)
    jobs.reap_jobs(now=clock.now, stall_seconds=60, max_attempts=5)
    late = webhooks.create_webhook(
        project=world.project, url=f"{server.url}/late", actor=world.engineer, now=clock.now + LATER
    )
    clock.now += LATER

    assert [webhooks.deliver_due_webhooks(clock=clock) for _ in range(2)] == [1, 0]

    (asked,) = server.asked
    told = json.loads(asked.body)
    assert (told["event"], told["export"]) == ("export.failed", export.pk)
    assert "died 5 times" in told["error"]
    assert not WebhookDelivery.objects.filter(webhook=late.webhook).exists()


def test_what_failed_long_ago_is_not_told_any_more(server: Server) -> None:
    world = make_world(1)
    make_webhook(world, server.url)
    export = start_export(world)
    Export.objects.filter(pk=export.pk).update(state="failed", error="No.", finished_at=NOW)
    clock = Clock()
    clock.now += dt.timedelta(days=2)

    assert webhooks.deliver_due_webhooks(clock=clock) == 0


def test_an_address_with_letters_beyond_ascii_is_told_percent_encoded(server: Server) -> None:
    world = make_world(2)
    make_webhook(world, f"{server.url}/höök/%C3%A9?an=wéb&x=a%20b")
    delivery = finish_export(world)

    deliver(delivery, at(delivery))

    assert delivery.state == "delivered"
    assert server.asked[0].path == "/h%C3%B6%C3%B6k/%C3%A9?an=w%C3%A9b&x=a%20b"


def test_a_delivery_that_breaks_off_is_logged_and_keeps_no_other_back(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = make_world(2)
    make_webhook(world, f"{server.url}/bad")
    make_webhook(world, f"{server.url}/good")
    write_export(start_export(world, configs=("sft", "stepwise")))
    find_target = webhooks.find_target

    def break_off(url: str, networks: list[str]) -> Target:
        if url.endswith("/bad"):
            raise RuntimeError("Nobody thought of this.")
        return find_target(url, networks)

    monkeypatch.setattr(webhooks, "find_target", break_off)
    clock = Clock()
    clock.now = WebhookDelivery.objects.all()[0].next_attempt_at

    assert webhooks.deliver_due_webhooks(clock=clock) == 2

    assert [asked.path for asked in server.asked] == ["/good"]
    assert "Nobody thought of this." in caplog.text


def test_a_worker_that_dies_in_an_attempt_leaves_it_to_another(server: Server) -> None:
    world = make_world(2)
    make_webhook(world, server.url)
    delivery = finish_export(world)
    clock = at(delivery)
    webhooks._claim(delivery.pk, clock.now)  # and is never heard of again

    assert deliver(delivery, clock).state == "waiting"
    clock.now += dt.timedelta(seconds=61)
    assert deliver(delivery, clock).state == "delivered"
    assert delivery.num_attempts == 2


def test_a_receiver_that_is_gone_or_closed_by_now_is_said_to_be(
    server: Server, settings: LazySettings
) -> None:
    world = make_world(2)
    make_webhook(world, server.url)
    delivery = finish_export(world)
    settings.WEBHOOK_NETWORKS = []

    deliver(delivery, at(delivery))

    attempt = delivery.attempts.get()
    assert attempt.status is None
    assert "not a public address" in attempt.error
    assert server.asked == []


def test_nobody_listening_is_a_failure_in_words(settings: LazySettings) -> None:
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    with serving(lambda asked: Answer()) as gone:
        pass
    world = make_world(2)
    make_webhook(world, gone.url)
    delivery = finish_export(world)

    deliver(delivery, at(delivery))

    assert delivery.attempts.get().error == "Nothing listens there."


def test_a_delivery_that_was_given_up_can_be_sent_again(server: Server) -> None:
    world = make_world(2)
    make_webhook(world, server.url)
    delivery = finish_export(world)
    WebhookDelivery.objects.update(state="given_up", num_attempts=6)

    webhooks.retry_delivery(delivery=delivery, actor=world.engineer, now=NOW)
    delivery.refresh_from_db()
    clock = at(delivery)

    assert deliver(delivery, clock).state == "delivered"
    with pytest.raises(webhooks.NotRetryable):
        webhooks.retry_delivery(delivery=delivery, actor=world.engineer, now=NOW)


def test_the_secret_is_nowhere_in_the_database_and_differs_by_webhook(server: Server) -> None:
    world = make_world(1)

    first, second = make_webhook(world, server.url), make_webhook(world, f"{server.url}/b")

    assert first.secret != second.secret
    assert webhooks.secret_of(Webhook.objects.get(pk=first.webhook.pk)) == first.secret
    stored = [value for row in Webhook.objects.values() for value in row.values()]
    assert first.secret not in [str(value) for value in stored]


def test_an_inward_address_makes_no_webhook() -> None:
    world = make_world(1)

    with pytest.raises(AddressRefused, match="not a public address"):
        make_webhook(world, "http://169.254.169.254/latest/meta-data/")

    assert not Webhook.objects.exists()


def test_an_address_is_told_once_and_a_project_has_ten_at_most(server: Server) -> None:
    world = make_world(1)
    make_webhook(world, server.url)

    with pytest.raises(webhooks.WebhookExists):
        make_webhook(world, server.url)
    for number in range(9):
        make_webhook(world, f"{server.url}/{number}")
    with pytest.raises(webhooks.TooManyWebhooks):
        make_webhook(world, f"{server.url}/one-more")


def test_removing_gives_up_what_waits_and_is_in_the_audit_log(server: Server) -> None:
    world = make_world(2)
    made = make_webhook(world, server.url)
    delivery = finish_export(world)

    webhooks.remove_webhook(webhook=made.webhook, actor=world.engineer, now=NOW)
    webhooks.remove_webhook(webhook=made.webhook, actor=world.engineer, now=NOW)

    delivery.refresh_from_db()
    assert delivery.state == "given_up"
    verbs = AuditEvent.objects.filter(project=world.project, verb__contains="webhook").order_by("pk")
    assert [event.verb for event in verbs] == ["made a webhook", "removed a webhook"]
    assert verbs[0].details == {"host": "127.0.0.1"}  # the rest of an address can be its secret
