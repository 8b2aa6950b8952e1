"""Children kept alive, and stopped in order."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from config.engine.errors import EngineError, StopRequested
from config.engine.process import Child, ChildSpec, read_log_tail
from config.engine.supervisor import Supervisor
from tests.engine.processes import is_alive, wait_for

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
SLOW_TO_END = """
import signal, sys, time
def leave(*_):
    time.sleep(0.6)
    sys.exit(7)
signal.signal(signal.SIGTERM, leave)
print('up', flush=True)
time.sleep(60)
"""


def spec(folder: Path, name: str, script: str, patience_seconds: float = 1.0) -> ChildSpec:
    command = (sys.executable, "-c", script)
    return ChildSpec(name, name, command, folder / f"{name}.log", patience_seconds=patience_seconds)


def script_that_notes_its_end(diary: Path, name: str) -> str:
    """Runs until SIGTERM, takes a moment to leave, and writes its name into the diary last."""
    return f"""
import signal, sys, time
def leave(*_):
    time.sleep(0.2)
    open({str(diary)!r}, "a").write({name!r} + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("up", flush=True)
while True: time.sleep(1)
"""


def is_up(folder: Path, name: str, word: str = "up") -> bool:
    return word in read_log_tail(folder / f"{name}.log")


def interrupt_soon(seconds: float, number: int = signal.SIGINT) -> None:
    threading.Timer(seconds, os.kill, (os.getpid(), number)).start()


def test_children_stop_stage_by_stage_from_the_highest_down(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    supervisor = Supervisor(say=lambda line: None)

    with supervisor.listening():
        for stage, name in enumerate(["database", "broker", "web"]):
            script = script_that_notes_its_end(diary, name)
            supervisor.start(
                spec(tmp_path, name, script),
                stop_stage=stage,
                is_ready=partial(is_up, tmp_path, name),
            )

    assert diary.read_text().split() == ["web", "broker", "database"]


def test_a_child_that_dies_is_started_again_and_later_each_time(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(say=said.append)

    with supervisor.listening():
        supervisor.keep(Child(spec(tmp_path, "frail", "print('try'); raise SystemExit(7)")), stop_stage=1)
        interrupt_soon(2.6)
        supervisor.watch()

    tries = read_log_tail(tmp_path / "frail.log").count("try")
    assert tries == 3  # at once, after 0.5 s, after 1 s more; the next would come after 2 s
    assert [line.partition(" (")[0] for line in said] == ["frail stopped"] * 3
    assert [line.rpartition(" in ")[2].split(" s")[0] for line in said] == ["0.5", "1", "2"]


def test_a_killed_child_is_replaced_by_a_new_process(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(say=said.append)
    pids: list[int] = []

    with supervisor.listening():
        first = Child(
            spec(tmp_path, "steady", "import os, time; print(os.getpid(), flush=True); time.sleep(60)")
        )
        supervisor.keep(first, stop_stage=1)
        assert wait_for(lambda: first.spec.log.stat().st_size > 0, seconds=20)
        os.kill(first.pid, signal.SIGKILL)
        interrupt_soon(1.5)
        supervisor.watch()
        pids = [int(line) for line in read_log_tail(first.spec.log)]

    assert len(pids) == 2
    assert pids[0] == first.pid != pids[1]
    assert "was ended by SIGKILL" in said[0]
    assert not any(map(is_alive, pids))


def test_a_child_that_never_gets_ready_is_reported_with_its_own_words(tmp_path: Path) -> None:
    supervisor = Supervisor(say=lambda line: None)

    with (
        supervisor.listening(),
        pytest.raises(EngineError, match=r"web can't start: ValueError: no port .*web\.log"),
    ):
        supervisor.start(
            spec(tmp_path, "web", "raise ValueError('no port')"), stop_stage=1, is_ready=lambda: False
        )


def test_a_silent_child_is_given_up_on_and_ended(tmp_path: Path) -> None:
    supervisor = Supervisor(say=lambda line: None)
    started: list[Child] = []

    with supervisor.listening(), pytest.raises(EngineError, match="did not answer"):
        started.append(
            supervisor.start(
                spec(tmp_path, "mute", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"),
                stop_stage=1,
                is_ready=lambda: False,
                seconds=1.0,
            )
        )

    assert not started
    assert not is_alive(int(read_log_tail(tmp_path / "mute.log")[0]))


def test_a_ctrl_c_during_the_start_ends_what_had_started(tmp_path: Path) -> None:
    supervisor = Supervisor(say=lambda line: None)

    with pytest.raises(StopRequested), supervisor.listening():
        interrupt_soon(0.5)
        supervisor.start(
            spec(tmp_path, "slow", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"),
            stop_stage=1,
            is_ready=lambda: False,
        )

    assert not is_alive(int(read_log_tail(tmp_path / "slow.log")[0]))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_way_of_asking_for_a_stop_is_heard(tmp_path: Path, number: int) -> None:
    supervisor = Supervisor(say=lambda line: None)
    before = signal.getsignal(number)

    with supervisor.listening():
        interrupt_soon(0.1, number)
        supervisor.watch()

    assert signal.getsignal(number) == before


def test_a_second_ctrl_c_does_not_wait_for_anyone(tmp_path: Path) -> None:
    supervisor = Supervisor(say=lambda line: None)
    begun = time.monotonic()

    with supervisor.listening():
        deaf = supervisor.start(
            spec(tmp_path, "deaf", DEAF, patience_seconds=30),
            stop_stage=1,
            is_ready=lambda: is_up(tmp_path, "deaf", "deaf"),
        )
        begun = time.monotonic()
        interrupt_soon(0.1)
        interrupt_soon(0.4)
        supervisor.watch()

    assert time.monotonic() - begun < 1.5
    assert deaf.exit_status() == -signal.SIGKILL


@pytest.mark.slow
def test_children_that_ignore_every_signal_still_end_within_five_seconds(tmp_path: Path) -> None:
    supervisor = Supervisor(say=lambda line: None)

    with supervisor.listening():
        for stage in range(4):
            name = f"deaf-{stage}"
            supervisor.start(
                spec(tmp_path, name, DEAF, patience_seconds=30),
                stop_stage=stage,
                is_ready=partial(is_up, tmp_path, name, "deaf"),
            )
        begun = time.monotonic()

    assert time.monotonic() - begun < 5


def test_one_that_does_not_end_in_time_cuts_nobody_else_short(tmp_path: Path) -> None:
    supervisor = Supervisor(say=lambda line: None, stop_seconds=20)

    with supervisor.listening():
        deaf = supervisor.start(
            spec(tmp_path, "deaf", DEAF, patience_seconds=0.1),
            stop_stage=1,
            is_ready=lambda: is_up(tmp_path, "deaf", "deaf"),
        )
        slow = supervisor.start(
            spec(tmp_path, "slow", SLOW_TO_END, patience_seconds=15),
            stop_stage=1,
            is_ready=lambda: is_up(tmp_path, "slow", "up"),
        )

    assert (deaf.exit_status(), slow.exit_status()) == (-signal.SIGKILL, 7)
