"""Threads that wait for each other leave the cores to others, unless somebody who runs the product says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from rl_bridge.threads import wait_without_spinning


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setenv("GOMP_SPINCOUNT", "is put back after the test")
    monkeypatch.delenv("GOMP_SPINCOUNT")


def test_threads_turn_round_a_thousand_times_before_they_sleep() -> None:
    wait_without_spinning()

    assert os.environ["GOMP_SPINCOUNT"] == "1000"


@pytest.mark.parametrize("variable", ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"])
def test_what_the_environment_says_stays(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "7")

    wait_without_spinning()

    assert os.environ[variable] == "7"
    assert len({"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & set(os.environ)) == 1


def test_a_worker_sets_it_before_torch_is_there() -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, sys, config.celery; print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout.split() == ["1000", "False"]
