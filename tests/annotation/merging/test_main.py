"""The command line: files in, files out, and one sentence when something is wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from annotation.merging.__main__ import main
from annotation.merging.data import MergePolicy
from annotation.merging.merge import merge
from annotation.merging.stored import load_diagnostics
from benchmarks.merge_simulator import Setting, write_folder
from tests.annotation.merging.worlds import find, simulated

WORLD = Setting(num_traces=160, rated_share=0.6, num_comparisons=60)

TRACES = [
    {"trace_id": "a", "prompt_id": "p", "n_steps": 2, "final_answer_correct": True, "gold": False},
    {"trace_id": "b", "prompt_id": "p", "n_steps": 1, "final_answer_correct": None, "gold": False},
    {
        "trace_id": "g",
        "prompt_id": "q",
        "n_steps": 2,
        "final_answer_correct": None,
        "gold": True,
        "right": [1, 0],
    },
]
RATINGS = [
    {"trace_id": "a", "step": 0, "rater": "ann", "label": 1, "assisted": False},
    {"trace_id": "a", "step": 1, "rater": "ann", "label": -1, "assisted": False},
    {"trace_id": "a", "step": 0, "rater": "bob", "label": 1, "assisted": False},
]


def write(path: Path, rows: list[Any]) -> None:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small folder of good rows."""
    write(tmp_path / "traces.jsonl", TRACES)
    write(tmp_path / "ratings.jsonl", RATINGS)
    return tmp_path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_is_written_for_each_trace(folder: Path) -> None:
    assert main([str(folder), "--out", str(folder / "merged.jsonl")]) == 0

    a, b, g = read(folder / "merged.jsonl")
    assert list(a) == ["trace_id", "p_correct", "p_trace", "first_error", "provenance"]
    assert (a["trace_id"], a["provenance"]) == ("a", "human")
    assert len(a["p_correct"]) == 2
    assert a["p_trace"] == a["p_correct"][-1]
    assert (b["trace_id"], b["first_error"], b["provenance"]) == ("b", -1, "none")  # nobody said anything
    assert 0.5 < b["p_trace"] == b["p_correct"][0] < 1.0
    assert g == {
        "trace_id": "g",
        "p_correct": [1.0, 0.0],
        "p_trace": 0.0,
        "first_error": 1,
        "provenance": "gold",
    }


def test_files_give_what_rows_in_memory_give(tmp_path: Path) -> None:
    world = simulated(5, WORLD)
    write_folder(world.data, tmp_path)

    assert main([str(tmp_path), "--out", str(tmp_path / "m"), "--preferences", str(tmp_path / "p")]) == 0

    expected = merge(world.data, MergePolicy())
    for line in read(tmp_path / "m"):
        merged = find(expected, line["trace_id"])
        assert line["provenance"] == merged.provenance
        assert tuple(line["p_correct"]) == merged.posterior
        assert line["first_error"] == merged.first_error
    pairs = [
        {"prompt_id": p.prompt_id, "chosen": p.chosen, "rejected": p.rejected, "p": p.p, "margin": p.margin}
        for p in expected.preferences
    ]
    assert read(tmp_path / "p") == pairs


def test_policy_recovery_and_verdict_reach_the_merge(tmp_path: Path) -> None:
    write_folder(simulated(5, WORLD).data, tmp_path)
    arguments = [str(tmp_path), "--out", str(tmp_path / "m"), "--diagnostics", str(tmp_path / "d")]

    assert main([*arguments, "--policy", "human_only", "--recovery", "learned", "--use-verdict"]) == 0

    diagnostics = load_diagnostics((tmp_path / "d").read_text())
    assert diagnostics.policy == MergePolicy("human_only", "learned", use_verdict=True)


def test_two_processes_write_the_same_bytes_whatever_the_order_of_lines(tmp_path: Path) -> None:
    write_folder(simulated(5, WORLD).data, tmp_path)
    outputs = set()
    for seed in ("1", "2"):
        for name in ("traces", "ratings", "judges", "comparisons"):
            path = tmp_path / f"{name}.jsonl"
            path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
        command = [sys.executable, "-m", "annotation.merging", str(tmp_path), "--out", str(tmp_path / "m")]
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True)
        outputs.add((tmp_path / "m").read_bytes())

    assert len(outputs) == 1


def test_numbers_as_ids_come_back_as_numbers(tmp_path: Path) -> None:
    rows = [{"trace_id": i, "prompt_id": 7, "n_steps": 1, "gold": True, "right": [1]} for i in (3, 12)]
    write(tmp_path / "traces.jsonl", rows)

    assert main([str(tmp_path), "--out", str(tmp_path / "m")]) == 0

    assert sorted(line["trace_id"] for line in read(tmp_path / "m")) == [3, 12]


