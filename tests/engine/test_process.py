"""One child: its log, its end, and its end with its parent."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config.engine.errors import StopRequested
from config.engine.process import Child, ChildSpec, cap_log, pick_reason, read_log_tail, run_to_end
from config.paths import BASE_DIR
from tests.engine.processes import is_alive, list_descendants, wait_for

SLEEP = "import time; time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
WITH_GRANDCHILD = "import subprocess, time; subprocess.Popen(['sleep', '60']); print('two', flush=True); "


def spec(folder: Path, script: str, **changes: object) -> ChildSpec:
    command = (sys.executable, "-c", script)
    return ChildSpec("child", "Child", command, folder / "logs" / "child.log", **changes)  # type: ignore[arg-type]


def says(child: Child, words: str) -> bool:
    return words in "\n".join(read_log_tail(child.spec.log))


def test_what_a_child_writes_is_in_its_log_and_no_one_else_can_read_it(tmp_path: Path) -> None:
    script = "import sys; print('to stdout', flush=True); print('to stderr', file=sys.stderr)"

    child = Child(spec(tmp_path, script))

    assert child.wait(20)
    assert read_log_tail(child.spec.log) == ["to stdout", "to stderr"]
    assert stat.S_IMODE(child.spec.log.stat().st_mode) == 0o600


def test_a_second_run_adds_to_the_log(tmp_path: Path) -> None:
    for word in ("first", "second"):
        assert Child(spec(tmp_path, f"print('{word}')")).wait(20)

    assert read_log_tail(tmp_path / "logs" / "child.log") == ["first", "second"]


def test_a_log_over_its_limit_is_set_aside_while_the_child_goes_on_writing(tmp_path: Path) -> None:
    script = "import sys; [print('x' * 99, flush=True) for _ in range(50)]; sys.stdout.flush()\nimport time\n"
    script += "time.sleep(1.5); print('after', flush=True)"
    child = Child(spec(tmp_path, script))
    log = child.spec.log
    assert wait_for(lambda: log.stat().st_size == 5000, seconds=20)

    cap_log(log, limit_bytes=1000)

    assert log.with_name("child.log.1").stat().st_size == 5000
    assert child.wait(20)
    assert log.read_text() == "after\n"


def test_a_log_within_its_limit_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    log.write_text("short\n")

    cap_log(log)
    cap_log(tmp_path / "missing.log")

    assert [path.name for path in tmp_path.iterdir()] == ["child.log"]


def test_a_child_that_ignores_its_stop_signal_is_killed_when_patience_ends(tmp_path: Path) -> None:
    child = Child(spec(tmp_path, DEAF, patience_seconds=0.2))
    assert wait_for(lambda: says(child, "deaf"), seconds=20)

    child.end()

    assert child.exit_status() == -signal.SIGKILL


def test_a_child_that_ends_takes_its_own_children_along(tmp_path: Path) -> None:
    child = Child(spec(tmp_path, WITH_GRANDCHILD + "time.sleep(0.3)"))
    assert wait_for(lambda: says(child, "two"), seconds=20)
    grandchildren = list_descendants(child.pid)
    assert grandchildren

    assert child.wait(20)

    assert wait_for(lambda: not any(map(is_alive, grandchildren)), seconds=5)


def test_killing_a_child_kills_its_own_children(tmp_path: Path) -> None:
    child = Child(spec(tmp_path, WITH_GRANDCHILD + "time.sleep(60)"))
    assert wait_for(lambda: says(child, "two"), seconds=20)
    grandchildren = list_descendants(child.pid)

    child.kill()

    assert wait_for(lambda: not any(map(is_alive, grandchildren)), seconds=5)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals orphans")
def test_a_child_gets_its_orphan_signal_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = f"""
import sys, time
from pathlib import Path
from config.engine.process import Child, ChildSpec
child = Child(ChildSpec("child", "Child", (sys.executable, "-c", {SLEEP!r}), Path({str(tmp_path)!r}) / "child.log"))
print(child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=BASE_DIR, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        orphan = int(parent.stdout.readline())
        assert is_alive(orphan)
        parent.kill()

    assert wait_for(lambda: not is_alive(orphan), seconds=5)


def test_a_program_that_ends_by_itself_reports_its_status(tmp_path: Path) -> None:
    assert run_to_end(spec(tmp_path, "raise SystemExit(3)"), keep_going=lambda: None) == 3


def test_giving_up_on_a_program_kills_it(tmp_path: Path) -> None:
    slow = spec(tmp_path, f"import os; print(os.getpid(), flush=True); {SLEEP}")

    def give_up_once_it_runs() -> None:
        if read_log_tail(slow.log):
            raise StopRequested

    with pytest.raises(StopRequested):
        run_to_end(slow, keep_going=give_up_once_it_runs)

    assert not is_alive(int(read_log_tail(slow.log)[0]))


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["Traceback …", "ValueError: no such thing.", "[INFO] Shutting down"], "ValueError: no such thing"),
        (["django.db.utils.OperationalError: gone"], "django.db.utils.OperationalError: gone"),
        (["first", "last"], "last"),
        ([], "it wrote nothing to its log"),
    ],
)
def test_the_reason_is_the_last_exception_or_else_the_last_line(lines: list[str], reason: str) -> None:
    assert pick_reason(lines) == reason
