"""Evaluations as people write them: on the command line, in YAML, and both at once."""

import json
from pathlib import Path

import pytest

from rl_bridge import __main__
from rl_bridge.evaluating.options import read_settings
from rl_bridge.evaluating.settings import Evaluation
from tests.rl_bridge import export_folders


def read(*arguments: object) -> Evaluation:
    return read_settings(__main__.build_parser().parse_args(["evaluate", *map(str, arguments)]))


def test_an_option_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "evaluation.yaml"
    file.write_text("export: e\npolicy: {before: a, after: b}\nprm: [p=c]\nsamples: 3\ntop_p: 0.5\n")

    told = read("--config", file)
    changed = read("--config", file, "--samples", 5, "--policy", "only=d")

    assert told.policies == {"before": "a", "after": "b"}
    assert (told.prms, told.num_samples, told.top_p, told.export) == ({"p": "c"}, 3, 0.5, Path("e"))
    assert (changed.policies, changed.num_samples, changed.prms) == ({"only": "d"}, 5, {"p": "c"})


def test_what_nobody_says_is_the_default() -> None:
    settings = read("--traces", "t", "--prm", "p")

    assert (settings.num_samples, settings.threshold, settings.split) == (8, 0.5, "test")
    assert settings.output.name.startswith("evaluate-")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("sampels: 3", "evaluate has no setting sampels; do you mean samples?"),
        ("zzz: 3", "evaluate has no setting zzz."),
        ("samples: 2.5", "samples can't be 2.5."),
        ("samples: true", "samples can't be True."),
        ("traces: [a]", "traces can't be ['a']."),
        ("policy: 3", "policy must be NAME=LOCATION"),
        ("policy: [a, a]", "The name 'a' stands twice."),
        ("- a", "holds no settings"),
    ],
)
def test_a_wrong_file_is_said_in_one_sentence(
    text: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "evaluation.yaml"
    file.write_text(text)

    assert __main__.main(["evaluate", "--config", str(file)]) == 2

    assert complaint in capsys.readouterr().err


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    tiny_llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = {("prompts", "test"): export_folders.make_table("prompts", export_folders.prompt_rows(6))}
    export = export_folders.write_export(tmp_path / "export", tables)
    named = ["--export", str(export), "--policy", f"a={tiny_llama}", "--output", str(tmp_path / "run")]

    assert __main__.main(["evaluate", "--dry-run", "--samples", "3", *named]) == 0

    plan = json.loads(capsys.readouterr().out)
    assert (plan["prompts"], plan["completions"], plan["known_traces"]) == (6, 18, 0)
    assert plan["policies"]["a"]["from"] == str(tiny_llama)
    assert not (tmp_path / "run").exists()
