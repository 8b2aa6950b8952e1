"""Judges that people make: a kind, a model and settings. A judge never changes: another setting is another version."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from annotation.actions.audit import record_event
from annotation.models import Account, Backend, Judge, JudgeKind, ModelSpec, Project
from annotation.rules.judge_settings import read_rollout_options, read_rubric_options
from annotation.rules.judge_versions import (
    LIKELIHOOD_CODE,
    PRM_CODE,
    ROLLOUT_CODE,
    RUBRIC_CODE,
    make_judge_version,
)
from annotation.rules.prompt_template import check_template
from annotation.rules.rubrics import check_rubric

# As text, for the web process never imports the judges themselves: they may load torch.
_RUBRICS = Path(__file__).parents[1] / "judging" / "rubrics"
_CODES = {
    JudgeKind.LIKELIHOOD: LIKELIHOOD_CODE,
    JudgeKind.RUBRIC: RUBRIC_CODE,
    JudgeKind.ROLLOUT: ROLLOUT_CODE,
    JudgeKind.PRM: PRM_CODE,
}
_CHAT = frozenset({Backend.TRANSFORMERS, Backend.SERVER})
_BACKENDS = {
    JudgeKind.LIKELIHOOD: frozenset({Backend.TRANSFORMERS}),
    JudgeKind.RUBRIC: _CHAT,
    JudgeKind.ROLLOUT: _CHAT,
    JudgeKind.PRM: frozenset({Backend.PRM, Backend.PRM_SERVER}),
}
_WRONG_MODEL = {
    JudgeKind.LIKELIHOOD: "A likelihood judge reads a model's logits, so its model runs in the worker.",
    JudgeKind.RUBRIC: "A rubric judge has a language model write; a process reward model can't.",
    JudgeKind.ROLLOUT: "A roll-out judge has a language model write; a process reward model can't.",
    JudgeKind.PRM: "A PRM judge needs a process reward model; add one under Models first.",
}


class WrongModel(Exception):
    """This kind of judge can't work with this kind of model."""


class AlreadyMade(Exception):
    """The project has this very judge, or had it; `judge` is that one."""

    def __init__(self, judge: Judge) -> None:
        super().__init__(f"This very judge is there already, as {judge}.")
        self.judge = judge


@dataclass(frozen=True)
class NewJudge:
    """`settings` are those of its kind (rules.judge_settings), as they are stored."""

    kind: JudgeKind
    name: str
    model_spec: ModelSpec
    settings: Mapping[str, object]
    sees_reference: bool = False
    note: str = ""


def make_judge(*, project: Project, new: NewJudge, actor: Account, now: dt.datetime) -> Judge:
    """Stores a judge of a project in the version that its parts make.

    Raises WrongModel, AlreadyMade, BadRubric, BadTemplate or BadOptions.
    """
    if new.model_spec.backend not in _BACKENDS[new.kind]:
        raise WrongModel(_WRONG_MODEL[new.kind])
    _check_settings(new)
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)  # no double click makes two
        version = _make_version(new)
        known = Judge.objects.filter(project=project, name=new.name, version=version).first()
        if known is not None and known.retired_at is None:
            raise AlreadyMade(known)
        if known is not None:
            known.retired_at = None
            known.save(update_fields=["retired_at"])
            record_event(
                actor=actor, verb="took a judge back into use", subject=known, now=now, project=project
            )
            return known
        judge = Judge.objects.create(
            project=project,
            kind=new.kind,
            name=new.name,
            version=version,
            model_spec=new.model_spec,
            sees_reference=new.sees_reference,
            settings=dict(new.settings),
            note=new.note,
            created_at=now,
        )
        record_event(actor=actor, verb="made a judge", subject=judge, now=now, project=project)
    return judge


def retire_judge(*, judge: Judge, actor: Account, now: dt.datetime) -> None:
    """It is not offered any more; its scores stay, and the merge goes on to use them."""
    with transaction.atomic():
        Judge.objects.filter(pk=judge.pk, retired_at=None).update(retired_at=now)
        record_event(actor=actor, verb="retired a judge", subject=judge, now=now, project=judge.project)


def read_shipped_rubric(kind: JudgeKind) -> str:
    """The rubric that comes with the product, for a kind that has one."""
    return (_RUBRICS / f"{kind.value}.md").read_text(encoding="utf-8")


def _check_settings(new: NewJudge) -> None:
    if new.kind == JudgeKind.LIKELIHOOD:
        check_rubric(str(new.settings.get("rubric", "")))
    elif new.kind == JudgeKind.RUBRIC:
        check_rubric(read_rubric_options(new.settings).rubric)
    elif new.kind == JudgeKind.ROLLOUT:
        check_template(read_rollout_options(new.settings).template)


def _make_version(new: NewJudge) -> str:
    """A model's row stands for its weights: they are pinned to it once they have been opened."""
    spec = new.model_spec
    return make_judge_version(
        code=_CODES[new.kind],
        model="\x00".join((new.kind, spec.name, spec.location, spec.address)),
        rubric=json.dumps(new.settings, sort_keys=True, ensure_ascii=False),
        sees_reference=new.sees_reference,
    )
