"""The rating page in a real browser: keystrokes, waits between a key and what shows, weight on the wire.

    python -m benchmarks.cockpit [--quick]

Starts PostgreSQL and gunicorn (2 workers x 4 threads, as the product does) on a data folder of its own, and drives
headless Chromium over loopback. Every time starts at the browser's own time stamp of the key and ends after the frame
that shows the answer was handed over for painting (requestAnimationFrame, then a task).

- `keys_all_good`, `keys_error_at_3`: presses until the rating of a six-step trace is stored, which is looked up.
- `enter_to_next_p95_ms`: from Enter until the next trace shows and takes keys, a second after the one before.
- `key_to_paint_p95_ms`: rating, moving and undoing on a trace of 2,000 steps (50,000 tokens, formulas in each step).
  What decides is how much the browser lays out and restyles, more than the script; CPU of a key's frame, by the
  browser's own counters: 47 ms (median) and 103 ms (rating bad, and undoing it) before, 13 and 40 after:
  - steps in groups of 30 under `content-visibility: auto`, steps of a group again: 47 to 18. Groups of 20 or 50 are
    alike; groups whose steps are all laid out are a little faster at a key and slow where the next group comes in;
  - beside the current step only 8 steps each way painted with the key, the others after the frame. Leaving them to
    `requestIdleCallback` alone did nothing: it came between the key and its frame;
  - what follows an error keeps its buttons, greyed, instead of hiding them: half of what greying out cost;
  - `data-complete` on the two parts that show it instead of on the form, where changing it took 8 ms.
  What did not help: fading the text of greyed steps instead of colouring it (formulas inherit a colour, yet it costs
  nothing).
- `first_paint_ms`: first contentful paint of that trace, in a new browser profile, when no step of it was rendered yet.
- `page_kib`, `page_requests`: all that a cold six-step page loads, the trace fetched ahead and the fonts included.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.assignment import environment, percentile_95, serving  # noqa: E402
from config.engine.testing import running_postgres  # noqa: E402

NUM_LONG_STEPS = 2_000
CHROMIUM = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
]
# Times from the key's own time stamp; `until` says when what was asked for is there.
TIMER = """
window.timeKey = (until) => new Promise((resolve) => {
  addEventListener("keydown", (event) => {
    const start = event.timeStamp;
    const look = () => until() ? requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => resolve(performance.now() - start);
      channel.port2.postMessage(0);
    }) : setTimeout(look, 0);
    queueMicrotask(look);
  }, { capture: true, once: true });
});
"""


class Rater:
    """One signed-in browser profile, with everything it loaded."""

    def __init__(self, browser: Browser, port: int, session: str) -> None:
        self.context = browser.new_context(
            base_url=f"http://127.0.0.1:{port}", viewport={"width": 1280, "height": 800}
        )
        self.context.add_cookies([{"name": "sessionid", "value": session, "url": f"http://127.0.0.1:{port}"}])
        self.context.add_init_script(TIMER)
        self.page: Page = self.context.new_page()
        self.sizes: list[float] = []
        network = self.context.new_cdp_session(self.page)
        network.send("Network.enable")
        network.on("Network.loadingFinished", lambda event: self.sizes.append(event["encodedDataLength"]))

    def open(self, slug: str) -> None:
        self.page.goto(f"/p/{slug}/rate/")
        self.page.wait_for_selector("form.has-script", timeout=60_000)

    def time_key(self, key: str, until: str) -> float:
        self.page.evaluate(f"window.timed = window.timeKey(() => {until}); undefined")
        self.page.keyboard.press(key)
        return float(self.page.evaluate("window.timed"))

    @property
    def assignment(self) -> str:
        return str(self.page.get_attribute("form[data-cockpit]", "data-assignment"))


@contextmanager
def rating(browser: Browser, port: int, session: str) -> Iterator[Rater]:
    rater = Rater(browser, port, session)
    try:
        yield rater
    finally:
        rater.context.close()


def world(data: Path, *arguments: str) -> Any:
    command = [sys.executable, "-m", "benchmarks.cockpit_world", *arguments]
    answer = subprocess.run(
        command, cwd=ROOT, env=environment(data), check=True, capture_output=True, text=True
    )
    return json.loads(answer.stdout.splitlines()[-1])


def weigh_page(browser: Browser, port: int, session: str) -> dict[str, float]:
    with rating(browser, port, session) as rater:
        rater.open("short")
        rater.page.evaluate("document.fonts.ready")
        rater.page.wait_for_timeout(1500)  # the trace ahead is fetched meanwhile
        return {
            "page_kib": round(sum(rater.sizes) / 1024, 1),
            "page_requests": len(rater.sizes),
            "first_paint_short_ms": first_paint(rater.page),
        }


def first_paint(page: Page) -> float:
    found = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    return round(float(found), 1)


def count_keys(data: Path, rater: Rater, keys: list[str], labels: list[int | None]) -> int:
    """Presses the keys, and looks up that just this rating came of it."""
    before, shown = len(world(data, "labels", "--slug", "short")), rater.assignment
    for key in keys:
        rater.page.keyboard.press(key)
    outbox = "Object.keys(localStorage).some((key) => key.endsWith('outbox'))"
    while rater.assignment == shown or rater.page.evaluate(outbox):
        rater.page.wait_for_timeout(20)
    stored = world(data, "labels", "--slug", "short")
    if stored[before:] != [labels]:
        raise RuntimeError(f"{keys} stored {stored[before:]}.")
    return len(keys)


def time_going_on(rater: Rater, num_traces: int) -> list[float]:
    times = []
    for _ in range(num_traces):
        rater.page.wait_for_timeout(1000)
        rater.page.keyboard.press("a")
        shown = "document.querySelector('form.has-script')?.dataset.assignment"
        times.append(rater.time_key("Enter", f"({shown} ?? '{rater.assignment}') !== '{rater.assignment}'"))
    return times


def time_keys(rater: Rater, num_keys: int) -> list[float]:
    """Rating, moving and undoing as a rater does, an eighth of a second apart, in the middle of a long trace."""
    pattern, times = ["3", "3", "2", "j", "k", "z", "3", "1", "z", "3"], []
    for number in range(num_keys):
        rater.page.wait_for_timeout(125)
        times.append(rater.time_key(pattern[number % len(pattern)], "true"))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="under a minute: fewer keys and traces")
    given = parser.parse_args()
    num_traces, num_keys = (12, 40) if given.quick else (60, 200)
    data = Path(tempfile.mkdtemp(prefix="gradus-bench-"))
    chromium = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-headless-shell")
    )
    report: dict[str, float] = {}
    try:
        with running_postgres(data), serving(data) as (port, _), sync_playwright() as playwright:
            short = world(data, "seed", "--slug", "short", "--traces", str(num_traces + 8))
            long = world(data, "seed", "--slug", "long", "--traces", "1", "--steps", str(NUM_LONG_STEPS))
            browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
            with rating(browser, port, long) as rater:
                rater.open("long")
                report["first_paint_ms"] = first_paint(rater.page)
                times = time_keys(rater, num_keys)
                report["key_to_paint_median_ms"] = round(statistics.median(times), 1)
                report["key_to_paint_p95_ms"] = round(percentile_95(times), 1)
                report["long_page_kib"] = round(rater.sizes and max(rater.sizes) / 1024, 1)
            report |= weigh_page(browser, port, short)
            with rating(browser, port, short) as rater:
                rater.open("short")
                report["keys_all_good"] = count_keys(data, rater, ["a", "Enter"], [1] * 6)
                error = [1, 1, -1, None, None, None]
                report["keys_error_at_3"] = count_keys(data, rater, ["3", "3", "1", "Enter"], error)
                times = time_going_on(rater, num_traces)
                report["enter_to_next_median_ms"] = round(statistics.median(times), 1)
                report["enter_to_next_p95_ms"] = round(percentile_95(times), 1)
            browser.close()
            print(json.dumps(report), flush=True)
    finally:
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    main()
