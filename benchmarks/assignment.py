"""Concurrent raters drain a project over HTTP: is anything rated too often or lost, how fast, at what cost?

    python -m benchmarks.assignment [--quick] [--raters 32]

Starts PostgreSQL and gunicorn (2 workers x 4 threads, as the product does) on a data folder of its own, and as many
clients as raters, each in a thread with one kept-alive connection, that read the page, rate every step good and submit.
Gold is mixed in at 5 %; it is in the ratings, and not in what must be rated as often as the overlap says. The drains:

- overlap 1, `plain`: what a browser without a script does: "next" is the redirect and the page, "submit" is the
  form's POST.
- overlap 2 and 3, `script`: what the page's own script does. It shows a trace that was leased ahead and sends the
  rating behind it; the answer is the form of the trace after that. **A completed rating is that: one request that
  stores a rating, leases one more trace and answers with its form**, gzipped as browsers ask for it.
- the same script on a project of 100,000 open traces, for some ratings a rater.

Every drain begins with some ratings of each rater that are not measured: a server at work has its plans, forms and
connections ready, and every rater has a page open. `cpu_ms_per_rating` is of the script at overlap 2, user and system
time of gunicorn and PostgreSQL together, from /proc, for each rating stored after that; `cpu_ms_per_rating_100k` the
same among 100,000 traces. `next_p95_ms` and `submit_p95_ms` are of the plain drain. `next_cost_ratio_100k` is the
median time of `lease_next`, the database included, with 100,000 open traces over that with 1,000. Clients and server
share the machine, so times are upper bounds, and so is CPU time where others are at work on it; PostgreSQL runs without
waiting for the disk, as in tests, which changes waiting and hardly CPU time.

In the quick form, with nothing else at work, it is 7.1 ms among 1,000 traces and 7.2 among 100,000, a third of it
PostgreSQL's; in full 7.6 and 9.3. What helped, from 29-42 ms:

- queries compiled once in a process (annotation/queries/compiled.py): from 30 to 11 ms of Python, since building SQL
  was 60 % of it; session, account, authorisation, locks and the page's rows are each one such query;
- the form and its step cards cast from moulds (annotation/rendering/moulds.py): templates were two thirds of what was
  left, from 11 to 7 ms;
- one statement for a draw, one for taking a place, one for storing a rating and closing its assignment, instead of
  a dozen with savepoints; no look for the last rating where it is known, nor for other claims where there are none;
- prepared statements (annotation/queries/statements.py), also for ratings and claims: from 7 to 5 ms of Python;
- what a project asks of a draw in its text and not in its values (annotation/actions/draw_statements.py): PostgreSQL
  had planned each draw anew, 1.5 instead of 0.4 ms of its time;
- fewer round trips: locks go with what they guard, a lease with the form's rows, and the driver's cursor in place of
  Django's, which took two thirds of a small statement: from 18 trips to 13. With the plans, a sixth to a quarter of a
  rating's time, measured side by side in one process each on a busy machine;
- the session's query as the check whether a kept connection still answers;
- what every rating needs alike made once (the form's fields, the policy header, addresses), and the rating page's
  addresses first among those that a request is looked up in: from 5.2 to 4.1 ms of Python.

What did not: fewer than the 100 keys by which the pool is measured (0.1 ms, and coarser probabilities); storing the
rating and drawing in one transaction (it would take locks against their order); generic plans from the first use on
(plan_cache_mode): a plan that is made while the tables are empty costs half as much again once they are full; fewer
threads (2 x 2) or more processes (4 x 1, 4 x 2) under gunicorn.
"""

import argparse
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.assignment_raters import drain  # noqa: E402
from config.engine.testing import running_postgres  # noqa: E402

NUM_MANY = 100_000


