"""`manage.py export`: from ratings to a folder in one command."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command

from annotation.actions.jobs import JobNotStartable
from exports import actions
from exports.models import Export
from rl_bridge.data import check_export
from tests.exports.worlds import make_world
from tests.factories import make_project, make_site_admin

pytestmark = pytest.mark.django_db


def test_a_project_is_exported_into_a_new_folder(tmp_path: Path) -> None:
    world = make_world(12)
    said = io.StringIO()

    call_command("export", world.project.slug, "--out", str(tmp_path / "out"), stdout=said)

    folder = check_export(tmp_path / "out")
    assert "stepwise" in folder.configs
    assert "rows  stepwise/train-" in said.getvalue()
    assert Export.objects.get().created_by.membership_set.filter(project=world.project).exists()


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    world = make_world(1)

    with pytest.raises(CommandError, match="exists already"):
        call_command("export", world.project.slug, "--out", str(tmp_path))

    assert not Export.objects.exists()


def test_an_unknown_project_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no project 'sums'"):
        call_command("export", "sums", "--out", str(tmp_path / "out"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--minimum-raters", "0"], "at least 1 rater"),
        (["--minimum-raters", "9", "--configs", "sft"], "No dataset would have a row"),
        (["--as", "nobody"], "Name an admin or engineer"),
    ],
)
def test_what_can_not_be_exported_is_said_and_leaves_no_folder(
    tmp_path: Path, options: list[str], message: str
) -> None:
    world = make_world(1)

    with pytest.raises(CommandError, match=message):
        call_command("export", world.project.slug, "--out", str(tmp_path / "out"), *options)

    assert not (tmp_path / "out").exists()


def test_a_project_without_ratings_has_nothing_to_export(tmp_path: Path) -> None:
    project = make_project()
    make_site_admin()

    with pytest.raises(CommandError, match="nothing to merge"):
        call_command("export", project.slug, "--out", str(tmp_path / "out"))


def test_where_a_worker_was_faster_the_command_takes_its_files(tmp_path: Path) -> None:
    world = make_world(2)

    real_write = actions.write_export

    def write_elsewhere(*, export_id: int, clock: Callable[[], dt.datetime]) -> None:
        real_write(export_id=export_id, clock=clock)
        raise JobNotStartable("It is done.")

    with patch("exports.actions.write_export", write_elsewhere):
        call_command("export", world.project.slug, "--out", str(tmp_path / "out"), stdout=io.StringIO())

    assert check_export(tmp_path / "out").configs
