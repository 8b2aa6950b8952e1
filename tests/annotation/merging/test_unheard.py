"""Of traces that nobody spoke of, the command line says how often traces go wrong."""

import json
from pathlib import Path

import pytest

from annotation.merging.__main__ import main
from annotation.merging.data import MergedTrace
from annotation.merging.starts import FIRST_HAZARD
from annotation.merging.unheard import believe_unheard, estimate_hazard
from benchmarks.merge_simulator import Setting, simulate, write_folder


def trace(*posterior: float, provenance: str = "human") -> MergedTrace:
    p_trace = posterior[-1] if posterior else None
    return MergedTrace("t", "p", posterior, p_trace, None, provenance)  # type: ignore[arg-type]


def test_the_hazard_is_expected_first_errors_over_steps_at_risk() -> None:
    # 0.5 errors over 1 + 0.5 steps, then none over 2; gold says nothing of how often others go wrong
    found = estimate_hazard([trace(0.5, 0.5), trace(1.0, 1.0), trace(0.0, provenance="gold"), trace()])

    assert found == pytest.approx(0.5 / 3.5)


def test_without_any_posterior_the_hazard_is_the_first_guess() -> None:
    assert estimate_hazard([trace()]) == FIRST_HAZARD


def test_a_trace_that_nobody_spoke_of_is_believed_less_step_by_step() -> None:
    believed = believe_unheard(trace(), 3, 0.1)

    assert believed.posterior == pytest.approx((0.9, 0.81, 0.729))
    assert (believed.p_trace, believed.first_error) == (believed.posterior[-1], -1)
    assert believe_unheard(trace(), 30, 0.3).first_error == 0
    assert believe_unheard(trace(0.2), 1, 0.1) == trace(0.2)


@pytest.mark.parametrize("policy", ["chain", "human_only", "majority"])
def test_every_line_has_a_probability_for_each_step(tmp_path: Path, policy: str) -> None:
    """Most traces of this project have neither a rating nor, under two of the policies, a judge that counts."""
    world = simulate(Setting(num_traces=120, rated_share=0.4), 3)
    write_folder(world.data, tmp_path)

    assert main([str(tmp_path), "--out", str(tmp_path / "merged.jsonl"), "--policy", policy]) == 0

    lines = [json.loads(line) for line in (tmp_path / "merged.jsonl").read_text().splitlines()]
    steps = {row.trace_id: row.num_steps for row in world.data.traces}
    assert {line["trace_id"]: len(line["p_correct"]) for line in lines} == steps
    assert all(0.0 <= p <= 1.0 for line in lines for p in line["p_correct"])
    assert all(isinstance(line["first_error"], int) and line["p_trace"] is not None for line in lines)
