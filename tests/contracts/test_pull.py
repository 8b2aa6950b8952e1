"""A real server, a real token, the client as people run it, and `datasets` on what came."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from datasets import load_dataset
from django.conf import LazySettings
from pytest_django.live_server_helper import LiveServer

from annotation.models import TokenScope
from config.paths import BASE_DIR
from exports.actions import folder_of
from tests.annotation.api.callers import make_token
from tests.exports.worlds import make_world, start_export, write_export

pytestmark = pytest.mark.django_db(transaction=True)


def run_pull(address: str, out: Path, token: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rl_bridge", "pull", address, "--out", str(out)],
        cwd=BASE_DIR,
        env={"PATH": "/usr/bin:/bin", "GRADUS_TOKEN": token},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_export_is_pulled_with_a_token_and_opens_in_datasets(
    live_server: LiveServer, settings: LazySettings, tmp_path: Path
) -> None:
    settings.EXPORTS_DIR = tmp_path / "exports"
    world = make_world(6)
    export = write_export(start_export(world))
    token = make_token(world.engineer, scopes=[TokenScope.EXPORTS_READ], project=world.project)
    blind = make_token(world.engineer, scopes=[TokenScope.PROMPTS_READ])

    done = run_pull(f"{live_server.url}/p/{world.project.slug}/exports/{export.pk}/", tmp_path / "out", token)
    refused = run_pull(f"{live_server.url}/api/v1/exports/{export.pk}/", tmp_path / "none", blind)

    assert (done.returncode, done.stderr[-300:]) == (0, done.stderr[-300:])
    frozen = folder_of(export)
    names = sorted(str(path.relative_to(frozen)) for path in frozen.rglob("*") if path.is_file())
    came = sorted(
        str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()
    )
    assert came == names
    assert all((frozen / name).read_bytes() == (tmp_path / "out" / name).read_bytes() for name in names)
    rows = load_dataset(str(tmp_path / "out"), "stepwise", cache_dir=str(tmp_path / "cache"))
    counts = export.manifest["counts"]["configs"]["stepwise"]["rows"]
    assert {split: part.num_rows for split, part in rows.items()} == counts
    assert refused.returncode == 2
    assert "lacks the scope exports:read" in refused.stderr
