"""Process reward models on servers in the product: added, tried, made a judge, set to work, pinned to their weights."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation.actions import judge_runs, judges, model_specs
from annotation.actions.judge import judge_chunk
from annotation.actions.judges import NewJudge
from annotation.actions.opened_servers import NotAServer, ServerKeyMissing, read_prm_settings
from annotation.actions.server_judges import ask_server_model, open_server_judge
from annotation.models import Backend, JobState, JudgeKind, JudgeScore, ModelSpec
from annotation.tasks.servers import try_model_on_server
from tests.factories import NOW, make_account, make_model_spec, make_project, make_prompt, make_trace
from tests.rl_bridge.servers import Answer, Asked, Server, serving

pytestmark = pytest.mark.django_db


class Told:
    """What the served judge calls itself."""

    revision = "weights-1"


def answer(asked: Asked) -> Answer:
    traces = json.loads(asked.body)["traces"]
    scores = [[0.25] * len(trace["steps"]) for trace in traces]
    told = {"judge": "sums", "revision": Told.revision, "scores": scores, "faults": [""] * len(traces)}
    return Answer(body=json.dumps(told).encode())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(Told, "revision", "weights-1")
    with serving(answer) as running:
        yield running


def make_spec(server: Server, **fields: object) -> ModelSpec:
    place = {"backend": Backend.PRM_SERVER, "location": "sums", "address": f"{server.url}/v1", "revision": ""}
    return make_model_spec(**{**place, **fields})


def launch(spec: ModelSpec, *, num_traces: int = 3) -> judge_runs.JudgeRun:
    project = make_project()
    prompt = make_prompt(project)
    for _ in range(num_traces):
        make_trace(prompt)
    new = NewJudge(JudgeKind.PRM, "sums", spec, {"separator": "\n"})
    judge = judges.make_judge(project=project, new=new, actor=make_account(), now=NOW)
    return judge_runs.launch_judge_run(project=project, judge=judge, actor=make_account(), now=NOW)


def work(run: judge_runs.JudgeRun) -> None:
    for chunk in run.chunks.all():
        judge_chunk(chunk_id=chunk.pk, clock=timezone.now, open_judge=open_server_judge)


def test_a_judge_on_a_server_scores_and_its_weights_are_written_down(server: Server) -> None:
    spec = make_spec(server)
    run = launch(spec)

    work(run)

    run.refresh_from_db()
    spec.refresh_from_db()
    assert run.state == JobState.FINISHED
    assert {tuple(score.probabilities) for score in JudgeScore.objects.all()} == {(0.25, 0.25, 0.25)}
    assert spec.revision == "weights-1"
    assert all(chunk.is_on_server for chunk in run.chunks.all())


def test_other_weights_at_the_same_address_are_no_longer_the_judge(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = launch(make_spec(server, revision="weights-1"))
    monkeypatch.setattr(Told, "revision", "weights-2")

    work(run)

    [chunk] = run.chunks.all()
    assert chunk.state == JobState.FAILED
    assert "weights-2" in chunk.error
    assert not JudgeScore.objects.exists()


def test_a_trial_says_how_it_scores_a_right_and_a_wrong_step(server: Server) -> None:
    spec = make_spec(server)
    trial = model_specs.launch_trial(spec=spec, text="What is 3 + 4?", actor=make_account(), now=NOW)

    try_model_on_server(trial.pk)

    trial.refresh_from_db()
    assert trial.state == JobState.FINISHED
    assert trial.answer == "“3 + 4 = 7.” gets 0.25, “So the answer is 8.” gets 0.25."
    assert ask_server_model(spec, "p").text == trial.answer


def test_a_language_model_is_no_judge_of_this_kind_and_a_prm_writes_nothing(server: Server) -> None:
    chat = make_spec(server, name="chat", backend=Backend.SERVER)
    scoring = make_spec(server, name="scoring")
    project = make_project()

    with pytest.raises(judges.WrongModel):
        judges.make_judge(
            project=project, new=NewJudge(JudgeKind.PRM, "a", chat, {}), actor=make_account(), now=NOW
        )
    with pytest.raises(judges.WrongModel):
        judges.make_judge(
            project=project,
            new=NewJudge(JudgeKind.RUBRIC, "a", scoring, {}),
            actor=make_account(),
            now=NOW,
        )
    assert scoring not in ModelSpec.objects.generating()
    with pytest.raises(NotAServer):
        read_prm_settings(chat)


def test_a_key_that_the_worker_lacks_is_said(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = make_spec(server, key_variable="SUMS_API_KEY")
    monkeypatch.delenv("SUMS_API_KEY", raising=False)

    with pytest.raises(ServerKeyMissing, match="SUMS_API_KEY"):
        read_prm_settings(spec)

    monkeypatch.setenv("SUMS_API_KEY", "secret")
    assert read_prm_settings(spec).key == "secret"


def test_the_database_holds_that_such_a_model_has_an_address() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_model_spec(backend=Backend.PRM_SERVER, location="sums", address="")
