"""Measures a process reward model against step labels."""

from collections.abc import Sequence

from rl_bridge.data import IGNORED, StepwiseRow
from rl_bridge.layout import TraceTooLong
from rl_bridge.prm import Prm, TraceToScore, score_traces


def measure_steps(opened: Prm, rows: Sequence[StepwiseRow], *, prefix: str) -> dict[str, float]:
    """Accuracy at 0.5, its balanced form and AUC over labelled steps, as `<prefix>_<metric>`; empty without labels.

    A metric that needs both classes is left out where only one occurs. Traces that don't fit the PRM are left out: see
    `list_fitting`, which tells them.
    """
    fitting = list_fitting(opened, rows)
    scored = score_traces(opened, [TraceToScore(prompt=row.prompt, steps=row.steps) for row in fitting])
    labels: list[int] = []
    scores: list[float] = []
    for row, row_scores in zip(fitting, scored, strict=True):
        for label, score in zip(row.labels, row_scores, strict=True):
            if label != IGNORED:
                labels.append(label)
                scores.append(score)
    return {f"{prefix}_{name}": value for name, value in measure_scores(labels, scores).items()}


def list_fitting(opened: Prm, rows: Sequence[StepwiseRow]) -> list[StepwiseRow]:
    """The rows that the PRM can read whole."""
    return [row for row in rows if _fits(opened, row)]


def measure_scores(labels: Sequence[int], scores: Sequence[float]) -> dict[str, float]:
    """The metrics of `measure_steps` for N labels in {0, 1} and N probabilities."""
    if not labels:
        return {}
    hits = [(score >= 0.5) == (label == 1) for label, score in zip(labels, scores, strict=True)]
    metrics = {
        "num_steps": float(len(labels)),
        "standing_share": sum(labels) / len(labels),
        "accuracy": sum(hits) / len(hits),
    }
    standing = [hit for hit, label in zip(hits, labels, strict=True) if label == 1]
    failing = [hit for hit, label in zip(hits, labels, strict=True) if label == 0]
    if standing and failing:
        metrics["balanced_accuracy"] = (sum(standing) / len(standing) + sum(failing) / len(failing)) / 2
        metrics["auc"] = measure_auc(labels, scores)
    return metrics


def measure_auc(labels: Sequence[int], scores: Sequence[float]) -> float:
    """P(a standing step scores above a failing one), ties counting half: the Mann–Whitney statistic by mid-ranks."""
    order = sorted(range(len(scores)), key=lambda i: scores[i])
    rank_sum = 0.0
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and scores[order[end]] == scores[order[start]]:
            end += 1
        mid_rank = (start + 1 + end) / 2
        rank_sum += mid_rank * sum(labels[i] for i in order[start:end])
        start = end
    num_standing = sum(labels)
    num_failing = len(labels) - num_standing
    return (rank_sum - num_standing * (num_standing + 1) / 2) / (num_standing * num_failing)


def _fits(opened: Prm, row: StepwiseRow) -> bool:
    try:
        opened.encoder.encode(row.prompt, row.steps)
    except TraceTooLong:
        return False
    return True
