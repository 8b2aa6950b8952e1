"""The command line as a person uses it: plans, errors in one sentence, and the way from an export to scores."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from rl_bridge import __main__, judge_file, layout, traces_file
from tests.rl_bridge.test_prm import write_prm
from tests.rl_bridge.upstream import ignore_warnings_inside_trl

SMALL = ["--max-steps", "2", "--batch-size", "4", "--limit-length", "200", "--no-bf16"]


def run(*arguments: str) -> int:
    return __main__.main([str(argument) for argument in arguments])


def test_verify_counts_what_it_checked(export_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", "--export", str(export_folder)) == 0

    printed = capsys.readouterr().out
    assert "7 files, every hash and row in order" in printed
    assert "stepwise train           24 rows" in printed


def test_an_error_is_one_sentence_and_exit_code_2(
    export_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = next(export_folder.glob("sft/*"))
    path.write_bytes(b"x" * path.stat().st_size)

    assert run("verify", "--export", str(export_folder)) == 2

    printed = capsys.readouterr().err
    assert printed.startswith("rl_bridge: sft/train-")
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--split", "dev"], "has no split 'dev'"),
        (["--max-steps", "0"], "max-steps must be above zero, not 0"),
        (["--export", "/no/such/export"], "There is no export folder /no/such/export"),
        (["--model", "/no/such/model"], "There is no folder /no/such/model"),
    ],
)
def test_bad_settings_are_named(
    export_folder: Path,
    tmp_path: Path,
    arguments: list[str],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = ["--output", str(tmp_path / "run")]

    assert run("train", "prm", "--export", str(export_folder), *output, *arguments) == 2

    assert complaint in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run("train", "magic")

    assert "invalid choice: 'magic'" in capsys.readouterr().err


def test_a_dry_run_prints_the_plan_without_torch(export_folder: Path, tmp_path: Path) -> None:
    code = """
import sys
from rl_bridge.__main__ import main
code = main(sys.argv[1:])
assert not {"torch", "transformers", "trl"} & set(sys.modules)
sys.exit(code)
"""
    arguments = ["train", "dpo", "--export", export_folder, "--output", tmp_path / "run", "--dry-run"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=True
    )

    plan = json.loads(done.stdout)
    assert plan["rows"] == 8
    assert plan["steps"] == 100
    assert plan["model"]["name"] == "SmolLM2-135M-Instruct"
    assert plan["device"].startswith(("CPU", "GPU"))
    assert plan["writes"] == str(tmp_path / "run")
    assert plan["settings"]["kind"] == "dpo"
    assert plan["settings"]["output"] == str(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_from_an_export_to_a_prm_to_scores(
    export_folder: Path, tiny_llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "run"
    trained = run(
        "train",
        "prm",
        "--export",
        str(export_folder),
        "--model",
        str(tiny_llama),
        "--output",
        str(output),
        *SMALL,
    )
    assert trained == 0
    assert f"the model lies in {output / 'model'}" in capsys.readouterr().out

    source, target = tmp_path / "traces.jsonl", tmp_path / "scores.jsonl"
    traces = [{"id": i, "prompt": f"What is {i}?", "steps": ["é.\n"] * (i + 1)} for i in range(3)]
    source.write_text("\n".join(json.dumps(trace) for trace in traces) + "\n\n", encoding="utf-8")
    assert run("judge", "--prm", str(output / "model"), "--input", str(source), "--output", str(target)) == 0

    rows = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == [0, 1, 2]
    assert [len(row["scores"]) for row in rows] == [1, 2, 3]
    assert all(0 < score < 1 for row in rows for score in row["scores"])
    assert rows[0]["judge"].startswith("tiny-llama@")

    assert sorted(path.name for path in tmp_path.glob(".*")) == []


def test_a_trace_that_is_too_long_costs_only_itself(
    tiny_llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prm = write_prm(tmp_path / "prm", tiny_llama)
    source, target = tmp_path / "traces.jsonl", tmp_path / "scores.jsonl"
    lines = [{"prompt": "p", "steps": [step], "reason": "mine"} for step in ("x" * 5000, "a")]
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))

    assert run("judge", "--prm", str(prm), "--input", str(source), "--output", str(target)) == 0

    long, short = (json.loads(line) for line in target.read_text().splitlines())
    assert long["scores"] is None
    assert long["reason"].startswith("A completion of 5000 tokens")
    assert (len(short["scores"]), short["reason"]) == (1, "mine")
    printed = capsys.readouterr()
    assert "Scored 1 of 2 traces" in printed.out
    assert "1 traces could not be read" in printed.err
    assert run("judge", "--prm", str(prm), "--input", str(target), "--output", str(target)) == 0
    assert "reason" not in json.loads(target.read_text().splitlines()[1])


class Terminal(io.StringIO):
    """What a program writes to a person at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("is_watched", "said"), [(True, "judged: 100%"), (False, "")])
