"""Pushing from the page: only with a token in the environment, once at a time, and what the Hub said is shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from annotation.models import AuditEvent, JobState
from exports import hub
from exports.models import Export, HubPush
from exports.tasks import push_to_hub
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.exports.test_views import ALLOWED, expected_status
from tests.exports.worlds import LATER, World, make_world, start_export, write_export
from tests.factories import NOW
from tests.rl_bridge.fake_hub import TOKEN, FakeHub
from tests.rl_bridge.servers import Server, serving

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def has_token(settings: LazySettings) -> None:
    settings.HUB_HAS_TOKEN = True


@pytest.fixture
def fake_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving(FakeHub()) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


def make_export() -> tuple[World, Export]:
    world = make_world(2)
    return world, write_export(start_export(world, configs=("stepwise", "prompts")))


def start(world: World, export: Export, repository: str = "ada/sums", *, is_private: bool = True) -> HubPush:
    return hub.start_push(
        export=export, repository=repository, is_private=is_private, actor=world.engineer, now=NOW
    )


def test_a_push_ends_with_the_address_of_its_commit(fake_hub: Server) -> None:
    world, export = make_export()
    push = start(world, export)

    push_to_hub(push.pk)

    push.refresh_from_db()
    assert (push.state, push.error) == (JobState.FINISHED, "")
    assert push.commit_url.endswith("/commit/abc")
    assert AuditEvent.objects.filter(verb="pushed an export to the Hub", project=world.project).exists()


def test_a_refused_push_fails_with_the_hubs_reason_and_no_token(
    fake_hub: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, export = make_export()
    push = start(world, export)
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")

    hub.run_push(push_id=push.pk, clock=lambda: LATER)

    push.refresh_from_db()
    assert push.state == JobState.FAILED
    assert push.error.startswith("The Hub did not take ada/sums")
    assert "hf_wrong" not in push.error


def test_a_large_file_that_finds_no_room_fails_the_push_with_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, export = make_export()
    fake = FakeHub(is_large=lambda path, size: path.startswith("stepwise/"))
    fake.is_full = True
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    with serving(fake) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        push = start(world, export)
        hub.run_push(push_id=push.pk, clock=lambda: LATER)

    push.refresh_from_db()
    assert (push.state, push.commit_url, fake.files) == (JobState.FAILED, "", {})
    assert push.error.startswith("The Hub did not take ada/sums: Error while uploading 'stepwise/")


def test_the_token_is_nowhere_in_the_database(fake_hub: Server) -> None:
    world, export = make_export()
    push = start(world, export)

    hub.run_push(push_id=push.pk, clock=lambda: LATER)

    stored = str(list(HubPush.objects.values())) + str(list(AuditEvent.objects.values()))
    assert TOKEN not in stored


@pytest.mark.parametrize(
    "repository",
    ["", "sums", "ada/sums/more", "../etc", "ada/su ms", "ada/" + "x" * 200, "-ada/sums", "ada/sums\n"],
)
def test_a_name_that_no_repository_has_is_refused(repository: str) -> None:
    world, export = make_export()

    with pytest.raises(hub.BadRepository):
        start(world, export, repository)
    assert not HubPush.objects.exists()


def test_only_a_finished_export_is_pushed_and_once_at_a_time() -> None:
    world, export = make_export()
    waiting = start_export(world, configs=("prompts",))

    with pytest.raises(hub.ExportUnfit, match="Only a finished export"):
        start(world, waiting)
    start(world, export)
    with pytest.raises(hub.ExportUnfit, match="on its way to ada/sums already"):
        start(world, export)
    assert start(world, export, "ada/other").state == JobState.QUEUED


def test_without_a_token_nothing_is_offered_and_nothing_starts(settings: LazySettings) -> None:
    settings.HUB_HAS_TOKEN = False
    world, export = make_export()
    client = Client()
    client.force_login(world.engineer)
    page = reverse("exports:show_export", args=[world.project.slug, export.pk])

    with pytest.raises(hub.NoToken):
        start(world, export)
    assert "Hugging Face Hub" not in client.get(page).content.decode()


@pytest.mark.parametrize("kind", VISITORS)
def test_only_engineers_and_admins_push(kind: str) -> None:
    world, export = make_export()
    client = make_visitor(kind, world.project).client
    path = reverse("exports:push_export", args=[world.project.slug, export.pk])

    answer = client.post(path, {"repository": "ada/sums", "is_public": "on"})

    assert answer.status_code == (302 if kind in ALLOWED else expected_status(kind))
    assert HubPush.objects.count() == (1 if kind in ALLOWED else 0)
    assert not HubPush.objects.filter(is_private=True).exists()


def test_the_list_of_pushes_asks_again_while_one_is_on_its_way_and_leaves_the_form_alone() -> None:
    world, export = make_export()
    client = Client()
    client.force_login(world.engineer)
    page = reverse("exports:show_export", args=[world.project.slug, export.pk])
    push = start(world, export)
    headers = {"HX-Request": "true", "HX-Target": "pushes"}

    waiting = client.get(page, headers=headers).content.decode()
    HubPush.objects.filter(pk=push.pk).update(state="failed", finished_at=NOW, error="The Hub is full.")
    done = client.get(page, headers=headers).content.decode()

    assert waiting.lstrip().startswith('<div id="pushes"') and "<form" not in waiting
    assert 'hx-trigger="every 2s"' in waiting
    assert "every 2s" not in done and "The Hub is full." in done


def test_the_page_shows_what_became_of_a_push_and_what_was_wrong_with_a_name() -> None:
    world, export = make_export()
    client = Client()
    client.force_login(world.engineer)
    path = reverse("exports:push_export", args=[world.project.slug, export.pk])
    HubPush.objects.filter(pk=start(world, export).pk).update(
        state="failed", finished_at=NOW, error="The Hub did not take ada/sums: full."
    )

    refused = client.post(path, {"repository": "sums"}, follow=True).content.decode()

    assert "Name the repository as owner/name" in refused
    assert "The Hub did not take ada/sums: full." in refused
