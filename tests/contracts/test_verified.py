"""The check before release: it takes a sound export, and names file and row of one that lies."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import LazySettings
from pytest_django import DjangoDbBlocker

from annotation.models import JobState, Rating
from config.paths import BASE_DIR
from exports.actions import cancel_export, folder_of
from exports.models import Export
from exports.policy import CONFIGS
from exports.verification import Verifier
from rl_bridge.check import verify_export
from rl_bridge.check_datasets import check_datasets
from rl_bridge.check_trainers import PREPARATIONS, Unprepared, pick_rows, prepare_sample
from rl_bridge.manifest import ExportError, ExportFolder, open_export
from tests.contracts.conftest import FORMS
from tests.exports.worlds import make_world, start_export, write_export
from tests.factories import NOW
from tests.rl_bridge import tiny

pytestmark = [
    pytest.mark.django_db,
    # TRL 1.16 still asks transformers 5.23 by the old name.
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
Row = dict[str, Any]
REAL_CHECK = [sys.executable, "-m", "rl_bridge", "check"]


def spoil(source: Path, target: Path, config: str, split: str, change: Callable[[list[Row]], None]) -> Path:
    """A copy of an export whose rows of one split were changed, with every hash right again."""
    shutil.copytree(source, target)
    manifest = json.loads((target / "manifest.json").read_text())
    old = next(n for n, e in manifest["files"].items() if (e["config"], e["split"]) == (config, split))
    table = pq.read_table(target / old, partitioning=None)
    rows = table.to_pylist()
    change(rows)
    (target / old).unlink()
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), target / "new")
    content = (target / "new").read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    new = f"{config}/{split}-{sha256[:16]}.parquet"
    (target / "new").rename(target / new)
    entry = manifest["files"].pop(old) | {"sha256": sha256, "bytes": len(content), "rows": len(rows)}
    manifest["files"][new] = entry
    (target / "manifest.json").write_text(json.dumps(manifest))
    card = (target / "README.md").read_text()
    (target / "README.md").write_text(card.replace(old, new))
    return target


def run_datasets(export: ExportFolder, scratch: Path, texts: dict[str, str] | None = None) -> list[str]:
    return [config for config, _ in check_datasets(export, texts or {}, scratch, lambda words: None)]


@pytest.mark.parametrize("form", FORMS)
def test_every_reader_takes_an_export_as_it_is_written(folders: dict[str, Path], form: str) -> None:
    found = verify_export(folders[form], tokenizer=tiny.build_tokenizer())

    by_config = {config: [row.reader for row in found if row.config == config] for config in CONFIGS}
    assert by_config["evidence"] == ["datasets 5.2.0"]
    assert by_config["stepwise"] == ["datasets 5.2.0", "our PRM trainer"]
    assert by_config["preference"] == ["datasets 5.2.0", "DPO of TRL 1.16.0", "Reward of TRL 1.16.0"]
    assert by_config["step_preference"] == ["datasets 5.2.0", "DPO of TRL 1.16.0"]
    assert by_config["unpaired_preference"] == ["datasets 5.2.0", "KTO of TRL 1.16.0"]
    assert by_config["sft"] == ["datasets 5.2.0", "SFT of TRL 1.16.0"]
    assert by_config["prompts"] == ["datasets 5.2.0", "GRPO of TRL 1.16.0"]
    manifest = json.loads((folders[form] / "manifest.json").read_text())
    loaded = {row.config: row.rows for row in found if row.reader.startswith("datasets")}
    assert loaded == {c: sum(n["rows"].values()) for c, n in manifest["counts"]["configs"].items()}


def test_every_reader_takes_json_lines_too(settings: LazySettings, tmp_path: Path) -> None:
    settings.EXPORTS_DIR = tmp_path
    export = write_export(start_export(make_world(12), file_format="jsonl"))

    found = verify_export(folder_of(export), tokenizer=tiny.build_tokenizer())

    assert {row.config for row in found} == set(CONFIGS)
    assert len({row.reader for row in found}) == 7
    loaded = {row.config: row.rows for row in found if row.reader.startswith("datasets")}
    assert loaded["evidence"] == sum(export.manifest["counts"]["configs"]["evidence"]["rows"].values())


def set_value(place: int, column: str, value: Any) -> Callable[[list[Row]], None]:
    def change(rows: list[Row]) -> None:
        rows[place][column] = value

    return change


def copy_prompt_from_test(rows: list[Row]) -> None:
    rows[0]["prompt_id"] = TEST_PROMPT[0]


TEST_PROMPT = [""]


@pytest.mark.parametrize(
    ("config", "split", "change", "said"),
    [
        ("stepwise", "train", set_value(2, "labels", [1, -1, 0]), "row 2 has a label that is not 1, 0 or -100: -1"),
        ("stepwise", "train", set_value(1, "labels", [1]), "row 1 has more labels than steps, or fewer"),
        ("stepwise", "train", set_value(3, "completions", []), "row 3 has no steps"),
        ("stepwise", "train", set_value(0, "provenance", "gold"), "row 0 rests on 'gold', which may not be in train"),
        ("stepwise", "test", set_value(0, "provenance", "ai"), "row 0 rests on 'ai', which may not be in test"),
        ("preference", "train", set_value(1, "margin", None), "row 1: 'margin' is empty"),
        ("preference", "train", set_value(0, "chosen", " \n"), "row 0: chosen is blank"),
        ("preference", "train", set_value(4, "margin", float("nan")), "row 4 has a margin that is no number"),
        ("unpaired_preference", "train", set_value(1, "label", None), "row 1: 'label' is empty"),
        ("sft", "train", set_value(2, "completion", ""), "row 2: completion is blank"),
        ("prompts", "train", copy_prompt_from_test, "its prompt is in"),
    ],
)  # fmt: skip
def test_a_row_that_lies_is_named(
    folders: dict[str, Path],
    tmp_path: Path,
    config: str,
    split: str,
    change: Callable[[list[Row]], None],
    said: str,
) -> None:
    tests = next(file for file in open_export(folders["standard"]).files if file.split == "test")
    TEST_PROMPT[0] = pq.read_table(tests.path, partitioning=None)["prompt_id"][0].as_py()
    folder = spoil(folders["standard"], tmp_path / "spoilt", config, split, change)

    with pytest.raises(ExportError) as error:
        run_datasets(open_export(folder), tmp_path)

    assert said in str(error.value)
    assert str(error.value).startswith(f"{config}/{split}-") or config == "prompts"


def test_texts_are_held_against_the_database_after_datasets_handed_them_out(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    export = open_export(folders["standard"])
    name = next(file.name for file in export.files if file.config == "sft")

    with pytest.raises(ExportError, match="character by character"):
        run_datasets(export, tmp_path, {name: "0" * 64})


@pytest.mark.parametrize("form", FORMS)
def test_what_datasets_hands_out_hashes_as_the_stored_texts_do_and_a_changed_prompt_does_not(
    settings: LazySettings, tmp_path: Path, form: Any
) -> None:
    settings.EXPORTS_DIR = tmp_path / "exports"
    world = make_world(12)
    Rating.objects.filter(trace=world.wrong[0]).update(rewrites={"1": "3 + 4 = 7, höchstens 7 🙂."})
    hashes: list[Mapping[str, str]] = []
    with patch.object(Verifier, "verify", lambda self, texts, report: hashes.append(texts) or []):
        export = open_export(folder_of(write_export(start_export(world, form=form))))
    (texts,) = hashes

    assert sorted(run_datasets(export, tmp_path / "1", dict(texts))) == sorted(CONFIGS)
    for config in set(CONFIGS) - {"evidence"}:  # which has no prompts
        folder = spoil(export.path, tmp_path / config, config, "train", respell_prompt)
        (name,) = {file.name for file in open_export(folder).files} - texts.keys()
        (was,) = texts.keys() - {file.name for file in open_export(folder).files}
        with pytest.raises(ExportError, match="character by character"):
            run_datasets(open_export(folder), tmp_path / f"{config}-2", {**texts, name: texts[was]})


def respell_prompt(rows: list[Row]) -> None:
    prompt = rows[-1]["prompt"]
    rows[-1]["prompt"] = prompt + "!" if isinstance(prompt, str) else [{**prompt[0], "content": "Why?"}]


def test_a_column_that_the_card_does_not_name_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "spoilt"
    shutil.copytree(folders["standard"], folder)
    card = (folder / "README.md").read_text()
    (folder / "README.md").write_text(card.replace("- name: margin\n", "- name: edge\n"))

    with pytest.raises(ExportError, match="datasets can't load preference"):
        run_datasets(open_export(folder), tmp_path)


@pytest.mark.parametrize(
    ("config", "change", "said"),
    [
        ("stepwise", set_value(0, "labels", [-100, -100, -100]), "row 0: our PRM trainer can't prepare it"),
        ("sft", set_value(0, "completion", []), "row 0: SFT of TRL 1.16.0 can't prepare it"),
        ("preference", set_value(0, "rejected", None), "row 0: DPO of TRL 1.16.0 can't prepare it"),
    ],
)
def test_the_row_that_a_trainer_refuses_is_named(
    folders: dict[str, Path], tmp_path: Path, config: str, change: Callable[[list[Row]], None], said: str
) -> None:
    form = "standard" if config != "sft" else "conversational"
    export = open_export(spoil(folders[form], tmp_path / "spoilt", config, "train", change))

    with pytest.raises(Unprepared) as error:
        for preparation in PREPARATIONS[config]:
            prepare_sample(export, config, preparation, tiny.build_tokenizer())

    assert said in str(error.value)


def test_a_sample_is_spread_evenly_and_the_same_each_time() -> None:
    assert pick_rows(3) == [0, 1, 2]
    assert pick_rows(1000, 5) == [0, 250, 500, 749, 999]
    assert len(pick_rows(17)) == 16


@pytest.mark.model
def test_an_export_is_released_with_what_was_verified(
    settings: LazySettings, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    settings.EXPORTS_DIR = tmp_path
    settings.EXPORT_CHECK_COMMAND = REAL_CHECK

    export = write_export(start_export(make_world(12)))

    assert (export.state, export.error) == (JobState.FINISHED, "")
    assert {row["reader"] for row in export.checks} >= {"our PRM trainer", "DPO of TRL 1.16.0"}
    assert [path.name for path in tmp_path.iterdir()] == [export.content_hash]


def says(*lines: str, code: int) -> list[str]:
    script = "; ".join(
        ["import sys", *(f"print({line!r}, file=sys.stderr)" for line in lines), f"sys.exit({code})"]
    )
    return [sys.executable, "-c", script]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            says("a warning", "rl_bridge: sft/train, row 3: it is blank.", code=2),
            "sft/train, row 3: it is blank.",
        ),
        (says("ModuleNotFoundError: No module named 'trl'", code=1), "the check needs what rl_bridge"),
        (says("Segmentation fault", code=139), "The check broke off (exit code 139)"),
        ([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], "The check broke off (exit code -9)"),
    ],
)
def test_a_failed_check_fails_the_export_with_its_sentence(
    settings: LazySettings, tmp_path: Path, command: list[str], said: str
) -> None:
    settings.EXPORTS_DIR, settings.EXPORT_CHECK_COMMAND = tmp_path, command

    export = write_export(start_export(make_world(1)))

    assert export.state == JobState.FAILED
    assert said in export.error
    assert list(tmp_path.iterdir()) == []


def test_the_check_starts_before_the_export_is_written_and_waits_to_be_told(
    settings: LazySettings, tmp_path: Path
) -> None:
    settings.EXPORTS_DIR = tmp_path / "exports"
    script = """
