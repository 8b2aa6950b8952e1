"""The inside of benchmarks/load.py: launches exports and a batch in the throw-away database, and looks at them later.

python -m benchmarks.load_world launch|look --slug SLUG   (GRADUS_DATA names the data folder)
"""

import argparse
import json
import os

import django
from django.utils import timezone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from annotation.actions import merges  # noqa: E402
from annotation.actions.batches import BatchSettings, launch_batch  # noqa: E402
from annotation.actions.model_specs import ensure_shipped_model  # noqa: E402
from annotation.merging.data import MergePolicy  # noqa: E402
from annotation.models import Account, GenerationChunk, JobState, Project, Prompt  # noqa: E402
from annotation.rules.segmentation import DEFAULT_SEGMENTER  # noqa: E402
from exports.actions import start_export  # noqa: E402
from exports.models import Export  # noqa: E402
from exports.policy import CONFIGS, ExportPolicy  # noqa: E402

NUM_EXPORTS = 20


def launch(project: Project) -> dict[str, int]:
    """One merge, 20 exports of it, and a batch that outlasts the measurement."""
    now = timezone.now()
    actor = Account.objects.create_superuser(username="load-owner", email="", password=None)
    run = merges.start_merge(project=project, policy=MergePolicy(), actor=actor, now=now)
    merges.run_merge(run_id=run.pk, clock=timezone.now)
    run.refresh_from_db()
    for _ in range(NUM_EXPORTS):
        start_export(
            project=project,
            merge=run,
            configs=CONFIGS,
            form="standard",
            policy=ExportPolicy(),
            actor=actor,
            now=now,
        )
    prompts = list(Prompt.objects.filter(project=project).values_list("pk", flat=True)[:500])
    settings = BatchSettings(
        model_spec=ensure_shipped_model(now=now),
        num_samples=2,
        temperature=0.8,
        top_p=1.0,
        max_new_tokens=200,
        seed=1,
        prompt_template="{prompt}",
        segmenter=DEFAULT_SEGMENTER,
    )
    launch_batch(project=project, settings=settings, prompt_ids=prompts, actor=actor, now=now)
    return {"launched": NUM_EXPORTS}


def look(project: Project) -> dict[str, int]:
    exports = Export.objects.filter(project=project)
    return {
        "busy_exports_done": exports.filter(state=JobState.FINISHED).count(),
        "busy_exports_failed": exports.filter(state=JobState.FAILED).count(),
        "busy_chunks_done": GenerationChunk.objects.filter(state=JobState.FINISHED).count(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["launch", "look"])
    parser.add_argument("--slug", required=True)
    given = parser.parse_args()
    project = Project.objects.get(slug=given.slug)
    print(json.dumps(launch(project) if given.what == "launch" else look(project)))


if __name__ == "__main__":
    main()
