"""Run folders: what they hold, that none is overwritten, and what the model card says."""

import dataclasses
import datetime
import json
from pathlib import Path

import pytest

from rl_bridge import manifest, runs
from rl_bridge.training.kinds import DpoTraining, PrmTraining
from rl_bridge.training.options import build_settings


def open_for(export_folder: Path, output: Path) -> tuple[PrmTraining, manifest.ExportFolder]:
    """Settings and the opened export of a run that is about to start."""
    return PrmTraining(export=export_folder, output=output, seed=5), manifest.open_export(export_folder)


def test_a_run_is_named_by_its_kind_and_time() -> None:
    now = datetime.datetime(2026, 3, 1, 9, 5, 7, tzinfo=datetime.UTC)

    assert runs.name_run("prm", now) == Path("runs/prm-20260301-090507")


def test_what_is_known_beforehand_is_written_at_the_start(export_folder: Path, tmp_path: Path) -> None:
    config, export = open_for(export_folder, tmp_path / "deep" / "run")

    folder = runs.start_run(config, export=export, hashes={"b": "2", "a": "1"})

    data = json.loads((folder / "data.json").read_text())
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "data.json", "environment.json"]
    assert data["files"] == {"a": "1", "b": "2"}
    assert data["export"] == export.title
    assert data["folder"] == str(export_folder.resolve())


def test_the_stored_settings_rebuild_the_configuration(export_folder: Path, tmp_path: Path) -> None:
    config, export = open_for(export_folder, tmp_path / "run")
    folder = runs.start_run(config, export=export, hashes={})

    stored = json.loads((folder / "config.json").read_text())
    kind = stored.pop("kind")

    assert kind == "prm"
    assert build_settings(PrmTraining, stored) == config


def test_an_empty_folder_may_be_used_and_a_full_one_not(export_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    output.mkdir()
    config, export = open_for(export_folder, output)

    runs.start_run(config, export=export, hashes={})

    with pytest.raises(runs.RunFolderExists, match=r"is not empty; name another with --output"):
        runs.start_run(config, export=export, hashes={})


def test_the_environment_names_every_library_that_shapes_a_result() -> None:
    environment = runs.describe_environment()

    assert {"torch", "transformers", "trl", "datasets", "accelerate", "peft"} <= set(environment["libraries"])
    assert environment["python"].startswith("3.")
    assert environment["processor"]
    assert environment["gpus"] == sorted(environment["gpus"])
    assert environment["processes"] == 1


def test_the_end_of_a_run_holds_figures_log_and_warnings(tmp_path: Path) -> None:
    summary = runs.finish_run(
        tmp_path, metrics={"loss": 0.5}, log=[{"step": 1}, {"step": 2}], warnings=["One trace left out."]
    )

    assert summary == runs.RunSummary(
        folder=tmp_path, metrics={"loss": 0.5}, warnings=("One trace left out.",)
    )
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"loss": 0.5}
    log = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == [1, 2]
    assert (tmp_path / "warnings.txt").read_text() == "One trace left out.\n"


@pytest.mark.parametrize(
    ("warnings", "expected"),
    [((), "Nothing was cut or left out."), (("3 traces left out.",), "- 3 traces left out.")],
)
def test_the_model_card_names_export_figures_and_what_was_cut(
    export_folder: Path, tmp_path: Path, warnings: tuple[str, ...], expected: str
) -> None:
    export = manifest.open_export(export_folder)

    runs.write_model_card(
        tmp_path,
        title="A judge",
        what="It judges.",
        base="tiny (abc)",
        export=export,
        metrics={"test_auc": 0.61234},
        warnings=warnings,
    )

    card = (tmp_path / "README.md").read_text()
    assert card.startswith("# A judge\n")
    assert f"`{export.manifest_sha256}`" in card
    assert "| test_auc | 0.6123 |" in card
    assert expected in card


def test_settings_are_frozen(tmp_path: Path) -> None:
    config = DpoTraining(export=tmp_path, output=tmp_path)

    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 1  # type: ignore[misc]
