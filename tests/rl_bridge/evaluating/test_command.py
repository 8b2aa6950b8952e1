"""`evaluate` as a person uses it, with tiny real models."""

import hashlib
import io
import json
import sys
from pathlib import Path

import pytest

from rl_bridge import __main__, reward_model
from rl_bridge.evaluating.scorers import open_scorers
from rl_bridge.evaluating.settings import BadEvaluation, Evaluation, read_names
from rl_bridge.weights import hash_weights
from tests.rl_bridge import export_folders, tiny
from tests.rl_bridge.test_prm import write_prm


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return export_folders.write_export(
        tmp_path / "export",
        {
            ("prompts", "test"): export_folders.make_table("prompts", export_folders.prompt_rows(6)),
            ("stepwise", "test"): export_folders.make_table("stepwise", export_folders.sum_rows(6)),
        },
    )


def run(*arguments: object) -> int:
    return __main__.main(["evaluate", *(str(argument) for argument in arguments)])


def test_policies_and_a_prm_are_measured_in_one_table(
    export: Path, tiny_llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prm = write_prm(tmp_path / "prm", tiny_llama)
    rm = write_reward_model(tmp_path / "rm")
    small = ("--samples", 3, "--max-new-tokens", 6, "--output", tmp_path / "run", "--export", export)

    status = run(
        *("--policy", f"before={tiny_llama}", "--policy", f"after={tiny_llama}"),
        *("--prm", f"prm={prm}", "--reward-model", f"rm={rm}"),
        *small,
    )

    assert status == 0
    printed = capsys.readouterr().out
    for words in ("| pass@1 |", "| maj@3 |", "best-of-3 by prm", "best-of-3 by rm", "after − before"):
        assert words in printed
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["differences"]["after − before"]["pass@1"]["value"] == 0.0  # one model, one seed
    assert results["judges"]["prm"]["first_errors"]["num_errors"] == 6
    assert results["policies"]["before"]["rates"]["pass@1"]["num_groups"] == 6
    rows = [json.loads(line) for line in (tmp_path / "run" / "completions.jsonl").read_text().splitlines()]
    assert len(rows) == 2 * 6 * 3
    assert rows[0]["policy"] == "before"
    assert set(rows[0]["scores"]) == {"prm", "rm"}
    plots = {path.name for path in (tmp_path / "run" / "plots").iterdir()}
    assert plots == {"rates.svg", "votes.svg", "first-errors.svg", "steps.svg"}
    data = json.loads((tmp_path / "run" / "data.json").read_text())
    assert data["export"].startswith("sums 7")
    assert data["models"] == {
        "policies": dict.fromkeys(("before", "after"), hash_weights(tiny_llama)),
        "prms": {"prm": hash_weights(prm)},
        "reward_models": {"rm": hash_weights(rm)},
    }


class Terminal(io.StringIO):
    """What a program writes to a person at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("is_watched", [True, False])
def test_scoring_shows_a_bar_to_who_watches(
    is_watched: bool, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = {"prms": {"p": str(write_prm(tmp_path / "prm", tiny_llama))}}
    models["reward_models"] = {"r": str(write_reward_model(tmp_path / "rm"))}
    prm, reward = open_scorers(**models)
    screen = Terminal() if is_watched else io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)

    [read, empty, too_long] = prm.score([("p", "a"), ("p", ""), ("p", "x" * 5000)])
    assert len(reward.score([("p", "a"), ("p", "b")])) == 2

    assert read is not None
    assert (empty, too_long) == (None, None)

    shown = screen.getvalue()
    assert ("p scores: 100%" in shown, "r scores: 100%" in shown) == (is_watched, is_watched)
    assert is_watched or not shown


def test_a_file_in_processbenchs_layout_measures_the_scores_it_brings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    traces = [
        {"problem": "p", "steps": ["a", "b"], "label": 1, "scores": [0.9, 0.1], "judge": "good"},
        {"problem": "q", "steps": ["a", "b"], "label": -1, "scores": [0.9, 0.8], "judge": "good"},
        {"problem": "r", "steps": ["a"], "labels": [None], "scores": [0.9], "judge": "good"},
        {"problem": "p", "steps": ["a", "b"], "label": 1},
        {"problem": "s", "steps": ["a"], "label": -1, "scores": None, "judge": "short"},
        {"problem": "s", "steps": ["a"], "label": 0, "scores": [0.2], "judge": "short"},
    ]
    source = tmp_path / "traces.jsonl"
    source.write_text("".join(json.dumps(trace) + "\n" for trace in traces))

    assert run("--traces", source, "--output", tmp_path / "run") == 0

    judges = json.loads((tmp_path / "run" / "results.json").read_text())["judges"]
    data = json.loads((tmp_path / "run" / "data.json").read_text())
    assert data["traces_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    found = judges["good"]
    assert found["first_errors"]["f1"]["value"] == 1.0
    assert (found["first_errors"]["num_errors"], found["first_errors"]["num_correct"]) == (1, 1)
    assert found["steps"]["num_claims"] == 4
    short = judges["short"]["first_errors"]
    assert (short["num_unread"], short["on_correct"]["value"], short["on_errors"]["value"]) == (1, 0.0, 1.0)
    table = capsys.readouterr().out
    assert "| good | 1.000 |" in table
    assert "| on correct | unread |" in table


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ({"problem": "p", "steps": ["a"]}, "no `label`"),
        ({"problem": "p", "steps": ["a"], "label": 1}, "no `label`"),
        ({"problem": "p", "steps": ["a"], "label": True}, "no `label`"),
        ({"problem": "p", "steps": ["a"], "labels": [2]}, "`labels` are not"),
        ({"problem": "p", "steps": ["a"], "labels": [1, 0]}, "`labels` are not"),
        ({"problem": "p", "steps": ["a"], "label": 0, "scores": [2]}, "`scores` are not"),
        ({"problem": "p", "steps": ["a"], "label": 0, "scores": []}, "`scores` are not"),
        ({"steps": ["a"], "label": 0}, "no `prompt`"),
    ],
)
def test_a_bad_line_is_named(
    line: dict[str, object], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "traces.jsonl"
    source.write_text(json.dumps(line))

    assert run("--traces", source, "--output", tmp_path / "run") == 2

    printed = capsys.readouterr().err
    assert "line 1" in printed
    assert complaint in printed
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "Name what to evaluate"),
        ({"policies": {"a": "b"}}, "add --export"),
        ({"prms": {"a": "b"}}, "add --export or --traces"),
        ({"traces": Path("x"), "reward_models": {"a": "b"}}, "add --policy"),
        (
            {"export": Path("x"), "policies": {"p": "q"}, "prms": {"a": "b"}, "reward_models": {"a": "c"}},
            "both named 'a'",
        ),
        ({"traces": Path("x"), "num_samples": 0}, "num-samples must be at least 1"),
        ({"traces": Path("x"), "temperature": -1.0}, "must not be negative"),
        ({"traces": Path("x"), "top_p": 0.0}, "between 0 and 1"),
        ({"traces": Path("x"), "threshold": 1.0}, "between 0 and 1"),
        ({"traces": Path("x"), "temperature": 0.0}, "--samples 1"),
    ],
)
def test_a_setting_out_of_range_is_said_in_one_sentence(
    settings: dict[str, object], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(BadEvaluation, match=complaint):
        Evaluation(output=tmp_path, **settings)  # type: ignore[arg-type]


def test_models_have_names() -> None:
    assert read_names(["a=b", "c"]) == {"a": "b", "c": "c"}
    for wrong in (["=b"], ["a="], ["a=b", "a=c"]):
        with pytest.raises(BadEvaluation):
            read_names(wrong)


def test_an_export_without_checkable_prompts_is_said_before_a_model_is_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row | {"verifier": ""} for row in export_folders.prompt_rows(2)]
    export = export_folders.write_export(
        tmp_path / "export", {("prompts", "test"): export_folders.make_table("prompts", rows)}
    )

    assert run("--export", export, "--policy", "no-such-model", "--output", tmp_path / "run") == 2

    assert "no prompt with a verifier" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--policy", "--prm", "--reward-model"])
def test_a_model_that_is_not_there_leaves_no_folder(
    option: str, export: Path, tiny_llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = ("--export", export, "--policy", f"good={tiny_llama}", "--output", tmp_path / "run")

    for missing in ("nope", tmp_path / "nope"):
        assert run(*good, option, f"other={missing}") == 2

        assert "nope" in capsys.readouterr().err
        assert not (tmp_path / "run").exists()  # so that the same command can be given again


def test_a_prm_without_labelled_steps_is_refused(
    tiny_llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = export_folders.make_table("prompts", export_folders.prompt_rows(2))
    export = export_folders.write_export(tmp_path / "export", {("prompts", "test"): prompts})

    assert run("--export", export, "--prm", tiny_llama, "--output", tmp_path / "run") == 2

    assert "has no labelled steps" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("scores", "complaint"),
    [({}, "has `scores`"), ({"scores": [0.5], "judge": "prm"}, "another name")],
)
def test_traces_without_a_judge_or_with_one_of_the_prms_name_are_refused(
    scores: dict[str, object],
    complaint: str,
    tiny_llama: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = tmp_path / "traces.jsonl"
    source.write_text(json.dumps({"problem": "p", "steps": ["a"], "label": 0} | scores))
    prm = ("--prm", f"prm={tiny_llama}") if scores else ()

    assert run("--traces", source, *prm, "--output", tmp_path / "run") == 2

    assert complaint in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_run_never_overwrites_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "results.json").write_text("{}")

    assert run("--traces", tmp_path / "x", "--output", tmp_path / "run") == 2

    assert "is not empty" in capsys.readouterr().err


def write_reward_model(folder: Path) -> Path:
    """A tiny sequence classifier with one label, as TRL saves reward models."""
    model = tiny.build_reward_llama()
    return tiny.write_model(folder, model)


def test_a_reward_model_scores_alike_alone_and_in_a_batch(tmp_path: Path) -> None:
    opened = reward_model.load_reward_model(write_reward_model(tmp_path / "rm"), device="cpu")
    pairs = [("p", "a"), ("p", "a much longer completion"), ([{"role": "user", "content": "q"}], "b")]

    together = reward_model.score_completions(opened, pairs)  # type: ignore[arg-type]

    for pair, score in zip(pairs, together, strict=True):
        alone = reward_model.score_completions(opened, [pair])  # type: ignore[list-item]
        assert alone == [pytest.approx(score, abs=1e-5)]


def test_a_causal_model_is_no_reward_model(tiny_llama: Path, tmp_path: Path) -> None:
    with pytest.raises(reward_model.NotARewardModel, match="no head with one label"):
        reward_model.load_reward_model(tiny_llama)
    with pytest.raises(reward_model.NotARewardModel):
        reward_model.load_reward_model(tmp_path)