import json, pathlib, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert sys.stdin.readline() == "begin\\n"
manifest = json.loads((pathlib.Path(given["--export"]) / "manifest.json").read_text())
texts = json.loads(pathlib.Path(sys.argv[sys.argv.index("--texts") + 1]).read_text())
assert set(texts) == set(manifest["files"])
report = pathlib.Path(sys.argv[sys.argv.index("--report") + 1])
report.write_text(json.dumps({"reports": [{"config": "sft", "reader": "a test", "rows": 1, "seconds": 0.0}]}))
"""
    settings.EXPORT_CHECK_COMMAND = [sys.executable, "-c", script]

    export = write_export(start_export(make_world(2)))

    assert (export.error, [row["reader"] for row in export.checks]) == ("", ["a test"])
    assert [path.name for path in settings.EXPORTS_DIR.iterdir()] == [export.content_hash]


def test_an_export_is_released_with_the_checks_last_word_and_waits_for_nothing_after_it(
    settings: LazySettings, tmp_path: Path
) -> None:
    settings.EXPORTS_DIR = tmp_path / "exports"
    script = """
import json, pathlib, sys, time
sys.stdin.readline()
report = pathlib.Path(sys.argv[sys.argv.index("--report") + 1])
with report.open("w") as handle:
    for line in ({"progress": "a test"}, {"reports": []}):
        handle.write(json.dumps(line) + "\\n")
