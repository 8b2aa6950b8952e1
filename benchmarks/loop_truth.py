"""The problems of the loop: sums of several terms from reasoning-gym, worked out step by step, with a known truth.

A worked solution adds one term a line and ends in "The answer is N." Each line can be checked against the problem, so
that the true first error of every trace is known: a line stands where it takes up the right total, the right next term
and the right sum. An answer without any work stands where it is right.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import reasoning_gym

DATA_SET = "chain_sum"
_LINE = re.compile(r"(-?\d+) ([+-]) (\d+) = (-?\d+)")
_ANSWER = re.compile(r"The answer is (-?\d+)\.?")


@dataclass(frozen=True)
class Problem:
    """One problem as reasoning-gym words it, its first term, the signed terms after it, and the answer."""

    text: str
    first: int
    terms: tuple[tuple[str, int], ...]
    answer: int

    def solve(self) -> str:
        """The worked solution: what the policy is first trained on."""
        total, lines = self.first, []
        for sign, term in self.terms:
            after = total + term if sign == "+" else total - term
            lines.append(f"{total} {sign} {term} = {after}\n")
            total = after
        return "".join(lines) + self.state()

    def state(self) -> str:
        """The answer without any work."""
        return f"The answer is {self.answer}."


def make_problems(seed: int, count: int, *, terms: tuple[int, int], digits: int) -> list[Problem]:
    """Problems with so many terms of up to so many digits, no two alike."""
    data = reasoning_gym.create_dataset(
        DATA_SET,
        seed=seed,
        size=2 * count,
        min_terms=terms[0],
        max_terms=terms[1],
        min_digits=1,
        max_digits=digits,
    )
    found = {entry["question"]: read_problem(entry["question"]) for entry in data}
    return list(found.values())[:count]


def read_problem(text: str) -> Problem:
    """A problem from its wording."""
    words = text.rpartition(": ")[2].removesuffix("=").split()
    terms = tuple(zip(words[1::2], map(int, words[2::2]), strict=True))
    total = int(words[0])
    for sign, term in terms:
        total += term if sign == "+" else -term
    return Problem(text, int(words[0]), terms, total)


def find_first_error(problem: Problem, steps: Sequence[str]) -> int:
    """The index of the first step that does not stand, or −1. A solution that never answers errs in its last step."""
    total, place = problem.first, 0
    for index, step in enumerate(steps):
        line, answer = _LINE.fullmatch(step.strip()), _ANSWER.fullmatch(step.strip())
        if answer:
            is_whole = place in (0, len(problem.terms)) and index == len(steps) - 1
            return -1 if is_whole and int(answer[1]) == problem.answer else index
        if line is None or place >= len(problem.terms):
            return index
        sign, term = problem.terms[place]
        after = total + term if sign == "+" else total - term
        if (int(line[1]), line[2], int(line[3]), int(line[4])) != (total, sign, term, after):
            return index
        total, place = after, place + 1
    return len(steps) - 1
