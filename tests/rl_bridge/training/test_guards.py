"""The alarm that stops a run whose policy games its reward."""

from typing import Any

import pytest
from transformers import TrainerControl, TrainerState

from rl_bridge.training.guards import Alarm, Limits, find_alarm

LIMITS = Limits(kl=0.5, divergence=0.1, growth=3.0, degenerate=0.5, window=3)


def course(num_steps: int = 6, **figures: tuple[float, float]) -> list[dict[str, Any]]:
    """A log whose figures go from one value to the other in equal steps; `__` stands for `/`."""
    return [
        {
            name.replace("__", "/"): first + (last - first) * step / (num_steps - 1)
            for name, (first, last) in {"reward": (0.2, 0.8), **figures}.items()
        }
        for step in range(num_steps)
    ]


def test_a_run_that_goes_well_is_left_alone() -> None:
    log = course(
        kl=(0.0, 0.2),
        rewards__held_out__mean=(0.5, 0.6),
        completions__mean_length=(40, 60),
        hybrid__degenerate=(0.0, 0.1),
    )

    assert find_alarm(log, LIMITS) is None


@pytest.mark.parametrize(
    ("figures", "complaint"),
    [
        ({"kl": (0.4, 0.9)}, "nats a token"),
        ({"hybrid__degenerate": (0.2, 0.9)}, "go round in circles"),
        ({"completions__mean_length": (10.0, 200.0)}, "times as long"),
        ({"rewards__held_out__mean": (0.8, 0.4)}, "the held-out judge fell from 0.72 to 0.48"),
    ],
)
def test_each_sign_of_gaming_is_an_alarm(figures: dict[str, Any], complaint: str) -> None:
    found = find_alarm(course(**figures), LIMITS)

    assert found is not None
    assert complaint in found


def test_a_held_out_judge_that_falls_with_the_reward_is_no_gaming() -> None:
    log = course(reward=(0.8, 0.2), rewards__held_out__mean=(0.8, 0.4))

    assert find_alarm(log, LIMITS) is None


def test_one_bad_step_is_no_alarm() -> None:
    log = course(kl=(0.1, 0.1))
    log[-1]["kl"] = 1.0

    assert find_alarm(log, LIMITS) is None


def test_before_a_window_is_full_nothing_can_be_told() -> None:
    assert find_alarm(course(2, kl=(9.0, 9.0)), LIMITS) is None
    assert find_alarm(course(5, rewards__held_out__mean=(0.9, 0.0)), LIMITS) is None


def test_lines_that_are_no_steps_do_not_count() -> None:
    log = [{"train_loss": 1.0}, *course(kl=(9.0, 9.0)), {"epoch": 1}]

    assert find_alarm(log, LIMITS) is not None
    assert find_alarm([{"train_loss": 1.0}] * 20, LIMITS) is None


def test_the_first_alarm_stops_the_run_and_stays() -> None:
    alarm, control = Alarm(LIMITS), TrainerControl()
    state = TrainerState(global_step=6, max_steps=100)
    arguments: Any = None

    state.log_history = course(kl=(0.0, 0.1))
    alarm.on_log(arguments, state, control)
    assert (alarm.sentence, control.should_training_stop) == ("", False)

    state.log_history = course(kl=(0.9, 0.9))
    alarm.on_log(arguments, state, control)
    state.log_history = course(hybrid__degenerate=(0.9, 0.9))
    alarm.on_log(arguments, state, control)

    assert alarm.sentence.startswith("Stopped at step 6 of 100: The policy has gone 0.90 nats")
    assert control.should_training_stop
