"""A trial: one answer is stored, or one sentence on why there is none."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from annotation.actions import try_model
from annotation.actions.jobs import JobNotStartable
from annotation.actions.local_judges import ask_local_model
from annotation.actions.model_specs import launch_trial
from annotation.actions.try_model import NoAnswer, TrialAnswer, ask_backend
from annotation.generation.backend import Refusal
from annotation.models import JobState, ModelSpec, ModelTrial
from rl_bridge.errors import BridgeError
from tests.annotation.actions.test_generate import ScriptedBackend, Ticking
from tests.factories import NOW, make_account, make_model_spec
from tests.rl_bridge import tiny
from tests.rl_bridge.test_token_prm import write_classifier

pytestmark = pytest.mark.django_db(transaction=True)  # the beats come on a connection of their own


def launch(spec: ModelSpec | None = None) -> ModelTrial:
    return launch_trial(spec=spec or make_model_spec(), text="3 + 4?", actor=make_account(), now=NOW)


def run(trial: ModelTrial, answer: TrialAnswer | Exception) -> ModelTrial:
    def ask(spec: ModelSpec, text: str) -> TrialAnswer:
        assert (spec, text) == (trial.model_spec, "3 + 4?")
        if isinstance(answer, Exception):
            raise answer
        return answer

    try_model.try_model(trial_id=trial.pk, clock=Ticking(), ask=ask)
    trial.refresh_from_db()
    return trial


def test_what_the_model_said_is_stored() -> None:
    trial = run(launch(), TrialAnswer("7\x00\ud83d", "stop", -0.5, 3, 4))

    assert (trial.state, trial.answer, trial.finish_reason) == (JobState.FINISHED, "7\ufffd?", "stop")
    assert (trial.mean_logprob, trial.num_prompt_tokens, trial.num_tokens) == (-0.5, 3, 4)


@pytest.mark.parametrize("error", [BridgeError("No such folder."), RuntimeError("No such folder.\nat 0x1")])
def test_why_there_is_no_answer_is_one_sentence(error: Exception) -> None:
    trial = run(launch(), error)

    assert (trial.state, trial.error) == (JobState.FAILED, "No such folder.")


def test_a_trial_is_not_run_twice() -> None:
    trial = run(launch(), TrialAnswer("7"))

    with pytest.raises(JobNotStartable):
        run(trial, TrialAnswer("8"))


def test_a_backend_s_answer_comes_with_its_tokens() -> None:
    answer = ask_backend(ScriptedBackend(["It is 7."]), "3 + 4?")

    assert answer == TrialAnswer("It is 7.", "stop", -0.5, 5, 9)


@pytest.mark.parametrize(
    ("said", "words"), [(Refusal("Too long."), "Too long."), (" \n", "can be reached, but wrote nothing")]
)
def test_a_refusal_and_white_space_are_no_answer(said: str | Refusal, words: str) -> None:
    with pytest.raises(NoAnswer, match=words):
        ask_backend(ScriptedBackend([said]), "3 + 4?")


def test_a_process_reward_model_is_tried_on_two_steps_and_its_weights_are_written_down(
    tmp_path: Path,
) -> None:
    spec = make_model_spec(backend="prm", location=str(write_classifier(tmp_path / "prm")))

    answer = ask_local_model(spec, "3 + 4?")

    assert answer.text.startswith("“3 + 4 = 7.” gets 0.")
    assert len(ModelSpec.objects.get(pk=spec.pk).revision) == 64


def test_a_language_model_in_a_folder_is_tried_and_its_weights_are_written_down(tmp_path: Path) -> None:
    spec = make_model_spec(location=str(tiny.write_model(tmp_path / "tiny", tiny.build_llama(seed=3))))

    with contextlib.suppress(NoAnswer):  # random weights may end at once
        ask_local_model(spec, "3 + 4?")

    assert len(ModelSpec.objects.get(pk=spec.pk).revision) == 64
