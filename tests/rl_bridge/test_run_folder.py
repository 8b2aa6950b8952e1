"""Reading a finished run of a process reward model: what it says of itself, and what is never opened."""

import json
from pathlib import Path

import pytest

from rl_bridge import run_folder, weights
from tests.rl_bridge.test_prm import write_prm


def write_prm_run(folder: Path, backbone: Path, *, manifest_sha256: str = "f" * 64) -> Path:
    """A run folder as `train prm` leaves it."""
    folder.mkdir(parents=True)
    write_prm(folder / "model", backbone)
    files = {
        "config.json": {"kind": "prm", "max_steps": 100},
        "data.json": {"export": "sums 7 (abc)", "manifest_sha256": manifest_sha256},
        "metrics.json": {"test_auc": 0.9, "test_balanced_accuracy": 0.85, "note": "no figure"},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    return folder


@pytest.fixture
def run(tmp_path: Path, tiny_llama: Path) -> Path:
    return write_prm_run(tmp_path / "prm-1", tiny_llama)


def test_a_finished_run_says_what_it_was_and_which_weights_came_of_it(run: Path) -> None:
    found = run_folder.read_prm_run(run)

    assert found.name == "prm-1"
    assert found.revision == weights.hash_weights(run / "model")
    assert (found.export, found.manifest_sha256) == ("sums 7 (abc)", "f" * 64)
    assert found.metrics == {"test_auc": 0.9, "test_balanced_accuracy": 0.85}
    assert found.settings["max_steps"] == 100


@pytest.mark.parametrize("name", ["config.json", "data.json", "metrics.json", "model/prm.json"])
def test_a_run_that_is_not_finished_is_refused(name: str, run: Path) -> None:
    (run / name).unlink()

    with pytest.raises(run_folder.NotAFinishedRun, match="is missing"):
        run_folder.read_prm_run(run)


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_damaged_run_is_refused(content: str, run: Path) -> None:
    (run / "metrics.json").write_text(content)

    with pytest.raises(run_folder.NotAFinishedRun, match=r"metrics\.json is no"):
        run_folder.read_prm_run(run)


def test_a_policy_is_no_judge(run: Path) -> None:
    (run / "config.json").write_text('{"kind": "sft"}')

    with pytest.raises(run_folder.NotAFinishedRun, match="only a trained PRM"):
        run_folder.read_prm_run(run)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "extra.pt", "deep/optimizer.pkl"])
def test_pickled_weights_are_refused_wherever_they_lie(name: str, run: Path) -> None:
    path = run / "model" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\x80")

    with pytest.raises(run_folder.NotAFinishedRun, match="no pickles"):
        run_folder.read_prm_run(run)


def test_a_link_out_of_the_folder_is_refused(run: Path) -> None:
    (run / "model" / "weights.safetensors").symlink_to("/etc/passwd")

    with pytest.raises(run_folder.NotAFinishedRun, match="no links"):
        run_folder.read_prm_run(run)


def test_weights_without_a_head_are_refused(run: Path) -> None:
    (run / "model" / "step_head.safetensors").unlink()

    with pytest.raises(run_folder.NotAFinishedRun, match="step head"):
        run_folder.read_prm_run(run)


def test_other_weights_have_another_hash(run: Path) -> None:
    before = weights.hash_weights(run / "model")
    head = run / "model" / "step_head.safetensors"
    head.write_bytes(head.read_bytes()[:-1] + b"\x01")

    assert weights.hash_weights(run / "model") != before