def test_judging_shows_a_bar_to_who_watches_and_writes_none_into_a_log(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_watched: bool, said: str
) -> None:
    screen = Terminal() if is_watched else io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    source, target = tmp_path / "traces.jsonl", tmp_path / "scores.jsonl"
    source.write_text(json.dumps({"prompt": "p", "steps": ["a"]}) + "\n")

    done = judge_file.judge_file(
        prm_folder=write_prm(tmp_path / "prm", tiny_llama), source=source, target=target
    )

    assert (done.num_traces, done.num_unread) == (1, 0)
    assert (said in screen.getvalue()) if said else screen.getvalue() == ""


@ignore_warnings_inside_trl
def test_from_an_export_to_a_policy(
    export_folder: Path, tiny_llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "run"

    trained = run(
        "train",
        "dpo",
        "--export",
        str(export_folder),
        "--model",
        str(tiny_llama),
        "--output",
        str(output),
        *SMALL,
    )

    assert trained == 0
    assert "rewards_margins" in capsys.readouterr().out
    assert (output / "model" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "line 2 is not JSON"),
        ("[]", "line 2 has no `prompt`"),
        ('{"prompt": 3, "steps": ["a"]}', "line 2 has no `prompt`"),
        ('{"prompt": [], "steps": ["a"]}', "line 2 has no `prompt`"),
        ('{"prompt": "p"}', "line 2 has no `steps`"),
        ('{"prompt": "p", "steps": []}', "line 2 has no `steps`"),
        ('{"prompt": "p", "steps": ["a", ""]}', "line 2 has no `steps`"),
        ('{"prompt": [{"role": "user", "content": 5}], "steps": ["a"]}', "line 2 has no `prompt`"),
        ('{"prompt": "p", "steps": ["\\ud800"]}', "line 2 holds half a surrogate pair"),
        ("[" * 100_000, "line 2 is not JSON"),
    ],
)
def test_a_bad_line_is_named_before_the_prm_is_loaded(tmp_path: Path, line: str, complaint: str) -> None:
    source = tmp_path / "traces.jsonl"
    source.write_text('{"prompt": "p", "steps": ["a"]}\n' + line + "\n")

    with pytest.raises(traces_file.BadTraceLine, match=complaint):
        judge_file.judge_file(prm_folder=tmp_path / "no-prm", source=source, target=tmp_path / "out")


def test_a_line_that_is_no_text_is_named(tmp_path: Path) -> None:
    source = tmp_path / "traces.jsonl"
    source.write_bytes(b'{"prompt": "p", "steps": ["a"]}\n{"prompt": "\xff", "steps": ["a"]}\n')

    with pytest.raises(traces_file.BadTraceLine, match="line 2 is not UTF-8 text"):
        traces_file.read_lines(source)


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(traces_file.BadTraceLine, match="There is no file"):
        traces_file.read_lines(tmp_path / "nothing.jsonl")


def test_errors_a_person_can_mend_share_one_ancestor() -> None:
    assert issubclass(layout.TraceTooLong, __main__.BridgeError)
