"""The pages of exports in a real browser: light, dark, on a phone, without a script; and no accessibility fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.urls import reverse
from playwright.sync_api import expect

from exports.models import Export
from exports.policy import ExportPolicy
from exports.webhooks import create_webhook
from tests.exports.worlds import World, make_world, merge_world, start_export, write_export
from tests.factories import NOW
from tests.journeys.accessibility import expect_fit_to_be_seen
from tests.journeys.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world(settings: LazySettings, tmp_path: Any) -> Iterator[tuple[World, list[Export]]]:
    settings.EXPORTS_DIR, settings.HUB_HAS_TOKEN = tmp_path, True
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    made = make_world(12)
    run = merge_world(made)
    create_webhook(project=made.project, url="http://127.0.0.1:9/hook", actor=made.engineer, now=NOW)
    yield made, [write_export(start_export(made, run, policy=ExportPolicy(seed=seed))) for seed in (1, 2)]


def list_paths(world: World, export: Export) -> list[str]:
    base = f"/p/{world.project.slug}/exports/"
    return [
        base,
        f"{base}new/",
        f"{base}{export.pk}/",
        f"{base}{export.pk}/compare/?config=prompts",
        f"{base}webhooks/",
        reverse("annotation:list_tokens"),
    ]


@pytest.mark.slow  # test_no_page_left_out.py has these pages too
def test_every_page_is_readable_by_everyone_in_every_look(
    open_page: OpenPage, world: tuple[World, list[Export]]
) -> None:
    made, exports = world
    page = open_page(made.engineer)
    for path in list_paths(made, exports[1]):
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
        expect_fit_to_be_seen(page, path)


def test_the_preview_follows_the_choices(open_page: OpenPage, world: tuple[World, list[Export]]) -> None:
    made, _ = world
    page = open_page(made.engineer)
    page.goto(f"/p/{made.project.slug}/exports/new/")

    page.get_by_label("Raters a label needs").fill("9")
    page.get_by_label("Raters a label needs").press("Tab")

    expect(page.locator("#preview")).to_contain_text("fewer than 9 blind raters")


def test_without_a_script_an_export_is_previewed_started_and_compared(
    open_page: OpenPage, world: tuple[World, list[Export]]
) -> None:
    made, exports = world
    page = open_page(made.engineer, java_script_enabled=False)
    page.goto(f"/p/{made.project.slug}/exports/new/")
    page.get_by_label("Raters a label needs").fill("9")
    page.get_by_role("button", name="Update the preview").click()
    expect(page.locator("#preview")).to_contain_text("fewer than 9 blind raters")

    page.get_by_label("Raters a label needs").fill("2")
    page.get_by_role("button", name="Start the export").click()
    expect(page.get_by_text("It waits for a worker.")).to_be_visible()

    page.goto(f"/p/{made.project.slug}/exports/{exports[1].pk}/")
    page.get_by_role("link", name="What changed since export").click()
    expect(page.get_by_text("The policy: seed was 1, then 2.")).to_be_visible()


def test_commands_are_copied_with_one_click(open_page: OpenPage, world: tuple[World, list[Export]]) -> None:
    made, exports = world
    page = open_page(made.engineer, permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"/p/{made.project.slug}/exports/{exports[0].pk}/")

    page.locator("[data-copy='#code-pull']").click()

    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"python -m rl_bridge pull {page.url} --out" in copied
