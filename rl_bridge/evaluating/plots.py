"""Plots of an evaluation: rates with their intervals, and calibration. SVG, drawn without a display."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from rl_bridge.evaluating.confidence import ConfidenceFigures
from rl_bridge.evaluating.intervals import Estimate
from rl_bridge.evaluating.results import JudgeResult, PolicyResult
from rl_bridge.training.plots import save_figure

_COLOURS = ("#7a8699", "#1f5fbf", "#c2571a", "#2f7d4f", "#8a3fa0")


def draw_results(folder: Path, policies: Sequence[PolicyResult], judges: Sequence[JudgeResult]) -> list[Path]:
    """Draw what there is: policies' rates side by side, judges' first-error F1, and the calibration of each."""
    drawn: list[Path] = []
    if policies:
        bars = {policy.name: policy.estimates for policy in policies}
        drawn.append(draw_bars(bars, folder / "rates.svg", label="share of prompts"))
        votes = {policy.name: policy.votes for policy in policies}
        drawn.append(draw_calibration(votes, folder / "votes.svg", title="How sure the votes are"))
    if judges:
        f1 = {judge.name: {"first-error F1": judge.first_errors.f1} for judge in judges}
        drawn.append(draw_bars(f1, folder / "first-errors.svg", label="F1"))
        steps = {judge.name: judge.steps for judge in judges}
        drawn.append(draw_calibration(steps, folder / "steps.svg", title="How sure the judges are of steps"))
    return drawn


def draw_bars(series: dict[str, dict[str, Estimate]], path: Path, *, label: str) -> Path:
    """Groups of bars with 95 % intervals: a group for each figure, a bar in it for each series that has it."""
    names = list(dict.fromkeys(name for estimates in series.values() for name in estimates))
    figure = Figure(figsize=(max(5.0, 1.5 + 1.4 * len(names)), 3.6), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(series)
    for place, (title, estimates) in enumerate(series.items()):
        known = [(i, estimates[name]) for i, name in enumerate(names) if name in estimates]
        told = [(i, found, found.value) for i, found in known if found.value is not None]
        at = [i + (place - (len(series) - 1) / 2) * width for i, _, _ in told]
        heights = [value for _, _, value in told]
        below = [value - (value if found.low is None else found.low) for _, found, value in told]
        above = [(value if found.high is None else found.high) - value for _, found, value in told]
        colour = _COLOURS[place % len(_COLOURS)]
        axes.bar(at, heights, width * 0.9, label=title, color=colour)
        axes.errorbar(at, heights, yerr=[below, above], fmt="none", ecolor="#222222", capsize=3, linewidth=1)
    axes.set_xticks(range(len(names)), names)
    axes.set(ylim=(0, 1), ylabel=label)
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False)
    return save_figure(figure, path)


def draw_calibration(series: dict[str, ConfidenceFigures], path: Path, *, title: str) -> Path:
    """Mean probability against the share that was right, a point a bin, its size by how many claims are in it."""
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
    for place, (name, figures) in enumerate(series.items()):
        x = [each.mean_probability for each in figures.bins]
        y = [each.share_right for each in figures.bins]
        sizes = [12 + 160 * each.num_claims / figures.num_claims for each in figures.bins]
        colour = _COLOURS[place % len(_COLOURS)]
        axes.plot(x, y, color=colour, linewidth=1)
        axes.scatter(x, y, s=sizes, color=colour, label=name, alpha=0.8)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability said", ylabel="share right", title=title)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return save_figure(figure, path)
