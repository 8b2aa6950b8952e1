"""What the walks ask of every page: axe, which finds what keeps people with disabilities out, finds nothing."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def expect_no_violations(page: Page, where: str = "", options: dict[str, Any] | None = None) -> None:
    """`where` is said in front of what was found; `options` are axe's own."""
    found = Axe().run(page, options=options)
    assert found.violations_count == 0, f"{where}: {found.generate_report()}"
