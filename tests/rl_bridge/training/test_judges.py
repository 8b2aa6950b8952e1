"""What a GRPO run rewards and watches by is refused in a dry run already, where it could not serve."""

import json
from pathlib import Path
from typing import Any

import pytest

from rl_bridge import __main__, client
from rl_bridge.manifest import open_export
from rl_bridge.training import judges
from rl_bridge.training.kinds import GrpoTraining
from tests.rl_bridge.evaluating.test_command import write_reward_model
from tests.rl_bridge.export_folders import make_table, prompt_rows, write_export, write_prompts
from tests.rl_bridge.test_prm import write_prm


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return write_prompts(tmp_path / "export")


def plan(export: Path, model: Path, *more: str) -> int:
    """The exit code of a dry run."""
    return __main__.main(
        ["train", "grpo", "--export", str(export), "--model", str(model), "--dry-run", *more]
    )


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--prm", "nope", "prm: there is no folder nope."),
        ("--held-out-prm", "nope2", "held-out-prm: there is no folder nope2."),
        ("--reward-model", "nope3", "reward-model: there is no folder nope3."),
        ("--return-to", "garbage", "'garbage' is no project's page"),
        ("--return-to", "ftp://gradus.example.org/p/sums/", "is no http or https address"),
        ("--return-to", "http://gradus.example.org/p/sums/", "Over plain http the token could be read"),
        ("--return-to", "https://gradus.example.org/p/sums/", "takes a token: set GRADUS_TOKEN"),
    ],
)
def test_what_a_run_could_not_use_is_said_before_it_begins(
    export: Path,
    tiny_llama: Path,
    option: str,
    value: str,
    complaint: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(client.TOKEN_VARIABLE, raising=False)

    assert plan(export, tiny_llama, option, value) == 2

    said = capsys.readouterr()
    assert complaint in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("--prm", "prm: {model} holds a LlamaForCausalLM, where one that ends in ForTokenClassification"),
        ("--held-out-prm", "held-out-prm: {model} holds a LlamaForCausalLM"),
        (
            "--reward-model",
            "reward-model: {model} holds a LlamaForCausalLM, where one that ends in ForSequence",
        ),
    ],
)
def test_a_policy_is_no_judge(
    export: Path, tiny_llama: Path, option: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan(export, tiny_llama, option, str(tiny_llama)) == 2

    assert complaint.format(model=tiny_llama) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("config.json", None, "config.json is missing"),
        ("step_head.safetensors", None, "step_head.safetensors is missing"),
        ("prm.json", "{", "prm.json is damaged"),
        ("prm.json", "[]", "prm.json is damaged"),
    ],
)
def test_a_damaged_prm_is_named(
    export: Path,
    tiny_llama: Path,
    tmp_path: Path,
    file: str,
    content: str | None,
    complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = write_prm(tmp_path / "prm", tiny_llama)
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(content)

    assert plan(export, tiny_llama, "--prm", str(folder)) == 2

    assert complaint in capsys.readouterr().err


def test_labels_of_unknown_origin_give_no_weight(
    tiny_llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = write_export(tmp_path / "bare", {("prompts", "train"): make_table("prompts", prompt_rows(2))})
    judges = {
        "--prm": write_prm(tmp_path / "prm", tiny_llama),
        "--reward-model": write_reward_model(tmp_path / "rm"),
    }

    for option, folder in judges.items():
        assert plan(bare, tiny_llama, option, str(folder)) == 2
        assert "does not count the labels" in capsys.readouterr().err


def test_a_verifier_that_is_none_is_refused(
    tiny_llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        *prompt_rows(1),
        {**prompt_rows(1)[0], "verifier": ""},
        {**prompt_rows(1)[0], "verifier": "sympyy"},
    ]
    export = write_export(tmp_path / "odd", {("prompts", "train"): make_table("prompts", rows)})

    assert plan(export, tiny_llama) == 2

    assert "row 2: no verifier is named 'sympyy'; there are numeric," in capsys.readouterr().err


def test_judges_that_can_serve_are_planned_with(
    export: Path,
    tiny_llama: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(client.TOKEN_VARIABLE, "gradus_secret")
    folders = {
        "prm": write_prm(tmp_path / "prm", tiny_llama),
        "held-out-prm": write_prm(tmp_path / "held-out", tiny_llama),
        "reward-model": write_reward_model(tmp_path / "rm"),
    }
    options = [word for name, folder in folders.items() for word in (f"--{name}", str(folder))]

    assert plan(export, tiny_llama, *options, "--return-to", "https://gradus.example.org/p/sums/") == 0

    told = json.loads(capsys.readouterr().out)
    assert told["settings"]["held_out_prm"] == str(folders["held-out-prm"])


def test_a_token_travels_in_the_clear_only_where_that_is_wanted(
    export: Path, tiny_llama: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(client.TOKEN_VARIABLE, "gradus_secret")
    address = ["--return-to", "http://gradus.example.org/p/sums/"]

    assert plan(export, tiny_llama, *address) == 2
    assert plan(export, tiny_llama, *address, "--allow-http") == 0

    assert "use https, or --allow-http" in capsys.readouterr().err


ALARMS = {"KL", "circling completions", "longer completions", "a held-out judge that falls"}
WATCHED = {"export": Path("e"), "output": Path("o"), "held_out_prm": Path("no-folder")}


@pytest.mark.parametrize(
    ("changes", "steps", "off"),
    [
        ({}, 20, set()),
        ({}, 19, {"longer completions", "a held-out judge that falls"}),
        ({}, 9, ALARMS),
        ({"beta": 0.0}, 20, {"KL"}),
        ({"held_out_prm": None}, 20, {"a held-out judge that falls"}),
        ({"alarm_window": 3}, 6, set()),
        ({"log_every": 10}, 20, set()),
        ({"log_every": 10}, 9, ALARMS),
        ({"log_every": 4}, 20, {"longer completions", "a held-out judge that falls"}),
    ],
)
def test_each_alarm_that_cannot_go_off_is_named(
    changes: dict[str, Any], steps: int, off: set[str], export: Path
) -> None:
    cautions = judges.list_cautions(GrpoTraining(**WATCHED | changes), open_export(export), steps)

    assert {caution.removeprefix("No alarm for ").partition(":")[0] for caution in cautions} == off


@pytest.mark.parametrize(
    ("window", "log_every", "lines"), [(10, 1, 10), (10, 10, 1), (10, 3, 4), (10, 50, 1), (1, 1, 1)]
)
def test_a_window_counts_steps_however_few_are_logged(window: int, log_every: int, lines: int) -> None:
    settings = GrpoTraining(**WATCHED, alarm_window=window, log_every=log_every)

    assert judges.count_window(settings) == lines


@pytest.mark.parametrize(("segmenters", "is_said"), [(["auto@1"], True), (["lines@1"], False), ([], False)])
def test_a_prm_that_knows_other_steps_is_a_caution(
    export: Path,
    tiny_llama: Path,
    tmp_path: Path,
    segmenters: list[str],
    is_said: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = write_prm(tmp_path / "prm", tiny_llama)
    known = json.loads((folder / "prm.json").read_text())
    (folder / "prm.json").write_text(json.dumps(known | {"segmenters": segmenters}))

    assert plan(export, tiny_llama, "--prm", str(folder)) == 0

    cautions = json.loads(capsys.readouterr().out)["cautions"]
    assert any("prm was trained on steps cut by auto@1" in caution for caution in cautions) is is_said


def test_a_judge_weighs_by_the_export_that_it_learned_from(export: Path, tmp_path: Path) -> None:
    others = write_prompts(tmp_path / "others")
    manifest = json.loads((others / "manifest.json").read_text())
    manifest["counts"]["configs"]["stepwise"]["provenance"] = {"ai": 2}
    (others / "manifest.json").write_text(json.dumps(manifest))
    given, own = open_export(export), open_export(others)
    run = tmp_path / "run"
    run.mkdir()
    learned = {"export": own.title, "folder": str(others), "manifest_sha256": own.manifest_sha256}
    assert judges.weigh_judge(run / "model", given, "stepwise") == (0.75, "")

    (run / "data.json").write_text(json.dumps(learned))
    assert judges.weigh_judge(run / "model", given, "stepwise") == (0.5, "")

    (run / "data.json").write_text(json.dumps(learned | {"manifest_sha256": "changed since"}))
    weight, caution = judges.weigh_judge(run / "model", given, "stepwise")
    assert weight == 0.75
    assert f"learned from {own.title}, which isn't to be had: it weighs by {given.title}" in caution

    (run / "data.json").write_text(json.dumps(learned | {"folder": str(tmp_path / "gone")}))
    settings = GrpoTraining(export=export, output=tmp_path / "new", prm=run / "model")
    assert any("which isn't to be had" in each for each in judges.list_cautions(settings, given, 20))
