"""The inside of benchmarks/export.py: fills the throw-away database, exports, and copies the same rows bare.

    python -m benchmarks.export_world seed|export|copy --traces N   (GRADUS_DATA names the data folder)

Each prints one line of JSON.
"""

import argparse
import csv
import io
import json
import os
import resource
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from django.utils import timezone
from psycopg2 import sql

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402

from annotation.models import Account, Judge, MergeRun, Project  # noqa: E402
from exports.policy import CONFIGS, ExportPolicy  # noqa: E402
from exports.snapshot import Snapshot, write_snapshot  # noqa: E402
from exports.writing import Request  # noqa: E402

SEEDED = ("prompt", "trace", "assignment", "rating", "judgescore", "mergedtrace", "mergedpreference")
NUM_STEPS, TRACES_A_PROMPT, NUM_RATERS = 8, 4, 3
SEED_SQL = """
INSERT INTO annotation_prompt (id, project_id, text, reference_answer, verifier, ground_truth, source, content_hash,
    created_at {prompt_extra})
SELECT {base} + n, {project}, 'A farmer number ' || n || ' has ' || n * 7 || ' ' || substr(md5(n::text), 1, 12)
    || ' and sells ' || n % 97 || ' of them to ' || substr(md5(n::text), 13, 9) || '. How many are left?',
    (n * 7 - n % 97)::text, 'numeric', (n * 7 - n % 97)::text, '{{}}', md5('p' || n), now() {prompt_values}
FROM generate_series(1, {prompts}) AS n;
INSERT INTO annotation_trace (id, project_id, prompt_id, completion, step_ends, segmenter, segmentation, model_name,
    sampling, finish_reason, is_answer_correct, created_at, wants_ratings, queue_key, need {trace_extra})
SELECT {base} + n, {project}, {base} + 1 + (n - 1) / {per_prompt}, string_agg(step, '' ORDER BY k),
    array_agg(ends ORDER BY k), 'auto@1', 1, 'benchmark', '{{}}', 'stop', n % 3 > 0, now(), false, n / {traces}.0, 0
    {trace_values}
FROM (
    SELECT n, k, step, sum(length(step)) OVER (PARTITION BY n ORDER BY k) AS ends
    FROM generate_series(1, {traces}) AS n, generate_series(1, {steps}) AS k,
    LATERAL (SELECT CASE WHEN k < 5 THEN (n + 1) / 2 ELSE n END AS m) AS shared,  -- a pair forks at its fifth step
    LATERAL (SELECT 'Step ' || k || ': so far there are ' || m * k || ' of ' || substr(md5(m || '-' || k), 1, 20)
        || ', which leaves ' || m + k || ' to count.' || chr(10) AS step) AS made
) AS cut GROUP BY n;
INSERT INTO annotation_assignment (id, trace_id, rater_id, state, leased_at, expires_at, ended_at, is_assisted,
    selected_by, selection_probability, skip_reason, draft, draft_revision {assignment_extra})
SELECT {base} + (n - 1) * {raters} + r, {base} + n, {first_rater} + r - 1, 'submitted', now(), now(), now(), false,
    'random', 1, '', '{{}}', 0 {assignment_values}
FROM generate_series(1, {traces}) AS n, generate_series(1, {raters}) AS r;
INSERT INTO annotation_rating (id, trace_id, rater_id, assignment_id, revision, is_current, outcome, labels, reason,
    notes, is_reference_wrong, is_assisted, active_seconds, submitted_at, idempotency_key {rating_extra})
SELECT {base} + (n - 1) * {raters} + r, {base} + n, {first_rater} + r - 1, {base} + (n - 1) * {raters} + r, 1, true,
    'rated', CASE WHEN n % 2 = 0 THEN '{{1,1,1,1,1,1,1,1}}' WHEN r = 3 THEN '{{1,0,1,1,1,-1,NULL,NULL}}'
    ELSE '{{1,0,1,1,-1,NULL,NULL,NULL}}' END::smallint[], '', '{{}}', false, false, 40, now(), gen_random_uuid()
    {rating_values}
FROM generate_series(1, {traces}) AS n, generate_series(1, {raters}) AS r;
INSERT INTO annotation_judgescore (trace_id, judge_id, probabilities, rationales, created_at {judgescore_extra})
SELECT {base} + n, {judge}, array_agg((n * k % 97) / 97.0), '[]', now() {judgescore_values}
FROM generate_series(1, {traces}) AS n, generate_series(1, {steps}) AS k GROUP BY n;
INSERT INTO annotation_mergedtrace (run_id, trace_id, posterior, p_trace, first_error, provenance, num_raters,
    num_blind_raters, judges {mergedtrace_extra})
SELECT {run}, {base} + n, CASE WHEN n % 2 = 0 THEN array_fill(1 - (n % 89) / 1000.0::float, ARRAY[{steps}])
    ELSE ARRAY[.99, .98, .97 - (n % 89) / 1000.0, .96, .04, .03, .02, .01]::float[] END,
    CASE WHEN n % 2 = 0 THEN 1 - (n % 89) / 1000.0 ELSE .01 END, CASE WHEN n % 2 = 0 THEN -1 ELSE 4 END, 'human', 3, 3,
    '{{}}' {mergedtrace_values}
FROM generate_series(1, {traces}) AS n;
INSERT INTO annotation_mergedpreference (run_id, prompt_id, chosen_id, rejected_id, probability, margin, provenance
    {mergedpreference_extra})
SELECT {run}, {base} + 1 + (n - 1) / {per_prompt}, {base} + n, {base} + n - 1, .95, 2.5 - (n % 89) / 100.0, 'human'
    {mergedpreference_values}
FROM generate_series(2, {traces}, 2) AS n;
"""


