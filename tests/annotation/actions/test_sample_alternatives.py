"""A worker samples next steps one by one, stores each as it comes, and each once."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from annotation.actions import jobs, sample_alternatives
from annotation.actions.opened_models import open_local_backend
from annotation.generation.backend import Backend, Completion, Refusal
from annotation.models import JobState, StepAlternative, StepBranch
from tests.annotation.actions.test_generate import ScriptedBackend, Ticking
from tests.factories import (
    NOW,
    make_alternative,
    make_assignment,
    make_batch,
    make_branch,
    make_model_spec,
    make_project,
    make_prompt,
    make_trace,
)
from tests.rl_bridge import tiny

pytestmark = pytest.mark.django_db
STEPS = ("Tom has 3.\n", "He buys 4: 3 + 4 = 8.\n", "The answer is 8.")


def make_asked(*, spec_location: str = "shipped", **fields: object) -> StepBranch:
    project = make_project()
    batch = make_batch(
        project, model_spec=make_model_spec(location=spec_location), prompt_template="Solve: {prompt}"
    )
    trace = make_trace(make_prompt(project, text="How many?"), steps=STEPS, batch=batch, sample_index=0)
    return make_branch(make_assignment(trace), **{"num_wanted": 3, **fields})


def run(branch: StepBranch, backend: Backend) -> StepBranch:
    sample_alternatives.sample_alternatives(
        branch_id=branch.pk, clock=Ticking(), open_backend=lambda spec: backend
    )
    branch.refresh_from_db()
    return branch


def texts(branch: StepBranch) -> list[str]:
    return list(branch.alternatives.order_by("index").values_list("text", flat=True))


def test_the_model_goes_on_from_the_steps_before_and_one_step_is_kept() -> None:
    backend = ScriptedBackend(["3 + 4 = 7.\nThe answer is 7.", "So 7.\nDone.", "He has 7.\nDone."])

    branch = run(make_asked(), backend)

    assert branch.state == JobState.FINISHED
    assert texts(branch) == ["3 + 4 = 7.\n", "So 7.\n", "He has 7.\n"]
    assert backend.requests[0].text == "Solve: How many?"
    assert backend.requests[0].answer_begins == STEPS[0]
    assert backend.requests[0].is_enough is not None
    assert backend.requests[0].is_enough("3 + 4 = 7.\nT") and not backend.requests[0].is_enough("3 + 4")


def test_each_alternative_is_there_before_the_next_one_is_asked_for() -> None:
    branch = make_asked()
    seen: list[int] = []
    backend = ScriptedBackend(
        ["a.\nx", "b.\nx", "c.\nx"], on_request=lambda index: seen.append(StepAlternative.objects.count())
    )

    run(branch, backend)

    assert seen == [0, 1, 2]


def test_each_says_how_to_make_it_again() -> None:
    branch = run(make_asked(), ScriptedBackend(["a.\nx", "b.\nx", "c.\nx"]))

    seeds = [alternative.sampling["seed"] for alternative in branch.alternatives.all()]
    assert len(set(seeds)) == 3
    assert branch.alternatives.all()[0].sampling["backend"]["backend"] == "scripted"


def test_a_step_that_is_known_is_tried_again_and_then_given_up() -> None:
    repeats = [STEPS[1], "new.\nx", "new.\ny", "new.\nz", "new.\nx", "other.\nx"]

    branch = run(make_asked(), ScriptedBackend(repeats))

    assert texts(branch) == ["new.\n", "", "other.\n"]
    assert "repeated" in branch.alternatives.get(index=1).refusal


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ("  \n", "wrote nothing more"),
        ("a\x00b.\nx", "NUL"),
        ("a\ud83db.\nx", "half of a surrogate pair"),
        (Refusal("The prompt is too long."), "too long"),
    ],
)
def test_what_is_no_step_says_why(said: str | Refusal, refusal: str) -> None:
    branch = run(make_asked(num_wanted=1), ScriptedBackend([said]))

    assert refusal in branch.alternatives.get().refusal
    assert branch.state == JobState.FINISHED


def test_a_step_that_was_cut_off_is_none() -> None:
    class CutOff(ScriptedBackend):
        def _answer(self, index: int, should_stop: object) -> Completion | Refusal:
            return Completion("3 + 4 is", 5, 9, finish_reason="length", mean_logprob=-0.5)

    branch = run(make_asked(num_wanted=1), CutOff([]))

    assert "end of a step" in branch.alternatives.get().refusal


def test_a_worker_that_takes_over_goes_on_where_the_other_died() -> None:
    branch = make_asked(state=JobState.RUNNING, num_attempts=1, touched_at=NOW - dt.timedelta(minutes=5))
    make_alternative(branch, index=0, text="a.\n")

    run(branch, ScriptedBackend(["a.\nx", "b.\nx", "c.\nx"]))

    assert texts(branch) == ["a.\n", "b.\n", "c.\n"]
    assert branch.state == JobState.FINISHED


def test_earlier_rounds_are_not_repeated() -> None:
    first = make_asked(num_wanted=1)
    run(first, ScriptedBackend(["a.\nx"]))
    second = make_branch(first.assignment, round=2, num_wanted=1)

    run(second, ScriptedBackend(["a.\nx", "b.\nx"]))

    assert texts(second) == ["b.\n"]


def test_a_branch_that_was_cancelled_stores_nothing_more() -> None:
    branch = make_asked()

    def cancel(index: int) -> None:
        StepBranch.objects.update(state=JobState.CANCELLED, finished_at=NOW)

    with pytest.raises(jobs.JobLost):
        run(branch, ScriptedBackend(["a.\nx"], on_request=cancel))
    assert not StepAlternative.objects.exists()


def test_a_branch_that_is_done_is_not_done_again() -> None:
    branch = make_asked(state=JobState.FINISHED, finished_at=NOW)

    with pytest.raises(jobs.JobNotStartable):
        run(branch, ScriptedBackend(["a.\nx"]))


def test_a_model_that_is_not_there_fails_the_branch_with_a_sentence() -> None:
    branch = make_asked(spec_location="/nowhere/model")

    sample_alternatives.sample_alternatives(
        branch_id=branch.pk, clock=timezone.now, open_backend=open_local_backend
    )

    branch.refresh_from_db()
    assert branch.state == JobState.FAILED
    assert "/nowhere/model" in branch.error


def test_a_real_model_gives_steps_that_end_where_the_next_begins(tmp_path: Path) -> None:
    folder = tiny.write_model(tmp_path, tiny.build_llama())
    branch = make_asked(spec_location=str(folder), max_new_tokens=24)

    sample_alternatives.sample_alternatives(
        branch_id=branch.pk, clock=timezone.now, open_backend=open_local_backend
    )

    branch.refresh_from_db()
    assert branch.state == JobState.FINISHED
    assert branch.alternatives.count() == 3
    assert all(row.text.strip() or row.refusal for row in branch.alternatives.all())


def test_alternatives_go_before_chunks_in_the_queue_of_models() -> None:
    routes = settings.CELERY_TASK_ROUTES
    alternatives = routes[StepBranch.task_name]

    assert alternatives["queue"] == "models"
    assert all(
        alternatives["priority"] < routes[name]["priority"]
        for name in ("annotation.generate_chunk", "annotation.judge_chunk")
    )
