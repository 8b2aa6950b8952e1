"""The default segmenter on real traces, whose steps are known; skipped where the data folder is missing."""

import json
from pathlib import Path

import pytest

from annotation.rules.segmentation import is_lossless, segment, split_steps

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="shared/data is not there")


def read_lines(path: Path, limit: int) -> list[dict[str, object]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line, _ in zip(lines, range(limit), strict=False)]


def strip_all(texts: list[str]) -> list[str]:
    return [text.strip() for text in texts if text.strip()]


def test_the_steps_of_gsm8k_solutions_are_their_lines() -> None:
    for row in read_lines(DATA / "gsm8k" / "example_model_solutions.jsonl", 200):
        for value in row.values():
            if isinstance(value, dict):
                solution = value["solution"]
                ends = segment(solution)
                assert is_lossless(solution, ends)
                assert strip_all(split_steps(solution, ends)) == strip_all(solution.split("\n"))


@pytest.mark.parametrize("name", ["logical_deduction", "multistep_arithmetic", "word_sorting"])
@pytest.mark.parametrize("separator", ["\n", "\n\n"])
def test_the_joined_steps_of_big_bench_mistake_come_apart_again(name: str, separator: str) -> None:
    rows = read_lines(DATA / "big-bench-mistake" / f"{name}.jsonl", 300)
    num_same = 0
    for row in rows:
        known = row["steps"]
        assert isinstance(known, list)
        text = separator.join(known)
        num_same += strip_all(split_steps(text, segment(text))) == strip_all(known)

    assert num_same >= 0.98 * len(rows)
