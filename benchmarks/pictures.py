"""The pictures of docs/img: pages as a rater meets them, in light, dark and on a phone.

    python -m benchmarks.pictures [--out docs/img]

Starts PostgreSQL and gunicorn on a data folder of its own, fills it (benchmarks/pictures_world.py), and photographs
headless Chromium. Look at what it made before you commit it.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.assignment import environment, serving  # noqa: E402
from benchmarks.cockpit import CHROMIUM  # noqa: E402
from config.engine.testing import running_postgres  # noqa: E402

DEVICES: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 800}},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True},
}


def photograph(page: Page, name: str, path: str, keys: list[str], out: Path, device: str) -> None:
    page.goto(path)
    if "/rate" in path and not path.endswith("/rating/"):
        page.wait_for_selector("form.has-script")
    if (
        page.locator("[data-step][data-label=good]").count() == 0
    ):  # else the draft of the device before is there
        for key in keys:
            page.keyboard.press(key)
        if keys:
            page.wait_for_selector("[data-save-state][data-kind=good]")
    page.evaluate("document.fonts.ready")
    page.screenshot(path=out / f"{name}-{device}.png")


def take_all(browser: Browser, port: int, world: dict[str, Any], out: Path) -> None:
    rated = f"/rate/{world['rated']}/rating/"
    pictures = [
        ("my-work", "ada", "/work/", []),
        ("compare", "ada", "/p/linear-algebra/compare/", []),
        ("judges", "ada", rated, []),
        ("keys", "ada", "/account/keys/", []),
        ("rate", "ada", "/p/linear-algebra/rate/", ["3", "2", "3", "3", "1"]),
        ("rate-arabic", "salma", "/p/school/rate/", ["3", "3"]),
    ]
    for device, options in DEVICES.items():
        for name, who, path, keys in pictures:
            context = browser.new_context(
                base_url=f"http://127.0.0.1:{port}", reduced_motion="reduce", **options
            )
            cookie = {"name": "sessionid", "value": world[who], "url": f"http://127.0.0.1:{port}"}
            context.add_cookies([cookie])  # type: ignore[list-item]
            photograph(context.new_page(), name, path, keys, out, device)
            context.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "img")
    out = parser.parse_args().out
    data = Path(tempfile.mkdtemp(prefix="gradus-pictures-"))
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    command = [sys.executable, "-m", "benchmarks.pictures_world"]
    try:
        with running_postgres(data), serving(data) as (port, _), sync_playwright() as playwright:
            made = subprocess.run(
                command, cwd=ROOT, env=environment(data), check=True, stdout=subprocess.PIPE, text=True
            )
            browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
            take_all(browser, port, json.loads(made.stdout.splitlines()[-1]), out)
            browser.close()
    finally:
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    main()