def seed(num_traces: int) -> dict[str, int]:
    """A project with rated, judged, merged traces; returns its merge run."""
    now = timezone.now()
    project = Project.objects.create(slug=f"p{num_traces}", name=f"{num_traces} traces", created_at=now)
    raters = Account.objects.bulk_create(
        Account(username=f"{project.slug}-{number}", password="!") for number in range(NUM_RATERS)
    )
    judge = Judge.objects.create(
        kind="arithmetic", name=f"judge of {project.slug}", version="1", created_at=now
    )
    run = MergeRun.objects.create(
        project=project,
        created_by=raters[0],
        state="finished",
        queued_at=now,
        touched_at=now,
        finished_at=now,
    )
    names = {
        "project": project.pk,
        "base": 1000 * num_traces,  # projects of other sizes have other ids
        "prompts": -(-num_traces // TRACES_A_PROMPT),
        "per_prompt": TRACES_A_PROMPT,
        "traces": num_traces,
        "steps": NUM_STEPS,
        "raters": NUM_RATERS,
        "first_rater": raters[0].pk,
        "judge": judge.pk,
        "run": run.pk,
    }
    with connection.cursor() as cursor:
        for table in SEEDED:
            extra = _list_other_columns(cursor, f"annotation_{table}")
            names |= {f"{table}_extra": extra[0], f"{table}_values": extra[1]}
        cursor.execute(SEED_SQL.format(**names))
        MergeRun.objects.filter(pk=run.pk).update(started_at=timezone.now())
        cursor.execute("VACUUM ANALYZE")
    return {"run": run.pk}


def _list_other_columns(cursor: Any, table: str) -> tuple[str, str]:
    """Names and plain values of required columns that the seed does not name."""
    cursor.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s AND is_nullable = 'NO' "
        "AND is_identity = 'NO' AND column_default IS NULL",
        [table],
    )
    plain = {"jsonb": "'{}'", "boolean": "false", "integer": "0", "smallint": "0", "double precision": "0"}
    known = (
        SEED_SQL.split(f"INSERT INTO {table} (")[1].split("{")[0].replace("\n", " ").replace(",", " ").split()
    )
    found = [(name, kind) for name, kind in cursor.fetchall() if name not in known and name != "id"]
    names = "".join(f", {name}" for name, _ in found)
    return names, "".join(f", {plain.get(kind, chr(39) * 2)}" for _, kind in found)


