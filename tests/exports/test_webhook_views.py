"""The page of webhooks: who may open it, the secret shown once, the log."""

from __future__ import annotations

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from exports import webhooks
from exports.models import Webhook, WebhookDelivery
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.exports.test_views import ALLOWED, expected_status
from tests.exports.worlds import World, make_world, start_export, write_export
from tests.factories import NOW
from tests.rl_bridge.servers import Answer, serving

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def open_networks(settings: LazySettings) -> None:
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]


def path(world: World, view: str, *args: int) -> str:
    return reverse(f"exports:{view}", args=[world.project.slug, *args])


def add(world: World, url: str = "http://127.0.0.1:9/hook") -> webhooks.NewWebhook:
    return webhooks.create_webhook(project=world.project, url=url, actor=world.engineer, now=NOW)


def sign_in(world: World) -> Client:
    client = Client()
    client.force_login(world.engineer)
    return client


@pytest.mark.parametrize("kind", VISITORS)
def test_webhooks_are_for_engineers_and_admins(kind: str) -> None:
    world = make_world(2)
    made = add(world)
    write_export(start_export(world, configs=("sft", "stepwise")))
    delivery = WebhookDelivery.objects.get()
    WebhookDelivery.objects.update(state="given_up")
    client = make_visitor(kind, world.project).client
    wanted = 302 if kind in ALLOWED else expected_status(kind)

    assert client.get(path(world, "list_webhooks")).status_code == expected_status(kind)
    assert client.post(path(world, "retry_delivery", delivery.pk)).status_code == wanted
    created = client.post(path(world, "create_webhook"), {"url": "http://127.0.0.1:9/second"})
    assert created.status_code == expected_status(kind)
    assert client.post(path(world, "remove_webhook", made.webhook.pk)).status_code == wanted
    assert Webhook.objects.filter(removed_at__isnull=True).count() == 1


def test_the_secret_is_shown_once_and_the_page_is_not_kept() -> None:
    world = make_world(1)
    client = sign_in(world)

    made = client.post(path(world, "create_webhook"), {"url": "http://127.0.0.1:9/hook"})

    secret = webhooks.secret_of(Webhook.objects.get())
    assert secret in made.content.decode()
    assert "no-store" in made["Cache-Control"]
    assert secret not in client.get(path(world, "list_webhooks")).content.decode()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://169.254.169.254/", "169.254.169.254 is not a public address"),
        ("gradus", "begins with https://"),
        ("", "This field is required"),
        ("https://a:b@example.org/", "Leave user name and password out"),
    ],
)
def test_an_address_that_can_not_be_is_refused_beside_the_field(url: str, words: str) -> None:
    world = make_world(1)

    page = sign_in(world).post(path(world, "create_webhook"), {"url": url})

    assert words in page.content.decode()
    assert not Webhook.objects.exists()


def test_the_log_shows_every_attempt_with_its_status_or_reason() -> None:
    world = make_world(2)
    answers = [Answer(500), Answer(200)]
    with serving(lambda asked: answers.pop(0)) as server:
        add(world, server.url)
        write_export(start_export(world, configs=("sft", "stepwise")))
        delivery = WebhookDelivery.objects.get()
        for _ in range(2):
            at = delivery.next_attempt_at
            webhooks.deliver_webhook(delivery_id=delivery.pk, clock=lambda at=at: at)  # type: ignore[misc]
            delivery.refresh_from_db()

    page = sign_in(world).get(path(world, "list_webhooks")).content.decode()

    assert "<code>500</code>" in page
    assert "<code>200</code>" in page
    assert "✓ Delivered" in page
    assert "export.finished" in page


def test_another_projects_webhook_is_not_found() -> None:
    world, other = make_world(1), make_world(1)
    made = add(other)

    answer = sign_in(world).post(path(world, "remove_webhook", made.webhook.pk))

    assert answer.status_code == 404
    assert Webhook.objects.get().removed_at is None


def test_a_delivery_that_went_through_is_not_sent_again() -> None:
    world = make_world(2)
    add(world)
    write_export(start_export(world, configs=("sft", "stepwise")))
    WebhookDelivery.objects.update(state="delivered")

    answer = sign_in(world).post(path(world, "retry_delivery", WebhookDelivery.objects.get().pk), follow=True)

    assert "needs no other attempt" in answer.content.decode()
