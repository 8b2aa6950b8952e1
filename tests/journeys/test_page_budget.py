"""The rating page's budget on the wire, as the product serves it: hashed, joined and compressed, by gunicorn."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from benchmarks.assignment import serving
from benchmarks.cockpit import rating, weigh_page, world
from config.engine.testing import running_postgres

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_cold_rating_page_stays_within_100_kilobytes_and_12_requests(
    chromium: Browser, tmp_path: Path
) -> None:
    with running_postgres(tmp_path), serving(tmp_path) as (port, _):
        session = world(tmp_path, "seed", "--slug", "short", "--traces", "3")

        found = weigh_page(chromium, port, session)
        with rating(chromium, port, session) as rater:
            loaded: list[str] = []
            rater.page.on("request", lambda request: loaded.append(request.url))
            rater.open("short")

        assert found["page_kib"] <= 100
        assert found["page_requests"] <= 12
        assert {url.split("/")[2] for url in loaded} == {f"127.0.0.1:{port}"}
