"""Exports against our own trainers: every dataset that trains, in both forms, through every trainer that reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from exports.formats.dataset import FormName
from rl_bridge import prm
from tests.contracts.conftest import FORMS
from tests.rl_bridge import tiny
from tests.rl_bridge.test_prm import write_prm
from tests.rl_bridge.training.small import make_settings, read_log, train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db,  # the fixture needs the test database
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]

TRAININGS = [
    ("prm", {"batch_size": 2}),
    ("sft", {}),
    ("reward", {"lora_rank": 2}),
    ("dpo", {}),
    ("dpo", {"dataset": "step_preference"}),
    ("kto", {"lora_rank": 2}),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_model(tmp_path_factory.mktemp("models") / "tiny", tiny.build_llama())


@pytest.mark.parametrize(
    "form", [FORMS[0], *(pytest.param(form, marks=pytest.mark.slow) for form in FORMS[1:])]
)
@pytest.mark.parametrize(("kind", "changes"), TRAININGS)
def test_every_dataset_goes_through_its_trainers(
    folders: dict[str, Path],
    model: Path,
    tmp_path: Path,
    kind: str,
    changes: dict[str, object],
    form: FormName,
) -> None:
    settings = make_settings(
        kind, folders[form], tmp_path / "run", model, limit_length=1000, max_test_rows=2, **changes
    )

    summary = train(settings)

    steps = [entry for entry in read_log(summary.folder) if "loss" in entry]
    assert len(steps) == 2
    assert all(0 < entry["loss"] < 20 for entry in steps)
    assert summary.warnings == ()  # nothing is cut or left out, and the test split is measured
    assert any(name.startswith("test_") for name in summary.metrics)
    if kind == "prm":
        assert prm.load_prm(summary.folder / "model", device="cpu").config.segmenters


@pytest.mark.parametrize("form", FORMS)
def test_prompts_go_through_grpo_with_rewards_weighed_by_the_exports_own_manifest(
    folders: dict[str, Path], model: Path, tmp_path: Path, form: FormName
) -> None:
    settings = make_settings(
        "grpo",
        folders[form],
        tmp_path / "run",
        model,
        prm=write_prm(tmp_path / "prm", model),
        limit_length=1000,
        max_new_tokens=8,
        num_generations=4,
        batch_size=4,
    )

    summary = train(settings)

    steps = [entry for entry in read_log(summary.folder) if "reward" in entry]
    assert len(steps) == 2
    assert all(0 <= entry["hybrid/process_reward"] <= 1 for entry in steps)
    assert summary.metrics["was_stopped"] == 0.0
    # Two steps are too few for any alarm, and the export's steps are no lines; nothing else is to be said.
    silent = [words for words in summary.warnings if words.startswith("No alarm for")]
    [about_steps] = [words for words in summary.warnings if words not in silent]
    assert len(silent) == 4
    assert "line" in about_steps
