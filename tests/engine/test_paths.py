"""Where files and sockets are."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config import paths


def test_the_data_folder_is_var_unless_the_environment_names_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("GRADUS_DATA", raising=False)
    assert paths.data_dir() == paths.BASE_DIR / "var"

    monkeypatch.setenv("GRADUS_DATA", str(tmp_path / "elsewhere"))
    assert paths.data_dir() == tmp_path / "elsewhere"


def test_models_can_be_shared_between_data_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GRADUS_MODELS", raising=False)
    assert paths.models_dir(tmp_path) == tmp_path / "models"

    monkeypatch.setenv("GRADUS_MODELS", str(tmp_path / "shared"))
    assert paths.models_dir(tmp_path / "other") == tmp_path / "shared"


def test_a_socket_path_stays_short_however_deep_the_data_folder_lies(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-rather-long-folder-name"] * 20)

    sockets = [paths.valkey_socket(deep), paths.postgres_socket_dir(deep) / f".s.PGSQL.{paths.POSTGRES_PORT}"]

    assert all(len(os.fsencode(socket)) < 107 for socket in sockets)


def test_two_data_folders_have_two_socket_folders(tmp_path: Path) -> None:
    assert paths.socket_dir(tmp_path / "a") != paths.socket_dir(tmp_path / "b")
    assert paths.socket_dir(tmp_path / "a") == paths.socket_dir(tmp_path / "b" / ".." / "a")


def test_the_socket_folder_is_closed_to_others(data: Path) -> None:
    folder = paths.ensure_socket_dir(data)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_link_planted_where_the_sockets_should_go_is_refused(data: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.mkdir()
    paths.socket_dir(data).symlink_to(trap)

    try:
        with pytest.raises(paths.ForeignSocketFolderError):
            paths.ensure_socket_dir(data)
    finally:
        paths.socket_dir(data).unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_socket_folder_of_another_user_is_refused(data: Path) -> None:
    paths.socket_dir(data).mkdir()
    os.chown(paths.socket_dir(data), 64201, 64201)

    with pytest.raises(paths.ForeignSocketFolderError, match="belongs to user 64201"):
        paths.ensure_socket_dir(data)


def test_the_secret_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = paths.secret_key(tmp_path / "new" / "folder")
    path = tmp_path / "new" / "folder" / "secret_key"

    assert len(first) >= 50
    assert paths.secret_key(tmp_path / "new" / "folder") == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret_key"]


def test_processes_that_start_together_agree_on_the_secret_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as threads:
        keys = set(threads.map(lambda _: paths.secret_key(tmp_path), range(64)))

    assert len(keys) == 1


def test_an_unusable_data_folder_ends_the_program_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(SystemExit, match=r"Could not use .*file"):
        paths.secret_key(tmp_path / "file" / "folder")