def export(run_id: int, folder: Path) -> dict[str, float]:
    """Seconds, rows and peak memory of an export of everything, as a worker writes and checks it."""
    run = MergeRun.objects.select_related("project").get(pk=run_id)
    shutil.rmtree(folder, ignore_errors=True)
    began, cpu = time.perf_counter(), time.process_time()
    written = _write(run, folder)
    return {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "rows": sum(entry["rows"] for entry in written.manifest["files"].values()),
        "bytes": sum(entry["bytes"] for entry in written.manifest["files"].values()),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
    }


def _write(run: MergeRun, folder: Path) -> Snapshot:
    return write_snapshot(Request(run, ExportPolicy(), CONFIGS, "standard"), folder, lambda progress: None)


def copy(folder: Path, out: Path) -> dict[str, float]:
    """Seconds of a bare COPY of the very rows of an export to Parquet with the same settings; loading is not timed."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    seconds = cpu = 0.0
    rows = 0
    for path in sorted(folder.glob("*/*.parquet")):
        names = _load_table(path)
        began, busy = time.perf_counter(), time.process_time()
        rows += _copy_table(names, out / f"{path.parent.name}-{path.name}")
        seconds += time.perf_counter() - began
        cpu += time.process_time() - busy
    return {"seconds": seconds, "cpu_seconds": cpu, "rows": rows}


def _load_table(path: Path) -> list[tuple[str, pa.DataType]]:
    """Makes the table `bare` of a file's rows: lists and structs as JSON, since a COPY knows only flat columns."""
    with pq.ParquetFile(path) as file, connection.cursor() as cursor:
        schema = file.schema_arrow
        types = {"string": "text", "double": "float8", "bool": "bool", "int32": "int4"}
        columns = [
            sql.SQL("{} {}").format(sql.Identifier(f.name), sql.SQL(types.get(str(f.type), "text")))
            for f in schema
        ]
        cursor.execute("DROP TABLE IF EXISTS bare")
        cursor.execute(sql.SQL("CREATE UNLOGGED TABLE bare ({})").format(sql.SQL(", ").join(columns)))
        for batch in file.iter_batches(batch_size=10_000):
            lines = io.StringIO()
            csv.writer(lines).writerows(_flatten(batch))
            lines.seek(0)
            cursor.cursor.copy_expert("COPY bare FROM STDIN (FORMAT csv)", lines)
    return [(f.name, f.type if str(f.type) in types else pa.string()) for f in schema]


def _flatten(batch: pa.RecordBatch) -> Iterator[list[Any]]:
    for row in batch.to_pylist():
        yield [json.dumps(v) if isinstance(v, list | dict) else v for v in row.values()]


def _copy_table(columns: list[tuple[str, pa.DataType]], path: Path) -> int:
    """COPY to a pipe, read by pyarrow as it comes, written as it comes."""
    read_end, write_end = os.pipe()
    rows = 0
    child = os.fork()
    if child == 0:  # the sender: a process of its own, so that reading and sending overlap
        os.close(read_end)
        connection.connection = None  # the parent's
        with os.fdopen(write_end, "wb") as pipe, connection.cursor() as cursor:
            cursor.cursor.copy_expert("COPY bare TO STDOUT (FORMAT csv)", pipe, size=1 << 20)
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        reader = pa_csv.open_csv(
            pipe,
            read_options=pa_csv.ReadOptions(column_names=[name for name, _ in columns], block_size=1 << 22),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict(columns), strings_can_be_null=False, true_values=["t"], false_values=["f"]
            ),
        )
        with pq.ParquetWriter(path, reader.schema, compression="zstd", compression_level=3) as writer:
            for batch in reader:
                writer.write_batch(batch)
                rows += batch.num_rows
    os.waitpid(child, 0)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["seed", "export", "copy"])
    parser.add_argument("--traces", type=int, default=0)
    parser.add_argument("--run", type=int, default=0)
    given = parser.parse_args()
    folder = Path(settings.EXPORTS_DIR) / "benchmark"
    if given.what == "seed":
        print(json.dumps(seed(given.traces)))
    elif given.what == "export":
        print(json.dumps(export(given.run, folder)))
    else:
        print(json.dumps(copy(folder, folder.with_name("bare"))))


if __name__ == "__main__":
    main()
