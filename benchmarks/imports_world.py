"""The inside of benchmarks/imports.py: one import, or the bare writing it is held against, in a process of its own.

    python -m benchmarks.imports_world import|bare FILE ROWS    (GRADUS_DATA names the data folder)

Prints one line of JSON: seconds, and the peak memory of this process in MiB.
"""

import json
import os
import resource
import sys
import time
import uuid
from pathlib import Path

import django
from django.utils import timezone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from annotation.actions.import_rows import ROWS_AT_ONCE, inspect_source, run_import  # noqa: E402
from annotation.actions.imports import ImportPlan, add_file_source, start_import  # noqa: E402
from annotation.models import Account, ImportSource, Project, Prompt  # noqa: E402


def import_file(path: Path, project: Project, actor: Account) -> float:
    """Seconds from the worker's look to the stored report, as the worker does it."""
    with path.open("rb") as file:
        source = add_file_source(
            project=project, file=file, file_name=path.name, actor=actor, now=timezone.now()
        )
    began = time.perf_counter()
    inspect_source(source_id=source.pk, clock=timezone.now)
    source = ImportSource.objects.get(pk=source.pk)
    mapping = {"prompt": "prompt", "reference_answer": "reference_answer"}
    plan = ImportPlan(layout="prompts", mapping=mapping, verifier="numeric")
    run = start_import(source=source, plan=plan, actor=actor, now=timezone.now())
    run_import(run_id=run.pk, clock=timezone.now)
    return time.perf_counter() - began


def write_bare(path: Path, project: Project) -> float:
    """Seconds to parse the same file and insert the same rows, with no check and no report."""
    began = time.perf_counter()
    rows: list[Prompt] = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines):
            values = json.loads(line)
            rows.append(
                Prompt(
                    project=project,
                    text=values["prompt"],
                    reference_answer=values["reference_answer"],
                    verifier="numeric",
                    ground_truth=values["reference_answer"],
                    content_hash=str(number),
                    created_at=timezone.now(),
                )
            )
            if len(rows) == ROWS_AT_ONCE:
                Prompt.objects.bulk_create(rows)
                rows = []
    Prompt.objects.bulk_create(rows)
    return time.perf_counter() - began


def main() -> None:
    kind, path, num_rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    slug = uuid.uuid4().hex[:12]
    project = Project.objects.create(slug=slug, name=slug, created_at=timezone.now())
    actor = Account.objects.create(username=slug)
    seconds = import_file(path, project, actor) if kind == "import" else write_bare(path, project)
    num_stored = Prompt.objects.filter(project=project).count()
    if num_stored != num_rows:
        raise SystemExit(f"{num_stored} of {num_rows} prompts were stored.")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak}))


if __name__ == "__main__":
    main()
