"""200 raters without a pause against the web server, then the same beside exports and a batch.

    python -m benchmarks.load [--quick] [--raters 200]

Starts PostgreSQL, Valkey and gunicorn (as the Procfile does, without TLS) on a data folder of its own, and a client for
each rater, in a thread with one kept-alive connection, that does what the page's own script does: it shows a trace that
was leased ahead and sends the rating behind it; the answer is the form of the trace after that. Nobody thinks. After
some ratings of each that are not measured, `p95_ms` is over all that are sent for 60 s.

Then the workers start, 20 exports and a batch on the shipped model are launched, and the raters go on as long again:
`p95_ratio_busy` is the second p95 over the first. `busy_exports_done` says how many of the exports ended meanwhile.

`errors`: answers of 400 and more, and connections that broke. `lost`: acknowledged ratings that the database has not.
`beyond_overlap`: ratings of traces that had enough. Clients and server share the machine, so times are upper bounds.

On two cores, full, two runs: 197 and 202 ratings a second, p95 1.3 and 1.4 s, no errors, nothing lost, nothing beyond
the overlap; 1.36 and 1.01 times that beside exports and a batch. It was 2.5 to 3.8 times before workers and their
database sessions stood back as sessions (config/priority.py) and before plans of a draw held after a merge
(docs/adr/statements-prepared.md): both show in the full form only. `--quick`: 175 to 241 a second, 1.2 to 2.0 s, 1.1 to
1.3 times. What limits it is the processor: nobody pauses, so 200 raters over 200 ratings a second wait a second on
average; 0.4 s would take 500 ratings a second, 4 ms of CPU each, clients included. No export ends and no chunk of the
batch within that minute, since raters take all.
"""

import argparse
import http.client
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.assignment import World, environment, percentile_95, serving  # noqa: E402
from benchmarks.assignment_raters import NUM_WARM, Rater, Times  # noqa: E402
from config.engine.stack import describe_workers  # noqa: E402
from config.engine.testing import running_postgres, running_valkey  # noqa: E402

SLUG = "load"


class TimeIsUp(Exception):
    """The rater stops before it sends another rating."""


class TimedRater(Rater):
    """Rates until a moment comes; `num_sent` counts the ratings that were acknowledged, warm ones included."""

    ends_at = float("inf")
    num_sent = 0

    def _request(self, method: str, url: str, body: str = "", *, is_script: bool = False) -> tuple[int, str]:
        is_rating = method == "POST" and not url.endswith("/ahead/")
        if is_rating and time.perf_counter() > self.ends_at:
            raise TimeIsUp
        status, answer = super()._request(method, url, body, is_script=is_script)
        self.num_sent += is_rating and status < 400
        return status, answer


def work(raters: list[TimedRater], *, seconds: float | None, times: Times) -> None:
    """All at once, for so long; without a time, NUM_WARM ratings each."""

    def rate(rater: TimedRater) -> None:
        rater.ends_at = float("inf") if seconds is None else begun + seconds
        try:
            rater.rate(is_script=True, most=10**9 if seconds else NUM_WARM, times=times)
        except TimeIsUp:
            pass
        except (OSError, http.client.HTTPException) as error:
            times.failures.append(repr(error))

    begun = time.perf_counter()
    threads = [threading.Thread(target=partial(rate, rater)) for rater in raters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextmanager
def workers(data: Path) -> Iterator[None]:
    """Those that `manage.py up` starts, for exports and for the model."""
    specs = [spec for spec in describe_workers(data) if spec.name in ("worker-default", "worker-models")]
    logs = [(data / f"{spec.name}.log").open("w") for spec in specs]
    running = [
        subprocess.Popen(
            spec.command,
            cwd=ROOT,
            env=environment(data),
            stdout=log,
            stderr=log,
            preexec_fn=spec.become,
            start_new_session=True,  # as the product's are: who stands back is decided between sessions
        )
        for spec, log in zip(specs, logs, strict=True)
    ]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()
        for log in logs:
            log.close()


def busy_world(data: Path, what: str) -> dict[str, int]:
    """Runs benchmarks.load_world on the data folder and returns what it says."""
    command = [sys.executable, "-m", "benchmarks.load_world", what, "--slug", SLUG]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(data), check=True, stdout=subprocess.PIPE, text=True
    )
    said: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return said


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="under 50 s: each part for a few seconds")
    parser.add_argument("--raters", type=int, default=200)
    given = parser.parse_args()
    seconds = 6.0 if given.quick else 60.0
    data = Path(tempfile.mkdtemp(prefix="gradus-load-"))
    report: dict[str, float] = {"raters": given.raters, "seconds": seconds}
    try:
        with running_postgres(data), running_valkey(data), serving(data) as (port, _), World(data) as world:
            traces = ("--traces", "6000" if given.quick else "40000")
            sessions = world("seed", "--slug", SLUG, *traces, "--raters", str(given.raters))
            raters = [TimedRater(port, session, SLUG) for session in sessions]
            warm, plain, busy = Times(), Times(), Times()
            work(raters, seconds=None, times=warm)
            work(raters, seconds=seconds, times=plain)
            with workers(data):
                busy_world(data, "launch")
                work(raters, seconds=seconds, times=busy)
                report |= busy_world(data, "look")
            found = world("count", "--slug", SLUG)
    finally:
        shutil.rmtree(data, ignore_errors=True)
    failures = [*warm.failures, *plain.failures, *busy.failures]
    for failure in failures[:5]:
        print(failure)
    report["ratings_per_s"] = round(len(plain.submit_ms) / seconds, 1)
    report["busy_ratings_per_s"] = round(len(busy.submit_ms) / seconds, 1)
    report["p95_ms"], busy_p95 = round(percentile_95(plain.submit_ms), 1), percentile_95(busy.submit_ms)
    report["errors"] = len(failures)
    report["lost"] = sum(rater.num_sent for rater in raters) - found["num_ratings"]
    report["beyond_overlap"] = found["beyond_overlap"]
    report["p95_ratio_busy"] = round(busy_p95 / report["p95_ms"], 2)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