time.sleep(60)
"""
    settings.EXPORT_CHECK_COMMAND = [sys.executable, "-c", script]
    began = time.monotonic()

    export = write_export(start_export(make_world(2)))

    assert (export.state, export.error) == (JobState.FINISHED, "")
    assert time.monotonic() - began < 50


def test_a_check_that_ends_well_without_a_report_releases_nothing(
    settings: LazySettings, tmp_path: Path
) -> None:
    settings.EXPORTS_DIR, settings.EXPORT_CHECK_COMMAND = tmp_path, [sys.executable, "-c", "pass"]

    export = write_export(start_export(make_world(2)))

    assert (export.state, list(tmp_path.iterdir())) == (JobState.FAILED, [])
    assert "without a report" in export.error


@pytest.mark.slow
@pytest.mark.model
def test_a_check_that_nobody_waits_for_any_more_ends_by_itself() -> None:
    command = [*REAL_CHECK, "--export", "nowhere", "--when-told"]

    ended = subprocess.run(command, input=b"", capture_output=True, cwd=BASE_DIR, timeout=120, check=False)

    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_check_that_takes_for_ever_is_stopped(settings: LazySettings, tmp_path: Path) -> None:
    settings.EXPORTS_DIR, settings.EXPORT_CHECK_SECONDS = tmp_path, 0
    settings.EXPORT_CHECK_COMMAND = [sys.executable, "-c", "import time; time.sleep(60)"]

    export = write_export(start_export(make_world(1)))

    assert export.state == JobState.FAILED
    assert "took longer than 0 seconds" in export.error
    assert list(tmp_path.iterdir()) == []


def test_cancelling_an_export_ends_its_check(settings: LazySettings, tmp_path: Path) -> None:
    world = make_world(1)
    export = start_export(world)
    settings.EXPORTS_DIR = tmp_path
    mark = tmp_path / "started"
    wait = f"import pathlib, time; pathlib.Path({str(mark)!r}).touch(); time.sleep(60)"
    settings.EXPORT_CHECK_COMMAND = [sys.executable, "-c", wait]
    stopped: list[str] = []

    def cancel_once(self: Any, progress: str) -> None:
        if progress.startswith("Verifying") and not stopped:
            stopped.append(progress)
            cancel_export(export=Export.objects.get(pk=export.pk), actor=world.engineer, now=NOW)
        original(self, progress)

    with pytest.MonkeyPatch.context() as patched:
        original = __import__("exports.actions", fromlist=["_Reporter"])._Reporter.__call__
        patched.setattr("exports.actions.REPORT_SECONDS", 0.0)
        patched.setattr("exports.actions._Reporter.__call__", cancel_once)
        with pytest.raises(Exception, match="no longer this worker's"):
            write_export(export)

    export.refresh_from_db()
    assert export.state == JobState.CANCELLED
    assert [path.name for path in tmp_path.iterdir() if path.name != "started"] == []
