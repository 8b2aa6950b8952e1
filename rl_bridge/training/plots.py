"""Plots of a run: each figure of its log by step. SVG, drawn without a display."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

_NOT_PLOTTED = ("step", "epoch", "_runtime", "_per_second", "total_flos", "num_tokens", "train_loss")
_SMOOTHED_OVER = 0.9  # weight of what came before, in the thicker line


def draw_log(log: Sequence[Mapping[str, Any]], folder: Path, *, title: str) -> list[Path]:
    """Draw one SVG for each figure that was logged at two steps or more; returns the files, by name."""
    series: dict[str, list[tuple[int, float]]] = {}
    for entry in log:
        for name, value in entry.items():
            if isinstance(value, int | float) and not name.endswith(_NOT_PLOTTED):
                series.setdefault(name, []).append((int(entry["step"]), float(value)))
    return [
        draw_line(points, folder / f"{_slug(name)}.svg", title=title, label=name)
        for name, points in sorted(series.items())
        if len(points) > 1
    ]


def draw_line(points: Sequence[tuple[float, float]], path: Path, *, title: str, label: str) -> Path:
    """One series by step, with its exponential mean as a thicker line."""
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.subplots()
    steps = [step for step, _ in points]
    values = [value for _, value in points]
    axes.plot(steps, values, color="#9db4d6", linewidth=1)
    axes.plot(steps, smooth(values), color="#1f5fbf", linewidth=2)
    axes.set(xlabel="step", ylabel=label, title=title)
    axes.grid(alpha=0.3)
    return save_figure(figure, path)


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as SVG, the same bytes for the same figure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasSVG(figure)
    figure.savefig(path, metadata={"Date": None})
    return path


def smooth(values: Sequence[float]) -> list[float]:
    """The exponential mean, corrected for its start (as Adam does)."""
    smoothed: list[float] = []
    total = 0.0
    for count, value in enumerate(values, start=1):
        total = _SMOOTHED_OVER * total + (1 - _SMOOTHED_OVER) * value
        smoothed.append(total / (1 - _SMOOTHED_OVER**count))
    return smoothed


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
