"""Diagnostics survive being stored."""

import json

import pytest

from annotation.merging.data import MergeInput, MergePolicy
from annotation.merging.merge import merge
from annotation.merging.stored import dump_diagnostics, load_diagnostics
from tests.annotation.merging.worlds import noise_judge, simulated


@pytest.mark.parametrize(
    "policy",
    [MergePolicy(), MergePolicy(recovery="learned"), MergePolicy("majority"), MergePolicy("human_only")],
)
def test_diagnostics_come_back_as_they_were(policy: MergePolicy) -> None:
    diagnostics = merge(simulated().data, policy).diagnostics

    assert load_diagnostics(dump_diagnostics(diagnostics)) == diagnostics


def test_a_run_without_traces_is_stored_too() -> None:
    diagnostics = merge(MergeInput([]), MergePolicy()).diagnostics

    assert load_diagnostics(dump_diagnostics(diagnostics)) == diagnostics


def test_a_refused_judge_is_stored_with_its_reason() -> None:
    data = simulated().data
    result = merge(MergeInput(data.traces, data.ratings, noise_judge(data)), MergePolicy())

    stored = json.loads(dump_diagnostics(result.diagnostics))

    assert stored["calibrations"][0]["judges"] == ["noise@1"]
    assert stored["calibrations"][0]["reason"]
    assert stored["joint"] is None


def test_the_text_names_versions_raters_and_features() -> None:
    stored = json.loads(dump_diagnostics(merge(simulated().data, MergePolicy()).diagnostics))

    assert stored["merge_version"] == "chain-2"
    assert {name for name, _ in stored["library_versions"]} == {"python", "numpy", "scipy"}
    assert len(stored["people"]["raters"]) == 30
    assert stored["people"]["raters"][0]["rater"] == "rater-00"
    assert "judge-0@1: log-odds" in stored["joint"]["hazards"][1]["features"]


def test_other_text_is_refused() -> None:
    with pytest.raises(KeyError):
        load_diagnostics("{}")
