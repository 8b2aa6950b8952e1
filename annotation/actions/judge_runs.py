"""Judges, and their runs over traces: launched and cancelled by a person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from django.db import transaction

from annotation import jobs as background
from annotation.actions import chunked
from annotation.actions.audit import record_event
from annotation.actions.judges import read_shipped_rubric
from annotation.actions.model_specs import ensure_shipped_model
from annotation.models import (
    Account,
    GenerationBatch,
    Judge,
    JudgeChunk,
    JudgeKind,
    JudgeRun,
    ModelSpec,
    Project,
)
from annotation.models.job import OPEN_STATES
from annotation.queries.judge_runs import list_unjudged_traces
from annotation.rules.judge_versions import ARITHMETIC_CODE, LIKELIHOOD_CODE, make_judge_version

_TRACES_IN_CHUNK = {  # seconds of work
    JudgeKind.LIKELIHOOD: 8,
    JudgeKind.ARITHMETIC: 500,
    JudgeKind.PRM: 32,
    JudgeKind.RUBRIC: 4,
    JudgeKind.ROLLOUT: 1,
}
_TRACES_IN_SERVER_CHUNK = {JudgeKind.RUBRIC: 32, JudgeKind.ROLLOUT: 8, JudgeKind.PRM: 32}
LIKELIHOOD_NOTE = (
    "Asks the model whether each step is correct, and takes P(yes) / (P(yes) + P(no)). The model that comes with "
    "Gradus is far too small for this: it tells right steps from wrong ones no better than chance (AUC 0.45 on 468 "
    "steps of BIG-Bench Mistake)."
)
ARITHMETIC_NOTE = (
    "Works out the equations that a step states, exactly. It says nothing of a step without one, and a step whose sums "
    "are right may still be wrong."
)


class NothingToJudge(Exception):
    """The judge has scored all these traces already, or there are none."""

    def __init__(self) -> None:
        super().__init__("There is nothing to judge: this judge has scored all of these traces.")


class RunAlreadyOpen(Exception):
    """The judge is at work on the project already; `run` is that run."""

    def __init__(self, run: JudgeRun) -> None:
        super().__init__("This judge is at work on this project already.")
        self.run = run


@dataclass(frozen=True)
class _BuiltIn:
    kind: JudgeKind
    name: str
    code: str
    note: str
    model_spec: ModelSpec | None = None
    rubric: str = ""

    @property
    def version(self) -> str:
        spec = self.model_spec
        return make_judge_version(
            code=self.code,
            model=spec.location if spec else "",
            revision=spec.revision if spec else "",
            rubric=self.rubric,
        )


def ensure_builtin_judges(*, now: dt.datetime) -> list[Judge]:
    """The judges that come with the product, in their present versions; made where they are missing.

    Raises rl_bridge.shipped.ShippedModelMissing.
    """
    rubric = read_shipped_rubric(JudgeKind.LIKELIHOOD)
    shipped = ensure_shipped_model(now=now)
    return [
        _ensure_judge(builtin, now=now)
        for builtin in (
            _BuiltIn(JudgeKind.ARITHMETIC, "arithmetic", ARITHMETIC_CODE, ARITHMETIC_NOTE),
            _BuiltIn(JudgeKind.LIKELIHOOD, "likelihood", LIKELIHOOD_CODE, LIKELIHOOD_NOTE, shipped, rubric),
        )
    ]


def launch_judge_run(
    *,
    project: Project,
    judge: Judge,
    actor: Account,
    now: dt.datetime,
    batch: GenerationBatch | None = None,
) -> JudgeRun:
    """Stores a run over the project's traces (or one batch's) that the judge has not scored, and queues its chunks on
    commit. Raises RunAlreadyOpen or NothingToJudge."""
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)  # no double click makes two
        open_run = JudgeRun.objects.filter(project=project, judge=judge, state__in=OPEN_STATES).first()
        if open_run is not None:
            raise RunAlreadyOpen(cast(JudgeRun, open_run))
        trace_ids = list(list_unjudged_traces(project, judge, batch=batch).values_list("pk", flat=True))
        if not trace_ids:
            raise NothingToJudge
        run = JudgeRun.objects.create(
            project=project,
            judge=judge,
            created_by=actor,
            num_traces=len(trace_ids),
            queued_at=now,
            touched_at=now,
        )
        for chunk in _create_chunks(run, trace_ids, now):
            background.queue_on_commit(chunk)
        record_event(
            actor=actor,
            verb="launched a judge run",
            subject=run,
            now=now,
            project=project,
            judge=str(judge),
            traces=len(trace_ids),
        )
    return run


def cancel_judge_run(*, run: JudgeRun, actor: Account, now: dt.datetime) -> None:
    """Closes the run and its open chunks. Scores that are stored stay. Raises jobs.NotOpen."""
    with transaction.atomic():
        locked = chunked.cancel(run, now=now)
        record_event(
            actor=actor, verb="cancelled a judge run", subject=locked, now=now, project=locked.project
        )


def _ensure_judge(builtin: _BuiltIn, *, now: dt.datetime) -> Judge:
    judge, _ = Judge.objects.get_or_create(
        name=builtin.name,
        version=builtin.version,
        project=None,
        defaults={
            "kind": builtin.kind,
            "model_spec": builtin.model_spec,
            "settings": {"rubric": builtin.rubric} if builtin.rubric else {},
            "note": builtin.note,
            "created_at": now,
        },
    )
    return judge


def _create_chunks(run: JudgeRun, trace_ids: Sequence[int], now: dt.datetime) -> list[JudgeChunk]:
    spec = run.judge.model_spec
    is_on_server = spec is not None and spec.is_server
    sizes = _TRACES_IN_SERVER_CHUNK if is_on_server else _TRACES_IN_CHUNK
    size = sizes[JudgeKind(run.judge.kind)]
    return JudgeChunk.objects.bulk_create(
        [
            JudgeChunk(
                run=run,
                index=index,
                is_on_server=is_on_server,
                trace_ids=trace_ids[start : start + size],
                queued_at=now,
                touched_at=now,
            )
            for index, start in enumerate(range(0, len(trace_ids), size))
        ],
        batch_size=1000,
    )
