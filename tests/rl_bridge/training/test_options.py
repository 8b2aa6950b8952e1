"""Settings as people write them: on the command line, in YAML, and both at once."""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from rl_bridge import runs
from rl_bridge.training.kinds import KINDS, PrmTraining, SftTraining
from rl_bridge.training.options import add_options, build_settings, read_settings
from rl_bridge.training.settings import BadTrainingSetting

PATHS = {"export": "e", "output": "o"}


def parse(kind: str, *arguments: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    add_options(parser, KINDS[kind])
    return vars(parser.parse_args(arguments))


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_an_option(kind: str) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, KINDS[kind])

    options = {option for action in parser._actions for option in action.option_strings}

    for field in dataclasses.fields(KINDS[kind]):
        assert f"--{field.name.replace('_', '-')}" in options
        assert field.metadata["help"]
    assert "--no-bf16" in options


def test_only_what_was_given_is_parsed() -> None:
    assert parse("sft") == {}
    assert parse("sft", "--max-steps", "7", "--no-bf16") == {"max_steps": 7, "bf16": False}


def test_an_option_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("max-steps: 7\nlearning_rate: 1e-4\nbf16: false\nexport: from-file\n")

    settings = read_settings(SftTraining, parse("sft", "--max-steps", "9"), file, output="o", seed=3)

    assert (settings.max_steps, settings.learning_rate, settings.bf16) == (9, 1e-4, False)
    assert (settings.export, settings.seed, settings.batch_size) == (Path("from-file"), 3, 4)


@pytest.mark.parametrize(
    ("content", "given", "length"),
    [
        ("epochs: 2", ["--max-steps", "9"], (9, None)),
        ("max_steps: 9", ["--epochs", "2"], (100, 2.0)),
        ("epochs: 2", [], (100, 2.0)),
        ("epochs:\nmax_steps: 9", [], (9, None)),
    ],
)
def test_a_length_on_the_command_line_replaces_the_file_s(
    tmp_path: Path, content: str, given: list[str], length: tuple[int, float | None]
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(content)

    settings = read_settings(SftTraining, parse("sft", *given), file, **PATHS)

    assert (settings.max_steps, settings.epochs) == length


def test_two_lengths_in_one_place_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("epochs: 2\nmax-steps: 9")

    with pytest.raises(BadTrainingSetting, match="both stand on the command line"):
        read_settings(SftTraining, parse("sft", "--max-steps", "9", "--epochs", "2"), None, **PATHS)
    with pytest.raises(BadTrainingSetting, match=r"both stand in .*settings\.yaml"):
        read_settings(SftTraining, {}, file, **PATHS)


def test_the_configuration_of_a_run_by_epochs_is_a_settings_file_too(tmp_path: Path) -> None:
    settings = SftTraining(export=Path("e"), output=Path("o"), epochs=2)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(runs.describe_config(settings)))

    assert read_settings(SftTraining, {}, file) == settings
    assert read_settings(SftTraining, {"max_steps": 7}, file).epochs is None


def test_a_run_s_own_configuration_is_a_settings_file(tmp_path: Path) -> None:
    settings = PrmTraining(export=Path("e"), output=Path("o"), trained_layers=3, soft_targets=True)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(runs.describe_config(settings)))

    assert read_settings(PrmTraining, {}, file) == settings


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("max_stepz: 3", "train prm has no setting max-stepz; do you mean max-steps?"),
        ("xyzzy: 3", r"train prm has no setting xyzzy\."),
        ("max_steps: many", "max-steps must be a whole number, not 'many'"),
        ("max_steps: 2.5", "max-steps must be a whole number, not 2.5"),
        ("max_steps: true", "max-steps must be a whole number, not True"),
        ("max_steps: [1]", r"max-steps must be a whole number, not \[1\]"),
        ("max_steps:", "max-steps must be a whole number, not None"),
        ("soft_targets: 1", "soft-targets must be true or false, not 1"),
        ("class_weights: heavy", "class-weights must be one of balanced, none, not 'heavy'"),
        ("learning_rate: fast", "learning-rate must be a number, not 'fast'"),
        ("learning_rate: .nan", "learning-rate must be above zero, not nan"),
        ("model: {a: b}", "model must be text"),
        ("kind: dpo", "These are settings for dpo, and this is train prm"),
        ("- a", "holds no settings"),
        ("a: [", "is not YAML"),
        ("", "holds no settings"),
    ],
)
def test_a_bad_file_is_named_in_one_sentence(tmp_path: Path, content: str, complaint: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(content)

    with pytest.raises(BadTrainingSetting, match=complaint) as caught:
        read_settings(PrmTraining, {}, file, **PATHS)

    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadTrainingSetting, match=r"no-file\.yaml can't be read: No such file"):
        read_settings(PrmTraining, {}, tmp_path / "no-file.yaml", **PATHS)


def test_a_missing_export_is_asked_for() -> None:
    with pytest.raises(BadTrainingSetting, match="export is missing: give --export, or name it"):
        build_settings(SftTraining, {"output": "o"})


@pytest.mark.parametrize(
    "change", [{"warmup_share": -0.1}, {"epochs": 0}, {"save_every": 0}, {"seed": -1}, {"batch_size": 0}]
)
def test_what_is_out_of_range_is_named(change: dict[str, object]) -> None:
    name = next(iter(change)).replace("_", "-")

    with pytest.raises(BadTrainingSetting, match=f"{name} must be (above|at least) zero, not"):
        build_settings(SftTraining, PATHS | change)
