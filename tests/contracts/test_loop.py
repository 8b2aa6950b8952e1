"""The loop in its smallest size: every part the product's own, from problems to a report, whatever its figures"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.loop import first_policy
from benchmarks.loop_policy import build_tokenizer, mix_in_bare_answers, pretrain
from benchmarks.loop_report import list_differences
from benchmarks.loop_sizes import SIZES
from benchmarks.loop_truth import Problem, find_first_error, make_problems, read_problem
from config.paths import BASE_DIR
from rl_bridge.models import load_causal_lm
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
        (["The answer is 35."], -1),  # no work, and right all the same
        (["The answer is 36."], 0),
        (["The answer is 35.", "The answer is 35."], 0),
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


def test_a_share_of_the_problems_come_with_the_right_answer_and_no_work() -> None:
    size = dataclasses.replace(SIZES["small"], bare_share=0.4)
    problems = make_problems(7, 200, terms=size.terms, digits=size.digits)
    tokenizer = build_tokenizer(problems)
    worked = [([1], [2])] * len(problems)

    rows = mix_in_bare_answers(tokenizer, problems, worked, size, seed=0)

    bare = [
        (problem, solution) for problem, (_, solution) in zip(problems, rows, strict=True) if solution != [2]
    ]
    assert 50 < len(bare) < 110
    for problem, solution in bare:
        assert tokenizer.decode(solution) == f"The answer is {problem.answer}.<|end|>"


def test_a_first_policy_is_taught_both_ways_and_opens_as_any_model_does(tmp_path: Path) -> None:
    size = dataclasses.replace(SIZES["small"], pretrain_steps=1, bare_share=1.0, bare_rate=1e-2)
    problems = make_problems(8, 40, terms=size.terms, digits=size.digits)

    losses = [
        pretrain(tmp_path / str(steps), problems, dataclasses.replace(size, bare_steps=steps), seed=0)[
            "final_loss"
        ]
        for steps in (0, 25)
    ]

    assert losses[1] < losses[0] - 1  # nats a token
    opened = load_causal_lm(str(tmp_path / "25"), models_dir=tmp_path, device="cpu")
    assert opened.tokenizer.eos_token == "<|end|>"


def test_a_loop_can_begin_with_the_first_policy_of_an_earlier_one(tmp_path: Path) -> None:
    policy, told = first_policy(SIZES["full"], 0, tmp_path / "work", tmp_path / "earlier" / "first")

    assert policy == str(tmp_path / "earlier" / "first")
    assert told == {}  # nothing was trained


def test_differences_are_paired_by_problem_over_all_seeds() -> None:
    rates = ("pass@1", "pass@8", "maj@8", "best-of-8 by prm")
    before = {rate: [0.0, 0.5, 1.0] for rate in rates}
    after = before | {"pass@1": [0.25, 0.75, 1.0]}
    policies = {"first": before, "sft": before, "grpo-verifier": before, "grpo-hybrid": after}
    hits = {"merged": [[1, 1, 1, 1]] * 3, "judge alone": [[1, 0, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]]}
    judges = {name: {"first_errors": {"by_group": found}} for name, found in hits.items()}
    seed = {
        "results": {
            "policies": {"policies": {name: {"by_prompt": values} for name, values in policies.items()}},
            "judges": {"judges": judges},
        }
    }

    found = dict(list_differences([seed, seed, seed]))

    gain = found["pass@1: SFT and GRPO (hybrid) − first"]
    assert (gain.value, gain.num_groups) == (pytest.approx(1 / 6), 9)
    assert gain.excludes_zero  # the problems are far apart, their gains are not
    assert not found["pass@1: SFT − first"].excludes_zero
    ahead = found["first-error F1: PRM on merged labels − on the judge's alone"]
    assert ahead.value == pytest.approx(1 - 0.8)
    assert ahead.num_groups == 9