class World:
    """benchmarks.assignment_world on a data folder, started once: loading Django takes longer than what it does."""

    def __init__(self, data: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.assignment_world"]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(data),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate(timeout=60)

    def __call__(self, *words: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def environment(data: Path) -> dict[str, str]:
    """The product's own, also where a test starts this: with its settings pages would travel uncompressed."""
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "GRADUS_DATA"}}
    own = {
        "GRADUS_DATA": str(data),
        "GRADUS_LOG_LEVEL": "WARNING",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    return {**kept, **own}


@contextmanager
def serving(data: Path) -> Iterator[tuple[int, int]]:
    """gunicorn on a free port of this machine: (port, process id)."""
    for command in (["migrate", "-v0"], ["collectstatic", "--noinput", "-v0"]):
        subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=environment(data), check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--worker-class", "gthread", "--workers", "2", "--threads", "4", "--no-control-socket"]
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", *options]
    with (data / "web.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(data), stdout=log, stderr=log)
        try:
            wait_until_served(port)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(60)


def wait_until_served(port: int) -> None:
    for _ in range(300):
        with (
            closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection,
            suppress(OSError),
        ):
            connection.request("GET", "/sign-in/")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError("gunicorn did not answer in 30 s.")


def cpu_seconds(*roots: int) -> float:
    """User and system time of these processes and all that descend from them, ended children included."""
    stats = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            stats[int(entry.name)] = (int(fields[1]), sum(map(int, fields[11:15])))
    family, grew = set(roots), True
    while grew:
        children = {pid for pid, (parent, _) in stats.items() if parent in family}
        grew = not children <= family
        family |= children
    return sum(ticks for pid, (_, ticks) in stats.items() if pid in family) / os.sysconf("SC_CLK_TCK")


def percentile_95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="under 50 s: fewer traces")
    parser.add_argument("--raters", type=int, default=32)
    given = parser.parse_args()
    num_traces, most = (200, 10) if given.quick else (1000, 60)
    data = Path(tempfile.mkdtemp(prefix="gradus-bench-"))
    report: dict[str, float] = {"raters": given.raters, "traces": num_traces}
    totals = {"beyond_overlap": 0, "lost": 0}
    try:
        with running_postgres(data) as postgres, serving(data) as (port, web), World(data) as world:
            roots = (web, postgres.pid)
            for overlap in (1, 2, 3):
                found = _drain(world, port, roots, given.raters, num_traces, overlap, report)
                totals = {name: totals[name] + found[name] for name in totals}
            # Nothing is rated to the end there, so nothing can be lost; too much can be rated.
            found = _drain(world, port, roots, given.raters, NUM_MANY, 1, report, most=most)
            totals["beyond_overlap"] += found["beyond_overlap"]
            few, many = (_time(world, f"open-{num}", num) for num in (1000, NUM_MANY))
    finally:
        shutil.rmtree(data, ignore_errors=True)
    report |= totals
    report["ratings_per_s"] = report["2_ratings_per_s"]
    report["next_p95_ms"], report["submit_p95_ms"] = report["1_next_p95_ms"], report["1_submit_p95_ms"]
    report["cpu_ms_per_rating"] = report["2_cpu_ms_per_rating"]
    report["cpu_ms_per_rating_100k"] = report["many_cpu_ms_per_rating"]
    report["next_server_ms_1k"], report["next_server_ms_100k"] = round(few, 2), round(many, 2)
    report["next_cost_ratio_100k"] = round(many / few, 2)
    print(json.dumps(report))


def _drain(
    world: World,
    port: int,
    roots: tuple[int, int],
    num_raters: int,
    num_traces: int,
    overlap: int,
    report: dict[str, float],
    *,
    most: int | None = None,
) -> dict[str, int]:
    """One drain, plain at overlap 1 and by script else or where `most` bounds it; its figures go into the report."""
    name, is_script = ("many" if most else str(overlap)), overlap > 1 or most is not None
    slug = f"drain-{name}"
    arguments = ("--slug", slug, "--traces", str(num_traces), "--overlap", str(overlap), "--gold", "20")
    sessions = world("seed", *arguments, "--raters", str(num_raters))
    before: list[float] = []

    def begin() -> None:
        before.extend(cpu_seconds(root) for root in roots)

    times, seconds = drain(port, slug, sessions, is_script=is_script, begin=begin, most=most or 10**9)
    web, database = (cpu_seconds(root) - start for root, start in zip(roots, before, strict=True))
    found: dict[str, int] = world("count", "--slug", slug)
    num = len(times.submit_ms)  # each of them stored a rating
    report[f"{name}_ratings_per_s"] = round(num / seconds, 1)
    report[f"{name}_cpu_ms_per_rating"] = round(1000 * (web + database) / num, 2)
    report[f"{name}_cpu_ms_of_database"] = round(1000 * database / num, 2)
    report[f"{name}_submit_p95_ms"] = round(percentile_95(times.submit_ms), 1)
    report[f"{name}_next_p95_ms"] = round(percentile_95(times.next_ms), 1)
    for failure in times.failures[:5]:
        print(failure)
    print(f"{slug}: {found}, {seconds:.1f} s, {web:.1f} + {database:.1f} s of CPU", flush=True)
    return found


def _time(world: World, slug: str, num_traces: int) -> float:
    world("seed", "--slug", slug, "--traces", str(num_traces), "--raters", "1")
    return float(world("time", "--slug", slug, "--calls", "200"))


if __name__ == "__main__":
    main()
