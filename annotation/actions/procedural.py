"""Prompts made by a program: problems of reasoning-gym, each with the answer its own scorer accepts."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotation.actions.prompts import AddedPrompts, NewPrompt, add_prompts
from annotation.models import Account, Project

MOST_PROBLEMS = 5000
_PATIENCE_SECONDS = 30
# By path: importing the package that holds it would load torch into the web process.
_MAKER = Path(__file__).parents[1] / "generation" / "problem_maker.py"


@dataclass(frozen=True)
class DataSet:
    """A data set that suits a small model: its name for people, reasoning-gym's own, and how it is set."""

    key: str
    title: str
    name: str
    settings: Mapping[str, int] = field(default_factory=dict)


DATA_SETS = (
    DataSet(
        "sums",
        "Sums of two numbers, up to 99",
        "chain_sum",
        {"min_terms": 2, "max_terms": 2, "max_digits": 2},
    ),
    DataSet("long_sums", "Sums of two to six numbers", "chain_sum"),
    DataSet("products", "Products of two numbers, up to 99", "products", {"max_digits": 2}),
    DataSet("arithmetic", "Arithmetic with brackets", "basic_arithmetic"),
    DataSet("equations", "Equations with one unknown", "simple_equations"),
    DataSet("word_problems", "Word problems, as in grade school (GSM symbolic)", "gsm_symbolic"),
    DataSet("legs", "Counting the legs of animals", "leg_counting"),
    DataSet("gcd", "Greatest common divisors", "gcd"),
    DataSet("lcm", "Least common multiples", "lcm"),
    DataSet("fractions", "Simplifying fractions", "fraction_simplification"),
    DataSet("calendar", "Days of the week and dates", "calendar_arithmetic"),
    DataSet("sequences", "Continuing number sequences", "number_sequence"),
    DataSet("letters", "Counting letters in a text", "letter_counting"),
)


class CannotMakeProblems(Exception):
    """reasoning-gym can't make these problems, or not in time; the message is a sentence."""


def find_data_set(key: str) -> DataSet:
    """The data set of this key, or, by any other name, reasoning-gym's own with its usual settings."""
    return next((known for known in DATA_SETS if known.key == key), DataSet(key, key, key))


def add_procedural_prompts(
    *, project: Project, data_set: DataSet, count: int, seed: int, actor: Account, now: dt.datetime
) -> AddedPrompts:
    """Stores `count` problems; the same seed makes the same ones. Raises CannotMakeProblems; then nothing is stored."""
    problems = make_problems(data_set, count=count, seed=seed)
    prompts = [
        NewPrompt(
            text=problem["question"],
            reference_answer=problem["answer"],
            verifier="reasoning_gym",
            ground_truth=json.dumps(
                {"dataset": data_set.name, "entry": problem["entry"]}, ensure_ascii=False
            ),
            source={"dataset": f"reasoning-gym/{data_set.name}", "seed": seed, "index": index},
        )
        for index, problem in enumerate(problems)
    ]
    return add_prompts(project=project, prompts=prompts, actor=actor, now=now, are_actors_own=False)


def make_problems(data_set: DataSet, *, count: int, seed: int) -> list[dict[str, Any]]:
    """Problems as {question, answer, entry}, made by a process that is ended when it takes too long."""
    if not 1 <= count <= MOST_PROBLEMS:
        raise CannotMakeProblems(f"Ask for 1 to {MOST_PROBLEMS:,} problems at a time.")
    request = {
        "dataset": data_set.name, "settings": dict(data_set.settings), "count": count, "seed": seed
    }  # fmt: skip
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(_MAKER)],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CannotMakeProblems(
            f"Making {count:,} problems of {data_set.name} takes longer than {_PATIENCE_SECONDS} s. Ask for fewer."
        ) from error
    try:
        reply: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise CannotMakeProblems(f"reasoning-gym failed at {data_set.name}.") from error
    if "fault" in reply:
        raise CannotMakeProblems(str(reply["fault"]))
    problems: list[dict[str, Any]] = reply["problems"]
    return problems
