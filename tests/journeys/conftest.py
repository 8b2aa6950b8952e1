"""A real Chromium against a live server, signed in, that fails a test for any error in its console.

Debian builds two programs from Chromium's source: `chromium`, and `chromium-headless-shell` with the same engine but
without the window around it, whose pages open with a fifth of the work (0.18 instead of 0.84 CPU seconds a page, two
cores, version 156). The walks take the second where it is installed.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from annotation.models import Account

CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DEFAULT_TIMEOUT_MS = 8_000
# Said by the browser itself when the network is away, when the server refuses, or when a page warns on leaving.
_EXPECTED = ("Failed to load resource", "net::ERR_")

OpenPage = Callable[..., Page]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium. Playwright keeps an event loop in this thread, which Django otherwise takes for async code."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed (apt install chromium-headless-shell, or chromium).")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
            yield browser
            browser.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def open_page(chromium: Browser, live_server: LiveServer) -> Iterator[OpenPage]:
    """Opens a page signed in as an account (or nobody), in a browser profile of its own; options are the context's."""
    contexts = []
    errors: list[str] = []

    def open_as(account: Account | None, **options: Any) -> Page:
        context = chromium.new_context(base_url=live_server.url, reduced_motion="reduce", **options)
        contexts.append(context)
        context.set_default_timeout(DEFAULT_TIMEOUT_MS)
        if account is not None:
            sign_in(context, account, live_server.url)
        page = context.new_page()
        watch(page)
        return page

    def watch(page: Page) -> None:
        page.on("console", note_error)
        page.on("pageerror", lambda error: errors.append(str(error)))

    def note_error(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(part in message.text for part in _EXPECTED):
            errors.append(message.text)

    yield open_as
    for context in contexts:
        context.close()
    wait_for_quiet()
    assert errors == []


def wait_for_quiet(seconds: float = 5.0) -> None:
    """Until no request of a closed browser is at work in the database any more: emptying the tables while one is
    would deadlock with it. Two quiet looks, since a request may be between two statements."""
    deadline, num_quiet = time.monotonic() + seconds, 0
    while num_quiet < 2 and time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND state <> 'idle'"
            )
            (num_busy,) = cursor.fetchone()
        num_quiet = 0 if num_busy else num_quiet + 1
        time.sleep(0.03)


def sign_in(context: Any, account: Account, url: str) -> None:
    """Gives the browser a session of this account, as signing in would."""
    client = Client()
    client.force_login(account)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": url}])
