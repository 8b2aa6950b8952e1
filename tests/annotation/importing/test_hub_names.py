"""Which words name a data set, and which would open something else on the server."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets.packaged_modules import _PACKAGED_DATASETS_MODULES

from annotation.importing.hub_names import READERS, check_name
from annotation.importing.hub_rows import HubSource, count_hub_rows, read_hub
from annotation.importing.rows import SourceUnreadable

NO_NAMES = (
    "var/exports/1",
    "docs/../../../data/uploads",
    "docs/..",
    "..",
    ".",
    "a/b/c",
    "json",
    "parquet",
    "text",
    "buckets/ada/sums",
    "hf://datasets/ada/sums",
    "http://10.0.0.1/rows.json",
    "ada//sums",
    "ada/sums/",
    "ada/.hidden",
    "ada/sums\n",
    "a" * 201,
    "",
)


@pytest.mark.parametrize("name", ["openai/gsm8k", "squad", "tasksource/PRM800K", "a.b/c-d_e.2"])
def test_a_name_as_the_hub_has_it_is_taken(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["/data/sums", "./sums", "~/sums"])
def test_a_folder_is_for_the_list_of_allowed_folders_to_say(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", NO_NAMES)
def test_nothing_else_is_a_name(name: str) -> None:
    with pytest.raises(SourceUnreadable, match="is no name of a data set"):
        check_name(name)


@pytest.mark.parametrize("name", ["var/exports", "exports", "var/exports/../exports"])
def test_a_worker_opens_no_folder_that_happens_to_have_the_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the name came into the database. `var/exports` could be a repository, too."""
    for folder in (tmp_path / "var" / "exports", tmp_path / "exports"):
        folder.mkdir(parents=True)
        (folder / "rows.jsonl").write_text('{"prompt": "of another project"}\n')
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SourceUnreadable, match=r"can't be reached|is no name"):
        list(read_hub(HubSource(name, "", "train"), folders=[]))


def test_the_readers_are_the_library_s() -> None:
    assert set(_PACKAGED_DATASETS_MODULES) == READERS
    assert count_hub_rows(HubSource("ada/sums", "", "train"), folders=[]) is None
