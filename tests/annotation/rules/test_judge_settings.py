"""What a judge's row says of how it works is read back with its types, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from annotation.rules.judge_settings import (
    BadOptions,
    RolloutOptions,
    RubricOptions,
    read_rollout_options,
    read_rubric_options,
)

RUBRIC: dict[str, Any] = {"rubric": "{problem}{steps}", "temperature": 0, "max_new_tokens": 9}
ROLLOUT: dict[str, Any] = {
    "template": "{prompt}",
    "num_rollouts": 8,
    "is_search": True,
    "temperature": 0.8,
    "max_new_tokens": 64,
}


def test_settings_are_read_as_they_were_stored() -> None:
    assert read_rubric_options(RUBRIC) == RubricOptions("{problem}{steps}", 0.0, 9)
    assert read_rollout_options(ROLLOUT) == RolloutOptions("{prompt}", 8, True, 0.8, 64)


@pytest.mark.parametrize("name", RUBRIC)
def test_a_rubric_judge_lacks_nothing(name: str) -> None:
    with pytest.raises(BadOptions, match=f"“{name}” is missing"):
        read_rubric_options({key: value for key, value in RUBRIC.items() if key != name})


@pytest.mark.parametrize("name", ROLLOUT)
def test_a_roll_out_judge_lacks_nothing(name: str) -> None:
    with pytest.raises(BadOptions, match=f"“{name}” is missing"):
        read_rollout_options({key: value for key, value in ROLLOUT.items() if key != name})


@pytest.mark.parametrize(("name", "value"), [("temperature", "hot"), ("num_rollouts", 1.5), ("template", 3)])
def test_a_setting_of_another_type_is_refused(name: str, value: object) -> None:
    with pytest.raises(BadOptions, match=name):
        read_rollout_options({**ROLLOUT, name: value})
