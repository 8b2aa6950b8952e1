"""One side of `benchmarks.generation`: launches batches and waits for them. JSON lines in and out."""

import json
import sys
import time
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db.models import Sum  # noqa: E402
from django.utils import timezone  # noqa: E402

from annotation.actions.batches import BatchSettings, launch_batch  # noqa: E402
from annotation.actions.model_specs import ensure_shipped_model  # noqa: E402
from annotation.actions.prompts import NewPrompt, add_prompts  # noqa: E402
from annotation.models import Account, Backend, JobState, ModelSpec, Project, Prompt, Trace  # noqa: E402
from benchmarks.generation_prompts import TEMPERATURE, TEMPLATE, TOP_P, list_problems  # noqa: E402


def run_batch(
    project: Project, actor: Account, *, spec: ModelSpec, num_traces: int, num_tokens: int, seed: int
) -> dict[str, float]:
    """One batch from its launch to its end. Raises SystemExit where it does not finish."""
    prompts = [
        NewPrompt(text, reference_answer=answer, verifier="numeric")
        for text, answer in list_problems(num_traces)[Prompt.objects.filter(project=project).count() :]
    ]  # those of the rounds before are there: checking them again would take longer than the round
    add_prompts(project=project, prompts=prompts, actor=actor, now=timezone.now())
    prompt_ids = list(Prompt.objects.filter(project=project).values_list("pk", flat=True)[:num_traces])
    settings = BatchSettings(
        model_spec=spec,
        num_samples=1,
        temperature=TEMPERATURE,
        top_p=TOP_P,
        max_new_tokens=num_tokens,
        seed=seed,
        prompt_template=TEMPLATE,
        segmenter="auto@1",
    )
    begun = timezone.now()
    batch = launch_batch(
        project=project, settings=settings, prompt_ids=prompt_ids, actor=actor, now=timezone.now()
    )
    while batch.is_open:
        time.sleep(0.5)  # seldom: asking takes time from the model, and the end is read from the batch itself
        batch.refresh_from_db(fields=["state", "finished_at"])
    seconds = (batch.finished_at - begun).total_seconds()
    if batch.state != JobState.FINISHED:
        raise SystemExit(f"The batch ended as {batch.state}.")
    tokens = Trace.objects.filter(batch=batch).aggregate(tokens=Sum("num_tokens"))["tokens"]
    return {"tokens": tokens, "traces": num_traces, "seconds": round(seconds, 3)}


def choose_spec(request: dict[str, Any]) -> ModelSpec:
    """The shipped model, or the server at the address that the request names."""
    if "address" not in request:
        return ensure_shipped_model(now=timezone.now())
    spec, _ = ModelSpec.objects.get_or_create(
        name="bench",
        defaults={
            "backend": Backend.SERVER,
            "location": "bench",
            "address": request["address"],
            "max_in_flight": request["in_flight"],
            "created_at": timezone.now(),
        },
    )
    return spec


def main() -> None:
    call_command("migrate", verbosity=0, interactive=False)
    now = timezone.now()
    project = Project.objects.create(slug="bench", name="Bench", created_at=now)
    actor = Account.objects.create_user(username="bench")
    for line in sys.stdin:
        request = json.loads(line)
        reply = run_batch(
            project,
            actor,
            spec=choose_spec(request),
            num_traces=request["traces"],
            num_tokens=request["tokens"],
            seed=request["seed"],
        )
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
