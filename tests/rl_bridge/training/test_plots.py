"""Plots of a run: one SVG a figure, whatever the log holds."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from rl_bridge.training.plots import draw_log, smooth

LOG = [
    {"step": 1, "epoch": 0.5, "loss": 2.0, "rewards/margins": 0.1, "num_tokens": 5.0, "learning_rate": 1e-3},
    {"step": 2, "epoch": 1.0, "loss": 1.0, "rewards/margins": 0.3, "num_tokens": 9.0, "learning_rate": 0.0},
    {"step": 2, "epoch": 1.0, "train_runtime": 3.0, "train_loss": 1.5, "total_flos": 7.0},
]


def test_each_figure_of_the_log_is_drawn_once(tmp_path: Path) -> None:
    drawn = draw_log(LOG, tmp_path / "plots", title="sft of tiny")

    assert [path.name for path in drawn] == ["learning-rate.svg", "loss.svg", "rewards-margins.svg"]
    for path in drawn:
        assert ElementTree.parse(path).getroot().tag.endswith("svg")


def test_one_point_is_no_line(tmp_path: Path) -> None:
    assert draw_log(LOG[:1], tmp_path / "plots", title="t") == []
    assert not (tmp_path / "plots").exists()


def test_text_and_missing_values_are_passed_over(tmp_path: Path) -> None:
    log = [{"step": 1, "note": "x", "loss": 1.0}, {"step": 2, "note": "y", "loss": float("nan")}]

    assert [path.name for path in draw_log(log, tmp_path, title="t")] == ["loss.svg"]


def test_the_smoothed_line_begins_at_the_first_value_and_follows() -> None:
    assert smooth([2.0]) == pytest.approx([2.0])
    assert smooth([2.0, 2.0, 2.0]) == pytest.approx([2.0, 2.0, 2.0])
    assert 1.0 < smooth([1.0] * 5 + [3.0])[-1] < 3.0
    assert smooth([]) == []
