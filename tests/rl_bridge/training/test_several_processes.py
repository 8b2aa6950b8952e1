"""Two processes train together: one of them writes.

`accelerate launch` starts processes on GPUs through this launcher; on CPUs it wants MPI, so the test takes it bare.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rl_bridge import prm, runs

LAUNCH = [
    "-m",
    "torch.distributed.run",
    "--nproc_per_node",
    "2",
    "--master_port",
    "0",
    "-m",
    "rl_bridge",
    "train",
]


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

    done = subprocess.run(
        [sys.executable, *LAUNCH, kind, *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )

    assert done.returncode == 0, done.stderr[-3000:]
    rows = {"prm": 24, "sft": 4}[kind]
    assert done.stdout.count(f"Training {kind} on {rows} rows") == 1
    assert done.stdout.count("Wrote ") == 1
    log = [json.loads(line) for line in (run / runs.LOG_FILE).read_text().splitlines()]
    assert [entry["step"] for entry in log if "loss" in entry] == list(range(1, rows // 2 + 1))
    assert not (run / runs.CHECKPOINTS_FOLDER).exists()
    if kind == "prm":
        assert prm.load_prm(run / runs.MODEL_FOLDER, device="cpu").config.export.startswith("sums 7")
