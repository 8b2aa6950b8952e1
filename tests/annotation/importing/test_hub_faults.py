"""A data set that can't be read says so in one sentence, with what could be chosen instead."""

from __future__ import annotations

from pathlib import Path

import datasets
import pytest
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from annotation.importing.hub_faults import explain_fault
from annotation.importing.hub_rows import HubSource, read_hub
from annotation.importing.rows import SourceUnreadable
from tests.annotation.importing.reading_hub import ReadingHub, read_all
from tests.rl_bridge.servers import Answer, Asked, serving

UNREACHABLE = (
    "The Hugging Face hub can't be reached from this server: "
    "bring “ada/sums” as a file, or from a folder on the server."
)
TWO_CONFIGS = """---
configs:
- config_name: easy
  data_files: [{split: train, path: train.jsonl}, {split: test, path: train.jsonl}]
- config_name: hard
  data_files: train.jsonl
---
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "README.md").write_text(TWO_CONFIGS)
    (tmp_path / "train.jsonl").write_text('{"prompt": "1 + 1?"}\n')
    return tmp_path


def read_why_not(folder: Path, config: str = "", split: str = "train") -> str:
    with pytest.raises(SourceUnreadable) as caught:
        list(read_hub(HubSource(str(folder), config, split), folders=[folder]))
    return str(caught.value)


def test_of_several_configurations_one_has_to_be_named(folder: Path) -> None:
    assert (
        read_why_not(folder)
        == f"The data set “{folder}” has several configurations; name one of them: easy, hard."
    )


def test_a_configuration_that_is_not_there_is_told_which_are(folder: Path) -> None:
    said = read_why_not(folder, config="main")

    assert said == f"The data set “{folder}” has no configuration “main”; it has easy, hard."


def test_a_split_that_is_not_there_is_told_which_are(folder: Path) -> None:
    said = read_why_not(folder, config="easy", split="validation")

    assert said == f"The data set “{folder}” has no split “validation”; it has train, test."


def test_fifty_configurations_are_not_a_wall_of_text() -> None:
    names = [f"subject_number_{number}" for number in range(57)]
    error = ValueError(f"Config name is missing.\nPlease pick one among the available configs: {names}")

    said = explain_fault(error, name="ada/sums", config="", split="train")

    assert "subject_number_0, subject_number_1" in said
    assert said.endswith(" ….")
    assert len(said) < 520


@pytest.mark.parametrize(
    "error",
    [
        OfflineModeIsEnabled("Cannot reach the hub: offline mode is enabled."),
        HfHubHTTPError.__mro__[1]("[Errno -2] Name or service not known"),
    ],
)
def test_without_a_network_other_ways_are_named(error: Exception) -> None:
    assert explain_fault(error, name="ada/sums", config="", split="train") == UNREACHABLE


@pytest.mark.parametrize(
    "error",
    [KeyError(), datasets.exceptions.DatasetsError("No rows.\nTraceback and so on")],
)
def test_whatever_else_goes_wrong_is_one_line(error: Exception) -> None:
    said = explain_fault(error, name="ada/sums", config="", split="train")

    assert said.startswith("The data set “ada/sums” can't be read: ")
    assert "\n" not in said


@pytest.mark.slow
def test_what_the_hub_answers_is_said_in_a_sentence(tmp_path: Path) -> None:
    hub = ReadingHub({"ada/two": {"README.md": TWO_CONFIGS, "train.jsonl": '{"prompt": "1 + 1?"}\n'}})

    def answer(asked: Asked) -> Answer:
        if "/eve/gated" in asked.path:
            return Answer(403, b"{}", {"X-Error-Code": "GatedRepo"})
        return Answer(418, b"{}") if "/eve/broken" in asked.path else hub(asked)

    with serving(answer) as server:
        said = read_all(server.url, ["ada/two", "ada/none", "eve/gated", "eve/broken"], tmp_path)
    away = read_all(server.url, ["ada/sums"], tmp_path / "empty")

    assert (
        said["ada/two"] == "The data set “ada/two” has several configurations; name one of them: easy, hard."
    )
    assert said["ada/none"].startswith("The hub has no data set “ada/none”, or none that may be read")
    assert said["eve/gated"].startswith("The hub gives “eve/gated” only to those who asked for it;")
    assert said["eve/broken"] == "The hub did not give out “eve/broken”: it answered 418."
    assert away["ada/sums"] == UNREACHABLE
