"""Static files are named by their content, and modules import each other by those names."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.paths import BASE_DIR


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `collectstatic` makes of the product's files, under its own settings."""
    data = tmp_path_factory.mktemp("data")
    done = subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput"],
        cwd=BASE_DIR,
        env={"DJANGO_SETTINGS_MODULE": "config.settings", "GRADUS_DATA": str(data), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return data / "static"


def test_a_page_loads_its_own_script_and_the_frames_by_hashed_names(collected: Path) -> None:
    modules = list((collected / "js").glob("*.????????????.js"))
    imported = [name for module in modules for name in re.findall(r'from "(\./[^"]+)"', module.read_text())]

    assert imported
    assert all(re.fullmatch(r"\./frame\.[0-9a-f]{12}\.js", name) for name in imported), imported
    [frame] = (collected / "js").glob("frame.????????????.js")
    assert "export function gettext" in frame.read_text()
    [rating] = (collected / "js").glob("rating.????????????.js")
    assert "class RatingState" in rating.read_text()


def test_every_import_leads_to_a_file(collected: Path) -> None:
    for module in (collected / "js").glob("*.????????????.js"):
        for name in re.findall(r'from "(\./[^"]+)"', module.read_text()):
            assert (module.parent / name).is_file()


def test_stylesheets_and_fonts_are_compressed_for_the_wire(collected: Path) -> None:
    stylesheets = list((collected / "css").glob("*.????????????.css"))

    assert stylesheets
    assert all(
        sheet.with_name(f"{sheet.name}.gz").is_file() for sheet in stylesheets if sheet.stat().st_size > 1000
    )
