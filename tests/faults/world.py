"""The project behind `test_kills`, seen from a process of its own: JSON lines in and out.

It launches batches and exports as the pages do, and says whether what the database and the disk hold is whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import InterfaceError, OperationalError, connection  # noqa: E402
from django.db.models import Count  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from annotation.actions import batches  # noqa: E402
from annotation.merging.data import MergePolicy  # noqa: E402
from annotation.models import (  # noqa: E402
    Account,
    Assignment,
    AssignmentState,
    GenerationBatch,
    GenerationChunk,
    JobState,
    ModelSpec,
    Project,
    Prompt,
    Rating,
    Role,
    Trace,
)
from exports.actions import folder_of, start_export  # noqa: E402
from exports.models import Export  # noqa: E402
from exports.policy import ExportPolicy  # noqa: E402
from tests.annotation.actions.test_batches import make_settings  # noqa: E402
from tests.beside import serve  # noqa: E402
from tests.factories import make_account, make_member, make_model_spec, make_project, make_prompt, make_trace  # noqa: E402

SLUG, OVERLAP, NUM_STEPS = "faults", 2, 6
_MODELS_SLUG = "faults-models"
_NUM_PROMPTS, _NUM_SAMPLES = 20, 4
_STEPS = [f"Step {number}: {number} + 1 = {number + 1}.\n" for number in range(NUM_STEPS)]


def seed(*, num_traces: int, num_raters: int, address: str) -> list[str]:
    """Session keys of raters of a new project with so many traces."""
    project = make_project(slug=SLUG, overlap=OVERLAP)
    prompts = [make_prompt(project) for _ in range(_NUM_PROMPTS)]
    first = make_trace(prompts[0], steps=_STEPS)
    copied = {name: value for name, value in vars(first).items() if name not in ("_state", "id", "prompt_id")}
    Trace.objects.bulk_create(
        Trace(**copied, prompt_id=prompts[number % _NUM_PROMPTS].pk) for number in range(1, num_traces)
    )
    others = make_project(slug=_MODELS_SLUG)
    for _ in range(_NUM_PROMPTS):
        make_prompt(others)
    make_account("faults-admin", is_superuser=True)
    make_model_spec(backend="server", address=address, location="tiny", max_in_flight=4, timeout_seconds=60)
    return [_sign_in(make_member(project, Role.RATER)) for _ in range(num_raters)]


def launch_batch() -> int:
    """In a project of its own: what a model writes there is nobody's to rate."""
    project = Project.objects.get(slug=_MODELS_SLUG)
    batch = batches.launch_batch(
        project=project,
        settings=make_settings(
            model_spec=ModelSpec.objects.get(location="tiny"), num_samples=_NUM_SAMPLES, max_new_tokens=64
        ),
        prompt_ids=list(Prompt.objects.filter(project=project).values_list("pk", flat=True)),
        actor=_admin(),
        now=timezone.now(),
    )
    return batch.pk


def launch_export() -> int:
    """An export with a merge of its own."""
    export = start_export(
        project=_project(),
        merge=MergePolicy(),
        configs=("stepwise", "evidence"),
        form="standard",
        policy=ExportPolicy(),
        actor=_admin(),
        now=timezone.now(),
    )
    return export.pk


def look(*, acknowledged: Sequence[str]) -> dict[str, Any]:
    """What is wrong, each kind in a list that should be empty."""
    found = Rating.objects.filter(idempotency_key__in=acknowledged).values_list("idempotency_key", flat=True)
    firsts = Rating.objects.filter(trace__project__slug=SLUG, revision=1)
    return {
        "lost ratings": sorted(set(acknowledged) - {str(key) for key in found}),
        "ratings twice": _list_many(firsts.values("trace", "rater"), most=1),
        "beyond overlap": _list_many(firsts.values("trace"), most=OVERLAP),
        "rated and still held": list(
            Assignment.objects.filter(state=AssignmentState.LEASED, ratings__isnull=False).values_list(
                "pk", flat=True
            )
        ),
        "stuck leases": _list_many(
            Assignment.objects.filter(state=AssignmentState.LEASED).values("rater"), most=2
        ),
        "samples twice": _list_many(
            Trace.objects.exclude(batch=None).values("batch", "prompt", "sample_index"), most=1
        ),
        "half exports": _list_half_exports(),
    }


def course(*, batch_id: int, export_id: int) -> dict[str, Any]:
    """How far a batch and an export are."""
    batch, export = GenerationBatch.objects.get(pk=batch_id), Export.objects.get(pk=export_id)
    return {
        "num_made": Trace.objects.filter(batch=batch).count(),
        "num_wanted": sum(
            len(ids)
            for ids in GenerationChunk.objects.filter(batch=batch).values_list("prompt_ids", flat=True)
        ),
        "batch": batch.state,
        "export": export.state,
        "error": export.error or batch.error,
    }


def count_left() -> dict[str, int]:
    """Once nothing is left to rate: traces short of the overlap, and places that nobody gave back."""
    traces = Trace.objects.filter(project__slug=SLUG).annotate(num=Count("ratings__rater", distinct=True))
    held = Assignment.objects.filter(state=AssignmentState.LEASED)
    return {"short": traces.filter(num__lt=OVERLAP).count(), "held": held.count()}


def _list_many(groups: Any, *, most: int) -> list[dict[str, Any]]:
    return list(groups.annotate(num=Count("pk")).filter(num__gt=most))


def _list_half_exports() -> list[str]:
    """Folders that say they are an export and lack something, and exports that say they are finished and are not."""
    exports = Path(settings.EXPORTS_DIR)
    folders = (
        [folder for folder in exports.glob("*") if not folder.name.startswith(".")]
        if exports.exists()
        else []
    )
    finished = [folder_of(export) for export in Export.objects.filter(state=JobState.FINISHED)]
    return sorted({str(folder) for folder in (*folders, *finished) if not _is_whole(folder)})


def _is_whole(folder: Path) -> bool:
    try:
        manifest = (folder / "manifest.json").read_bytes()
        files = json.loads(manifest)["files"]
        hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files}
    except (OSError, ValueError):
        return False
    return folder.name == hashlib.sha256(manifest).hexdigest() and hashes == {
        name: entry["sha256"] for name, entry in files.items()
    }


def _project() -> Project:
    return Project.objects.get(slug=SLUG)


def _admin() -> Account:
    return Account.objects.get(username="faults-admin")


def _sign_in(rater: Account) -> str:
    client = Client()
    client.force_login(rater)
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


WORKS: dict[str, Callable[..., Any]] = {
    work.__name__: work for work in (seed, launch_batch, launch_export, look, course, count_left)
}


def main() -> None:
    serve(WORKS, is_away=(OperationalError, InterfaceError), forget=connection.close)


if __name__ == "__main__":
    main()
