"""The loop in its smallest size: every part the product's own, from problems to a report, whatever its figures"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.loop_truth import Problem, find_first_error, make_problems, read_problem
from config.paths import BASE_DIR
from rl_bridge.rewards import cut_lines

PROBLEM = read_problem("State the final answer to the following arithmetic problem: 12 + 30 - 7 =")


@pytest.mark.slow
def test_a_small_loop_goes_the_whole_way_and_says_that_its_raters_are_simulated(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.loop", "--out", str(tmp_path / "loop")],
        cwd=BASE_DIR,
        env={**os.environ, "SIZE": "small", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr[-2_000:]
    [seed] = json.loads((tmp_path / "loop" / "results.json").read_text())
    assert set(seed["results"]["policies"]["policies"]) == {"first", "sft", "grpo-verifier", "grpo-hybrid"}
    assert set(seed["results"]["judges"]["judges"]) == {"merged", "judge alone"}
    assert seed["world"]["simulated_ratings"] > 0
    page = (tmp_path / "loop" / "report.html").read_text()
    assert "simulated rater" in page
    for name in ("prm-merged", "prm-judge", "sft", "grpo-verifier", "grpo-hybrid"):
        assert f"{name}: " in page


def test_a_worked_solution_has_no_error() -> None:
    for problem in make_problems(3, 50, terms=(2, 5), digits=3):
        assert find_first_error(problem, cut_lines(problem.solve())) == -1
        assert read_problem(problem.text) == problem


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["12 + 30 = 42", "42 - 7 = 35", "The answer is 35."], -1),
        (["12 + 30 = 43", "43 - 7 = 36", "The answer is 36."], 0),
        (["12 + 30 = 42", "42 - 8 = 34", "The answer is 34."], 1),  # another term than the problem's
        (["12 + 30 = 42", "42 + 7 = 49", "The answer is 49."], 1),
        (["12 + 30 = 42", "42 - 7 = 35", "The answer is 36."], 2),
        (["12 + 30 = 42", "The answer is 42."], 1),  # a term is left
        (["12 + 30 = 42", "42 - 7 = 35"], 1),  # it never answers
        (["12 + 30 = 42", "42 - 7 = 35", "35 - 1 = 34", "The answer is 34."], 2),
        (["12 + 30 = 42", "42 - 7 = 35", "The answer is 35.", "The answer is 35."], 2),
        (["gibberish"], 0),
    ],
)
def test_the_true_first_error_is_where_a_line_leaves_the_problem(lines: list[str], error: int) -> None:
    assert find_first_error(PROBLEM, [line + "\n" for line in lines]) == error


def test_any_changed_digit_is_an_error_at_its_line_or_before_the_end() -> None:
    source = random.Random(0)
    problem: Problem
    for problem in make_problems(5, 30, terms=(3, 4), digits=2):
        steps = cut_lines(problem.solve())
        place = source.randrange(len(steps))
        digits = [i for i, character in enumerate(steps[place]) if character.isdigit()]
        at = source.choice(digits)
        changed = str((int(steps[place][at]) + 1) % 10)
        wrong = [*steps[:place], steps[place][:at] + changed + steps[place][at + 1 :], *steps[place + 1 :]]

        assert find_first_error(problem, wrong) == place
