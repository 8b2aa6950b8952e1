"""Judges that people make: each in the version that its parts make, with a model that suits its kind."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from annotation.actions import judges
from annotation.actions.judge_runs import launch_judge_run
from annotation.actions.judges import AlreadyMade, NewJudge, WrongModel, make_judge, read_shipped_rubric
from annotation.models import AuditEvent, Judge, JudgeKind, Project
from annotation.rules.judge_settings import BadOptions
from annotation.rules.prompt_template import BadTemplate
from annotation.rules.rubrics import BadRubric, check_rubric
from tests.factories import NOW, make_account, make_model_spec, make_project, make_prompt, make_trace

pytestmark = pytest.mark.django_db
RUBRIC = {"rubric": "{problem}{steps}", "temperature": 0.0, "max_new_tokens": 64}
ROLLOUT = {
    "template": "{prompt}",
    "num_rollouts": 4,
    "is_search": False,
    "temperature": 0.8,
    "max_new_tokens": 64,
}


def new(**changes: Any) -> NewJudge:
    if "model_spec" not in changes:
        changes["model_spec"] = make_model_spec()
    return dataclasses.replace(NewJudge(JudgeKind.RUBRIC, "strict", changes["model_spec"], RUBRIC), **changes)


def make(judge: NewJudge, project: Project | None = None) -> Judge:
    return make_judge(project=project or make_project(), new=judge, actor=make_account(), now=NOW)


def test_a_judge_is_stored_with_all_that_it_is_and_who_made_it() -> None:
    project = make_project()

    judge = make(new(note="Strict.", sees_reference=True), project)

    assert (judge.project, judge.settings, judge.sees_reference) == (project, RUBRIC, True)
    assert AuditEvent.objects.get(verb="made a judge").project == project


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {**RUBRIC, "temperature": 0.1}},
        {"settings": {**RUBRIC, "rubric": "{problem} {steps}"}},
        {"sees_reference": True},
        {"kind": JudgeKind.LIKELIHOOD},
    ],
    ids=["a setting", "the rubric", "the reference", "the kind"],
)
def test_whatever_changes_makes_another_version(change: dict[str, Any]) -> None:
    spec, project = make_model_spec(), make_project()

    first = make(new(model_spec=spec), project)
    second = make(new(model_spec=spec, **change), project)

    assert first.name == second.name
    assert first.version != second.version


def test_another_model_makes_another_version_and_another_note_does_not() -> None:
    spec, project = make_model_spec(), make_project()
    first = make(new(model_spec=spec), project)

    assert make(new(), project).version != first.version
    with pytest.raises(AlreadyMade, match="is there already") as already:
        make(new(model_spec=spec, note="Other words."), project)
    assert already.value.judge == first


def test_two_projects_may_make_the_same_judge() -> None:
    spec = make_model_spec()

    first, second = make(new(model_spec=spec)), make(new(model_spec=spec))

    assert first.version == second.version
    assert first.project != second.project


def test_a_retired_judge_that_is_made_again_comes_back_with_its_scores() -> None:
    spec, project = make_model_spec(), make_project()
    judge = make(new(model_spec=spec), project)
    judges.retire_judge(judge=judge, actor=make_account(), now=NOW)

    again = make(new(model_spec=spec), project)

    assert again == judge
    assert again.retired_at is None
    told = AuditEvent.objects.filter(project=project).order_by("pk").values_list("verb", flat=True)
    assert list(told)[-2:] == ["retired a judge", "took a judge back into use"]


@pytest.mark.parametrize(
    ("kind", "backend", "suits"),
    [
        (JudgeKind.LIKELIHOOD, "transformers", True),
        (JudgeKind.LIKELIHOOD, "server", False),
        (JudgeKind.LIKELIHOOD, "prm", False),
        (JudgeKind.RUBRIC, "server", True),
        (JudgeKind.RUBRIC, "prm", False),
        (JudgeKind.ROLLOUT, "transformers", True),
        (JudgeKind.ROLLOUT, "server", True),
        (JudgeKind.ROLLOUT, "prm", False),
        (JudgeKind.PRM, "prm", True),
        (JudgeKind.PRM, "server", False),
        (JudgeKind.PRM, "transformers", False),
    ],
)
def test_each_kind_has_models_that_suit_it(kind: JudgeKind, backend: str, suits: bool) -> None:
    spec = make_model_spec(backend=backend, address="http://gpu1/v1" if backend == "server" else "")
    judge = new(kind=kind, model_spec=spec, settings=ROLLOUT if kind == JudgeKind.ROLLOUT else RUBRIC)

    if suits:
        assert make(judge).kind == kind
        return
    with pytest.raises(WrongModel):
        make(judge)
    assert not Judge.objects.exists()


@pytest.mark.parametrize(
    ("kind", "settings", "error"),
    [
        (JudgeKind.RUBRIC, {**RUBRIC, "rubric": "{steps}"}, BadRubric),
        (JudgeKind.RUBRIC, {"rubric": "{problem}{steps}"}, BadOptions),
        (JudgeKind.LIKELIHOOD, {}, BadRubric),
        (JudgeKind.ROLLOUT, {**ROLLOUT, "template": "Solve!"}, BadTemplate),
        (JudgeKind.ROLLOUT, RUBRIC, BadOptions),
    ],
)
def test_settings_that_can_not_be_used_are_refused_at_once(
    kind: JudgeKind, settings: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        make(new(kind=kind, settings=settings))

    assert not Judge.objects.exists()


@pytest.mark.parametrize("kind", [JudgeKind.RUBRIC, JudgeKind.LIKELIHOOD])
def test_the_rubrics_that_come_with_the_product_can_be_filled(kind: JudgeKind) -> None:
    check_rubric(read_shipped_rubric(kind))


def test_a_run_of_a_judge_on_a_server_is_cut_into_chunks_for_its_workers() -> None:
    project = make_project()
    spec = make_model_spec(backend="server", address="http://gpu1/v1")
    judge = make(new(kind=JudgeKind.ROLLOUT, settings=ROLLOUT, model_spec=spec), project)
    for _ in range(9):
        make_trace(make_prompt(project))

    run = launch_judge_run(project=project, judge=judge, actor=make_account(), now=NOW)

    chunks = list(run.chunks.order_by("index"))
    assert [len(chunk.trace_ids) for chunk in chunks] == [8, 1]
    assert {chunk.task for chunk in chunks} == {"annotation.judge_chunk_on_server"}
