"""What a model's location means, and what a plan says of it before anything is opened."""

from pathlib import Path

import pytest

from rl_bridge.locations import ModelNotFound, describe_location, locate_model


def test_a_folder_is_told_by_its_architecture_and_size(tiny_falcon_h1: Path, tmp_path: Path) -> None:
    told = describe_location(str(tiny_falcon_h1), tmp_path)

    assert told["name"] == "tiny-falcon-h1"
    assert told["architectures"] == ["FalconH1ForCausalLM"]
    assert told["weights_mib"] > 0


def test_the_shipped_model_is_told_to_be_converted_first_where_it_is_not_yet(tmp_path: Path) -> None:
    told = describe_location("shipped", tmp_path)

    assert told["name"] == "SmolLM2-135M-Instruct"
    assert f"converted into {tmp_path} first" in told["from"]


def test_a_name_of_the_hub_is_not_looked_up(tmp_path: Path) -> None:
    assert describe_location("tiiuae/Falcon-H1-0.5B", tmp_path) == {
        "name": "tiiuae/Falcon-H1-0.5B",
        "from": "the Hugging Face hub, or its cache",
    }


def test_a_gguf_file_is_a_model_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "small.gguf").write_bytes(b"GGUF")

    assert describe_location(str(tmp_path / "small.gguf"), tmp_path)["name"] == "small"


@pytest.mark.parametrize(
    ("location", "complaint"),
    [
        ("/no/folder", "There is no folder /no/folder"),
        ("./no/file.gguf", r"There is no file no/file\.gguf"),
        ("too/many/parts", "There is no folder too/many/parts"),
    ],
)
def test_what_is_not_there_is_named(location: str, complaint: str) -> None:
    with pytest.raises(ModelNotFound, match=complaint):
        locate_model(location)


@pytest.mark.parametrize("content", ["{", "[]", '{"architectures": 3}'])
def test_a_damaged_configuration_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    (tmp_path / "model.safetensors").write_bytes(b"")

    with pytest.raises(ModelNotFound, match=r"config\.json is no model configuration"):
        describe_location(str(tmp_path), tmp_path)
