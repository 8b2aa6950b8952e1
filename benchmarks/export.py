"""How fast an export is beside a bare COPY of its rows, and how much memory it takes.

    python -m benchmarks.export [--quick]

Starts PostgreSQL on a data folder of its own and exports 10,000, then 100,000 traces of 8 steps with 3 ratings, a judge
score and a preference a pair: all seven datasets, checked, as a worker does it. Then the very rows of that export are
loaded into flat tables (not timed) and copied bare: `COPY … TO STDOUT`, read by pyarrow's CSV reader as it comes and
written with the same compression. What a bare COPY leaves out is what an export is: nested columns, labels, splits by
near-duplicates, hashes, and reading every row back. `--quick` exports 2,000 and 10,000 traces.

What was tried: with a dictionary a row and a check row by row, `cpu_over_copy` was 0.29. Columns for `evidence`, checks
by column, one pass over the traces for four datasets and dictionaries only where values come again brought it to 0.42
for 10,000 traces and 0.35 for 100,000: the ratings of each batch were found by a scan of all the project's traces. Then
whole prompts were read at a time, by `= ANY(ids)`, so that pairs find their traces in hand; a thread compressed and
hashed meanwhile; Python looked for cycles of objects rarely (a sixth of its time); MinHash worked on many prompts at a
time. Together that took a third off the processor's time for 10,000 traces and a fifth for 100,000, and more off the
clock. Now ratings and scores come as columns, by COPY, and the next prompts are read in a thread of its own, over a
connection of its own, while the last are written: a tenth off the processor's time. On two cores, other work beside
it: `rows_over_copy` was 0.64 and `cpu_over_copy` 0.73 for 10,000 traces, 0.39 and 0.60 for 100,000. What did not help:
reading back with more threads (it was no faster and held 30 MiB more). Memory grew with the export until every small
file had met its row group; with 1,000 rows a group, and waiting rows as columns, it stays at that of 25,000 traces.

Then Python's lock was the limit: an object a trace, a dictionary a row for the smaller datasets. Now traces and pairs
come as columns by COPY and stay columns, the rules are asked once a case, and texts are hashed without an array of
flags: 15.5 s of the exporting process's time became 10 for 100,000 traces. On two cores with nothing else to do:
`rows_over_copy` 0.53 and `cpu_over_copy` 0.77 for 100,000 traces, 0.76 and 0.88 for 10,000, in 345 MiB at most. Where
many other processes want the cores, `rows_over_copy` says little: three processes copy, and get a larger share of the
machine than the one that exports (0.40 beside a load of ten).

What limits it now: compressing (a fifth, which a bare COPY pays too), reading everything back (a sixth), and of a small
export the fifth of a second in which pyarrow loads pandas.

`rows_over_copy`: rows a second over the bare COPY's, by wall time, the better of two runs each; `cpu_over_copy` the
same by processor time, PostgreSQL's included. `peak_mib`: of the exporting process; `peak_growth` from the smaller to
the larger export.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.assignment import cpu_seconds  # noqa: E402
from config.engine.testing import running_postgres  # noqa: E402


def world(data: Path, *arguments: str) -> dict[str, float]:
    """What export_world.py answers."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.export_world", *arguments],
        cwd=ROOT,
        env={**os.environ, "GRADUS_DATA": str(data)},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise SystemExit(answer.stderr)
    found: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return found


def measure(data: Path, postgres: int, *arguments: str, runs: int = 2) -> dict[str, float]:
    """The fastest of some runs, with PostgreSQL's processor time in `cpu_seconds`."""
    found = []
    for _ in range(runs):
        before = cpu_seconds(postgres)
        run = world(data, *arguments)
        run["cpu_seconds"] += cpu_seconds(postgres) - before
        found.append(run)
    return min(found, key=lambda run: run["seconds"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="under 50 s: 2,000 and 10,000 traces")
    given = parser.parse_args()
    sizes = (2_000, 10_000) if given.quick else (10_000, 100_000)
    data = Path(tempfile.mkdtemp(prefix="gradus-bench-"))
    exports = []
    try:
        with running_postgres(data) as postgres:
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "-v", "0"],
                cwd=ROOT,
                env={**os.environ, "GRADUS_DATA": str(data)},
                check=True,
            )
            for size in sizes:
                run = int(world(data, "seed", "--traces", str(size))["run"])
                exports.append(measure(data, postgres.pid, "export", "--run", str(run)))
                found = exports[-1]
                print(
                    f"{size:7,} traces: {found['rows']:,.0f} rows, {found['bytes'] / 2**20:.0f} MiB of Parquet in "
                    f"{found['seconds']:.1f} s ({found['cpu_seconds']:.1f} s of CPU), peak {found['peak_mib']:.0f} MiB"
                )
            bare = measure(data, postgres.pid, "copy")
    finally:
        shutil.rmtree(data, ignore_errors=True)
    print(f"bare COPY of the same rows: {bare['seconds']:.1f} s ({bare['cpu_seconds']:.1f} s of CPU)")
    small, large = exports
    report = {
        "rows": large["rows"],
        "rows_per_s": large["rows"] / large["seconds"],
        "rows_over_copy": bare["seconds"] / large["seconds"],
        "cpu_over_copy": bare["cpu_seconds"] / large["cpu_seconds"],
        "peak_mib": large["peak_mib"],
        "peak_growth": large["peak_mib"] / small["peak_mib"],
    }
    print(json.dumps({name: round(value, 4) for name, value in report.items()}))


if __name__ == "__main__":
    main()
