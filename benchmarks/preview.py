"""How long the preview of an export takes, from 10,000 traces to 100,000.

    python -m benchmarks.preview [--quick]

Starts PostgreSQL on a folder of its own and fills a project by SQL: 8 steps a trace, 4 traces a prompt, posteriors
drawn at random (so more cases than a real merge has), a preference a prompt. Prints the seconds of the second of two
previews of all datasets: wall-clock, and the processor's time of this process.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from config.engine.testing import running_postgres  # noqa: E402

_FILL = """
INSERT INTO annotation_prompt (project_id, text, reference_answer, verifier, ground_truth, source, language,
    priority, content_hash, created_at)
  SELECT %(project)s, 'Tom has ' || n || ' apples and buys ' || n %% 97 || ' more. How many has he now, and why?', '7',
    'numeric', '7', '{}', 'en', 2, md5(n::text), now() FROM generate_series(1, %(num)s / 4) n;
INSERT INTO annotation_trace (project_id, prompt_id, completion, step_ends, segmenter, segmentation, model_name,
    sampling, finish_reason, created_at, wants_ratings, priority, queue_key,
    need)
  SELECT %(project)s, p.id, repeat('Some step of forty characters goes here.', 8) || k,
    ARRAY[40, 80, 120, 160, 200, 240, 280, 321], 'lines@1', 1, 'model ' || k %% 2, '{}', '', now(), false, 2,
    random(), 0
  FROM annotation_prompt p, generate_series(1, 4) k WHERE p.project_id = %(project)s;
INSERT INTO annotation_mergedtrace (run_id, trace_id, posterior, p_trace, first_error, provenance, num_raters,
    num_blind_raters, judges)
  SELECT %(run)s, t.id, ARRAY[p, p * q, p * q, p * q, p * q * r, p * q * r, p * q * r, p * q * r], p * q * r, -1,
    (ARRAY['human', 'hybrid', 'ai', 'none'])[1 + t.id %% 4], t.id %% 3, t.id %% 3, '{}'
  FROM annotation_trace t, LATERAL (SELECT t.id, power(random(), .1) AS p, power(random(), .2) AS q,
    power(random(), .2) AS r) AS drawn WHERE t.project_id = %(project)s;
INSERT INTO annotation_mergedpreference (run_id, prompt_id, chosen_id, rejected_id, probability, margin, provenance)
  SELECT %(run)s, prompt_id, min(id), max(id), 0.9, 1, 'hybrid' FROM annotation_trace
  WHERE project_id = %(project)s GROUP BY prompt_id;
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="10,000 traces only")
    quick = parser.parse_args().quick
    data = Path(tempfile.mkdtemp(prefix="gradus-preview-"))
    os.environ |= {"GRADUS_DATA": str(data), "DJANGO_SETTINGS_MODULE": "config.settings"}
    try:
        with running_postgres(data):
            measure([10_000] if quick else [10_000, 100_000])
    finally:
        shutil.rmtree(data, ignore_errors=True)


def measure(sizes: list[int]) -> None:
    import django  # noqa: PLC0415 (after the data folder is named)

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from annotation.models import Account, MergeRun, Project  # noqa: PLC0415
    from exports.policy import CONFIGS, ExportPolicy  # noqa: PLC0415
    from exports.preview import preview_export  # noqa: PLC0415
    from tests.factories import NOW  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    account = Account.objects.create(username="ada")
    found = {}
    for size in sizes:
        project = Project.objects.create(slug=f"p{size}", name="P", created_at=NOW)
        run = MergeRun.objects.create(
            project=project, created_by=account, queued_at=NOW, started_at=NOW, touched_at=NOW,
            state="finished", finished_at=NOW,
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(_FILL, {"project": project.pk, "run": run.pk, "num": size})
            cursor.execute("ANALYZE")
        for _ in range(2):
            start, start_cpu = time.perf_counter(), time.process_time()
            preview = preview_export(project, run, ExportPolicy(), CONFIGS, "standard")
            seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
        found[str(size)] = {"seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2)}
        rows = {config.config: config.num_rows for config in preview.configs}
        print(f"{size:>9,} traces: {seconds:.2f} s, {cpu:.2f} s of this process; {rows}", file=sys.stderr)
    print(json.dumps({"preview": found}))


if __name__ == "__main__":
    main()