def test_a_null_label_and_a_null_score_count_as_missing(folder: Path) -> None:
    write(folder / "ratings.jsonl", [*RATINGS, {"trace_id": "a", "step": 1, "rater": "bob", "label": None}])
    write(folder / "judges.jsonl", [{"trace_id": "a", "step": 0, "judge": "j", "p": None}])

    assert main([str(folder), "--out", str(folder / "with")]) == 0
    (folder / "judges.jsonl").unlink()
    write(folder / "ratings.jsonl", RATINGS)
    assert main([str(folder), "--out", str(folder / "without")]) == 0

    assert (folder / "with").read_bytes() == (folder / "without").read_bytes()


def test_assisted_ratings_do_not_make_a_human_trace(folder: Path) -> None:
    write(folder / "ratings.jsonl", [{**row, "assisted": row["rater"] == "bob"} for row in RATINGS])

    assert main([str(folder), "--out", str(folder / "m")]) == 0

    assert read(folder / "m")[0]["provenance"] == "none"


def test_blank_lines_windows_line_ends_and_a_byte_order_mark_do_no_harm(folder: Path) -> None:
    text = "\r\n\r\n".join(json.dumps(row) for row in TRACES)
    (folder / "traces.jsonl").write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\r\n\r\n")

    assert main([str(folder), "--out", str(folder / "m")]) == 0

    assert len(read(folder / "m")) == 3


GOOD_TRACE = TRACES[0]
RATED = RATINGS[0]
SCORED = {"trace_id": "a", "step": 0, "judge": "j", "p": 0.5}
COMPARED = {"prompt_id": "p", "trace_a": "a", "trace_b": "b", "rater": "ann", "choice": "a"}


@pytest.mark.parametrize(
    ("file", "bad", "sentence"),
    [
        ("traces", "{", "line 2: this is not valid JSON"),
        ("traces", "{} {}", "line 2: there is more than one JSON value"),
        ("traces", "[]", "line 2: this is not a JSON object"),
        ("traces", {}, "n_steps must be a whole number from 1 to 1000000, not null"),
        ("traces", GOOD_TRACE, "line 2: trace 'a' appears twice"),
        ("traces", {**GOOD_TRACE, "trace_id": "c", "n_steps": 0}, "n_steps must be a whole number"),
        ("traces", {**GOOD_TRACE, "trace_id": None}, "trace_id must be text or a whole number, not null"),
        ("traces", {**GOOD_TRACE, "trace_id": "c", "gold": "yes"}, 'gold must be true or false, not "yes"'),
        ("traces", {**GOOD_TRACE, "trace_id": "c", "gold": True}, "needs right: a list of 2 times 0 or 1"),
        ("traces", {**GOOD_TRACE, "trace_id": "c", "gold": True, "right": [1]}, "needs right"),
        ("traces", {**GOOD_TRACE, "trace_id": "c", "gold": True, "right": [1, 3]}, "needs right"),
        (
            "traces",
            {**GOOD_TRACE, "trace_id": "c", "final_answer_correct": "?"},
            "final_answer_correct must be",
        ),
        ("ratings", {**RATED, "trace_id": "zz"}, 'line 2: trace_id "zz" is not in traces.jsonl'),
        ("ratings", {**RATED, "trace_id": []}, "line 2: trace_id [] is not in traces.jsonl"),
        ("ratings", {**RATED, "step": 2}, "line 2: step 2 is not a step of trace 'a', which has 2"),
        ("ratings", {**RATED, "step": -1}, "step -1 is not a step"),
        ("ratings", {**RATED, "step": 0.5}, "step 0.5 is not a step"),
        ("ratings", {**RATED, "step": 1, "label": 2}, "label must be -1, 0, 1 or null, not 2"),
        ("ratings", {**RATED, "step": 1, "label": True}, "label must be -1, 0, 1 or null, not true"),
        ("ratings", {"trace_id": "a", "step": 1, "rater": "ann"}, "label must be -1, 0, 1 or null"),
        ("ratings", {**RATED, "rater": ""}, 'rater must be text or a whole number, not ""'),
        ("ratings", {**RATED, "step": 1, "assisted": "no"}, "assisted must be true or false"),
        ("ratings", RATED, "line 2: step 0 of trace 'a' has already been judged by the same source"),
        ("judges", {**SCORED, "step": 1, "p": 1.01}, "p must be a number from 0 to 1 or null, not 1.01"),
        ("judges", {**SCORED, "step": 1, "p": -0.1}, "p must be a number from 0 to 1"),
        ("judges", {**SCORED, "step": 1, "p": "high"}, 'p must be a number from 0 to 1 or null, not "high"'),
        ("judges", '{"trace_id": "a", "step": 1, "judge": "j", "p": NaN}', "line 2: NaN is no number"),
        ("judges", SCORED, "already been judged by the same source"),
        ("comparisons", {**COMPARED, "choice": "c"}, "choice must be a, b, tie or both_bad"),
        ("comparisons", {**COMPARED, "trace_b": "a"}, "trace 'a' is compared with itself"),
        ("comparisons", {**COMPARED, "trace_b": "g"}, "trace 'g' answers prompt 'q', not 'p'"),
        ("comparisons", {**COMPARED, "trace_b": "zz"}, 'trace_b "zz" is not in traces.jsonl'),
    ],
)
def test_a_bad_line_is_named_in_one_sentence_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, bad: Any, sentence: str
) -> None:
    good = {"traces": GOOD_TRACE, "ratings": RATED, "judges": SCORED, "comparisons": COMPARED}
    write(tmp_path / "traces.jsonl", TRACES)
    write(tmp_path / f"{file}.jsonl", [good[file], bad])
    before = sorted(tmp_path.iterdir())

    status = main([str(tmp_path), "--out", str(tmp_path / "merged.jsonl")])

    message = capsys.readouterr().err
    assert status == 2
    assert message.startswith(f"{file}.jsonl line 2: ")
    assert sentence in message
    assert message.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_text_that_is_not_utf8_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "ratings.jsonl").write_bytes(b'{"trace_id": "\xff"}\n')

    assert main([str(folder), "--out", str(folder / "m")]) == 2

    assert capsys.readouterr().err == "ratings.jsonl line 1: this is not UTF-8 text\n"


