"""An import of prompts: what do the look, the checks, the duplicates and the report cost, and does memory grow?

    python -m benchmarks.imports [--quick]

A JSON Lines file of word problems is imported as a worker does it (look, check each row, find duplicates, store in
chunks with the counts), and held against a loop that parses the same file and inserts the same rows in chunks of the
same size with no check and no report (`bare`). Each in a process of its own, in turns, on a real PostgreSQL that does
not wait for the disk. `import_over_bare` is the median over rounds of bare's seconds over the import's: 1 is free.
`peak_growth` is the import's peak memory at 100,000 rows over that at 10,000; 1 is constant.

What limits it: the file is read twice (once to count its rows), each text is hashed and checked character by
character for what PostgreSQL can't store, and each chunk asks which hashes it has.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from config.engine.testing import running_postgres  # noqa: E402


def write_file(path: Path, num_rows: int) -> Path:
    with path.open("w") as out:
        for number in range(num_rows):
            problem = (
                f"Problem {number}: Tom has {number} apples and buys {number % 97} more. How many has he now?"
            )
            row = {"prompt": problem, "reference_answer": str(number + number % 97)}
            out.write(json.dumps(row) + "\n")
    return path


def run(kind: str, path: Path, num_rows: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.imports_world", kind, str(path), str(num_rows)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    reply: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return reply


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="under 50 s: fewer rows, fewer rounds")
    given = parser.parse_args()
    few, many, rounds = (2_000, 20_000, 1) if given.quick else (10_000, 100_000, 3)
    data = Path(tempfile.mkdtemp(prefix="gradus-bench-"))
    os.environ |= {"GRADUS_DATA": str(data), "DJANGO_SETTINGS_MODULE": "config.settings"}
    try:
        with running_postgres(data):
            subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, check=True)
            small, large = (write_file(data / f"{number}.jsonl", number) for number in (few, many))
            first = run("import", small, few)
            imports, bares = [], []
            for _ in range(rounds):
                imports.append(run("import", large, many))
                bares.append(run("bare", large, many))
    finally:
        shutil.rmtree(data, ignore_errors=True)
    pairs = zip(imports, bares, strict=True)
    print(
        json.dumps(
            {
                "rows": many,
                "rows_per_s": round(many / statistics.median(one["seconds"] for one in imports)),
                "import_over_bare": round(
                    statistics.median(bare["seconds"] / one["seconds"] for one, bare in pairs), 2
                ),
                "peak_mib": round(max(one["peak_mib"] for one in imports)),
                "peak_growth": round(max(one["peak_mib"] for one in imports) / first["peak_mib"], 3),
            }
        )
    )


if __name__ == "__main__":
    main()
