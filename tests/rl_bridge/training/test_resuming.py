"""Runs that were interrupted: they go on from the last whole checkpoint, and end where they would have ended."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerCallback

from rl_bridge import __main__, runs
from rl_bridge.training import checkpoints, session
from rl_bridge.training.kinds import KINDS
from tests.rl_bridge.training.small import make_settings, read_log, train
from tests.rl_bridge.upstream import ignore_warnings_inside_trl

pytestmark = ignore_warnings_inside_trl

STEPS = {"max_steps": 6, "save_every": 2, "seed": 4}


class Interrupt(TrainerCallback):
    """Stops a training after some steps, as an exception does from anywhere in it."""

    def __init__(self, after: int) -> None:
        self.after = after

    def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        if state.global_step == self.after:
            raise KeyboardInterrupt


def interrupt_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = checkpoints.RunRecorder

    def build(folder: Path) -> TrainerCallback:
        class Both(Interrupt, recorder):
            def __init__(self) -> None:
                Interrupt.__init__(self, steps)
                recorder.__init__(self, folder)

        return Both()

    monkeypatch.setattr(session, "RunRecorder", build)


@pytest.mark.parametrize(
    "kind", [kind if kind == "prm" else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]
)
def test_a_resumed_run_ends_with_the_same_loss_at_every_step(
    export_folder: Path, tiny_llama: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(make_settings(kind, export_folder, tmp_path / "whole", tiny_llama, **STEPS))
    settings = make_settings(kind, export_folder, tmp_path / "cut", tiny_llama, **STEPS)
    with monkeypatch.context() as cut:
        interrupt_after(5, cut)
        with pytest.raises(KeyboardInterrupt):
            train(settings)
    assert checkpoints.find_last_checkpoint(tmp_path / "cut") == tmp_path / "cut/checkpoints/checkpoint-4"

    resumed = train(settings, resumes=True)

    assert resumed.metrics == pytest.approx(whole.metrics, rel=1e-6)
    losses = [
        [entry["loss"] for entry in read_log(run.folder) if "loss" in entry] for run in (whole, resumed)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert len(losses[1]) == 6
    assert "The run was interrupted, and went on from step 4 of 6." in resumed.warnings
    assert not (tmp_path / "cut" / "checkpoints").exists()


def test_a_run_cut_before_its_first_checkpoint_begins_again(
    export_folder: Path, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings("prm", export_folder, tmp_path / "run", tiny_llama, **STEPS)
    with monkeypatch.context() as cut:
        interrupt_after(1, cut)
        with pytest.raises(KeyboardInterrupt):
            train(settings)

    assert "went on from step 0 of 6." in train(settings, resumes=True).warnings[0]


def test_a_checkpoint_cut_off_while_it_was_written_is_passed_over(tmp_path: Path) -> None:
    for step, is_whole in ((2, True), (10, True), (12, False)):
        folder = tmp_path / "checkpoints" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "trainer_state.json").write_text("{}")
        if is_whole:
            (folder / "whole").touch()

    found = checkpoints.find_last_checkpoint(tmp_path)

    assert found is not None
    assert checkpoints.read_step(found) == 10


def test_a_run_that_was_finished_or_never_was_is_not_resumed(
    export_folder: Path, tiny_llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = train(make_settings("prm", export_folder, tmp_path / "done", tiny_llama)).folder

    for folder, complaint in (
        (done, "is finished; there is nothing to resume"),
        (tmp_path / "nothing", "is no run folder: config.json is missing or damaged"),
    ):
        assert __main__.main(["train", "prm", "--resume", str(folder)]) == 2
        assert complaint in capsys.readouterr().err


def test_a_resumed_run_keeps_its_settings_and_its_rows(
    export_folder: Path,
    tiny_llama: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = tmp_path / "run"
    interrupt_after(3, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train(make_settings("prm", export_folder, run, tiny_llama, **STEPS))

    def resume(kind: str, *more: str) -> str:
        assert __main__.main(["train", kind, "--resume", str(run), *more]) == 2
        return capsys.readouterr().err

    assert "A resumed run keeps its settings: give --resume alone" in resume("prm", "--max-steps", "9")
    assert "These are settings for prm, and this is train sft" in resume("sft")
    manifest = export_folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"version": "7"', '"version": "8"'))
    assert "began with sums 7 (" in resume("prm")
    (run / "data.json").write_text("{")
    assert "does not say what it trained on: data.json is damaged" in resume("prm")


def start(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "rl_bridge", "train", *arguments]
    alone = os.environ | {"OMP_NUM_THREADS": "1"}  # threads cost a tiny model more than they give
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=alone)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_killed_at_once_and_resumed_ends_with_the_same_loss(
    export_folder: Path, tiny_llama: Path, tmp_path: Path, kind: str
) -> None:
    shared = ["--export", str(export_folder), "--model", str(tiny_llama), "--max-steps", "30", "--no-bf16"]
    shared += ["--save-every", "5", "--limit-length", "200", "--seed", "2"]
    if kind == "grpo":
        shared += ["--max-new-tokens", "8", "--num-generations", "2", "--batch-size", "4"]
    assert start(kind, *shared, "--output", str(tmp_path / "whole")).wait(200) == 0

    run = tmp_path / "killed"
    process = start(kind, *shared, "--output", str(run))
    while checkpoints.find_last_checkpoint(run) is None:
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)

    assert process.wait(20) == -signal.SIGKILL
    assert not (run / runs.METRICS_FILE).exists()
    assert start(kind, "--resume", str(run)).wait(200) == 0
    whole, resumed = (json.loads((f / runs.METRICS_FILE).read_text()) for f in (tmp_path / "whole", run))
    assert resumed == pytest.approx(whole, rel=1e-6)