def test_a_folder_without_traces_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere"), "--out", str(tmp_path / "m")]) == 2

    assert "nowhere holds no traces.jsonl" in capsys.readouterr().err


def test_an_old_output_survives_a_run_that_fails(folder: Path) -> None:
    (folder / "merged.jsonl").write_text("old\n")
    write(folder / "ratings.jsonl", [{**RATED, "label": 7}])

    assert main([str(folder), "--out", str(folder / "merged.jsonl")]) == 2

    assert (folder / "merged.jsonl").read_text() == "old\n"


def test_outputs_that_cannot_be_written_are_refused_before_any_work(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "m"
    for arguments, sentence in [
        (["--out", str(folder / "no" / "m")], "is not a folder"),
        (["--out", str(folder)], "it is not an ordinary file"),
        (["--out", str(out), "--preferences", str(out)], "two outputs have the same name"),
    ]:
        assert main([str(folder), *arguments]) == 2
        assert sentence in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("name", ["traces.jsonl", "ratings.jsonl", "judges.jsonl", "comparisons.jsonl"])
@pytest.mark.parametrize("option", ["--out", "--preferences"])
def test_an_input_is_never_written_over(
    folder: Path, name: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    outputs = {"--out": "merged.jsonl", option: name}
    arguments = [part for key, value in outputs.items() for part in (key, str(folder / value))]

    assert main([str(folder), *arguments]) == 2

    assert "would write over what the merge reads" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_input_under_another_name_is_not_written_over_either(folder: Path) -> None:
    (folder / "copy.jsonl").hardlink_to(folder / "ratings.jsonl")

    assert main([str(folder), "--out", str(folder / "copy.jsonl")]) == 2
    assert len(read(folder / "ratings.jsonl")) == len(RATINGS)


def test_whole_numbers_with_a_point_are_read_as_pandas_writes_them_beside_nulls(folder: Path) -> None:
    write(folder / "traces.jsonl", TRACES)
    assert main([str(folder), "--out", str(folder / "plain.jsonl")]) == 0
    pointed = [{**row, "label": float(row["label"]), "step": float(row["step"])} for row in RATINGS]
    write(folder / "ratings.jsonl", pointed)
    write(folder / "traces.jsonl", [{**row, "n_steps": float(row["n_steps"])} for row in TRACES])

    assert main([str(folder), "--out", str(folder / "pointed.jsonl")]) == 0

    assert (folder / "pointed.jsonl").read_bytes() == (folder / "plain.jsonl").read_bytes()


def test_a_verdict_that_could_not_enter_is_said_not_to_have(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "judged").mkdir()
    write_folder(simulated(5, WORLD).data, tmp_path / "judged")
    assert main([str(tmp_path / "judged"), "--out", str(tmp_path / "judged.jsonl"), "--use-verdict"]) == 0
    assert capsys.readouterr().err == ""

    assert main([str(folder), "--out", str(folder / "merged.jsonl"), "--use-verdict"]) == 0
    assert "The verdict was not used" in capsys.readouterr().err


def test_an_output_is_as_readable_as_other_files(folder: Path) -> None:
    (folder / "other").write_text("")

    main([str(folder), "--out", str(folder / "m")])

    assert (folder / "m").stat().st_mode == (folder / "other").stat().st_mode


def test_an_unknown_policy_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([str(folder), "--out", str(folder / "m"), "--policy", "median"])

    assert exit_.value.code == 2
    assert "median" in capsys.readouterr().err
