"""Two processes train together: one of them writes.

`accelerate launch` starts processes on GPUs through this launcher; on CPUs it wants MPI, so the test takes it bare.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rl_bridge import prm, rollouts, runs
from tests.rl_bridge.export_folders import write_prompts
from tests.rl_bridge.test_prm import write_prm

PATIENCE_SECONDS = 120
LAUNCH = [
    "-m",
    "torch.distributed.run",
    "--standalone",
    "--nproc_per_node",
    "2",
    "-m",
    "rl_bridge",
    "train",
]


def launch(*arguments: str) -> tuple[int, str, str]:
    """Exit status, output and errors. A launcher that does not end is asked to, since it alone ends its processes."""
    with subprocess.Popen(
        [sys.executable, *LAUNCH, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    ) as launcher:
        try:
            told, errors = launcher.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            launcher.terminate()
            told, errors = launcher.communicate()
    return launcher.returncode, told, errors


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["prm", "sft"])
def test_two_processes_make_one_run(export_folder: Path, tiny_llama: Path, tmp_path: Path, kind: str) -> None:
    run = tmp_path / "run"
    options = ["--export", str(export_folder), "--model", str(tiny_llama), "--output", str(run)]
    options += [
        "--epochs",
        "2",
        "--batch-size",
        "2",
        "--no-bf16",
        "--limit-length",
        "200",
        "--save-every",
        "1",
    ]

    status, told, errors = launch(kind, *options)

    assert status == 0, errors[-3000:]
    rows = {"prm": 24, "sft": 4}[kind]
    assert told.count(f"Training {kind} on {rows} rows") == 1
    assert told.count("Wrote ") == 1
    log = [json.loads(line) for line in (run / runs.LOG_FILE).read_text().splitlines()]
    assert [entry["step"] for entry in log if "loss" in entry] == list(range(1, rows // 2 + 1))
    assert not (run / runs.CHECKPOINTS_FOLDER).exists()
    if kind == "prm":
        assert prm.load_prm(run / runs.MODEL_FOLDER, device="cpu").config.export.startswith("sums 7")


@pytest.mark.slow
def test_doubtful_roll_outs_of_both_processes_are_kept(tiny_llama: Path, tmp_path: Path) -> None:
    export, judge = write_prompts(tmp_path / "export"), write_prm(tmp_path / "prm", tiny_llama)
    run = tmp_path / "run"
    options = ["--export", str(export), "--model", str(tiny_llama), "--output", str(run), "--prm", str(judge)]
    options += ["--max-steps", "1", "--batch-size", "2", "--num-generations", "2", "--max-new-tokens", "8"]

    status, _, errors = launch("grpo", *options, "--no-bf16", "--limit-length", "200")

    assert status == 0, errors[-3000:]
    # One process draws two completions of one prompt in a step.
    assert len({kept.prompt_id for kept in rollouts.read_rollouts(run)}) == 2
