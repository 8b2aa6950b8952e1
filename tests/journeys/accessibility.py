"""What the walks ask of every page: axe, which finds what keeps people with disabilities out, finds nothing."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# For walks in both schemes. In the dark only colours differ, and each page is asked about those by
# test_no_page_left_out.py, so ./run test leaves the second walk out.
SCHEMES = ["light", pytest.param("dark", marks=pytest.mark.slow)]
_CONTRAST = {"runOnly": ["color-contrast"]}  # all that a scheme changes


def expect_no_violations(page: Page, where: str = "", options: dict[str, Any] | None = None) -> None:
    """`where` is said in front of what was found; `options` are axe's own."""
    found = Axe().run(page, options=options)
    assert found.violations_count == 0, f"{where}: {found.generate_report()}"


def expect_fit_to_be_seen(page: Page, where: str = "") -> None:
    """Nothing found in light by every rule, nor in dark by what a scheme can change; nothing that a phone must scroll
    sideways for. Leaves the page in the light of a desk."""
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
    expect_no_violations(page, where)
    page.emulate_media(color_scheme="dark")
    expect_no_violations(page, f"{where} in the dark", _CONTRAST)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, where
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
