"""The share of all scored traces in which a rater finds an error: from the traces that people rated and from judges.

One figure, used twice: the agreement page shows it for all that was rated, and "what would more labels buy" measures
how wide its interval is with fewer ratings. Gold has no part in it, since it was chosen and not drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from annotation.measuring.prediction_powered import PoweredMean, estimate_mean
from annotation.measuring.rows import BlindRating, Scores, Selected
from annotation.rules.rating import verdict


@dataclass(frozen=True, slots=True)
class RatedErrors:
    """`shares`: the share of raters who found an error, of each trace that was drawn, rated blind and scored;
    `probabilities`: with which each of them was drawn; `predictions`: the judges', of every scored trace."""

    shares: Mapping[int, float]
    probabilities: Mapping[int, float]
    predictions: Mapping[int, float]

    def estimate(self, traces: Iterable[int] | None = None) -> PoweredMean | None:
        """The figure, from these of the rated traces alone (all where None); None with too few."""
        known = list(self.shares if traces is None else traces)
        return estimate_mean(
            [self.shares[trace] for trace in known],
            [self.predictions[trace] for trace in known],
            list(self.predictions.values()),
            probabilities=[self.probabilities[trace] for trace in known],
        )


def collect_errors(
    rated: Mapping[int, Sequence[BlindRating]], scores: Sequence[Scores], selected: Sequence[Selected]
) -> RatedErrors:
    """rated: the blind ratings of each trace; selected: traces that were drawn, without gold."""
    predictions = predict_errors(scores)
    probabilities = {one.trace: one.probability for one in selected}
    known = [trace for trace in sorted(rated) if trace in predictions and trace in probabilities]
    return RatedErrors(
        {trace: sum(verdict(one.labels) for one in rated[trace]) / len(rated[trace]) for trace in known},
        {trace: probabilities[trace] for trace in known},
        predictions,
    )


def predict_errors(scores: Sequence[Scores]) -> dict[int, float]:
    """The probability of an error in each scored trace: 1 − its weakest step's probability, mean over judges."""
    found: dict[int, list[float]] = {}
    for one in scores:
        known = [p for p in one.probabilities if p is not None]
        if known:
            found.setdefault(one.trace, []).append(1.0 - min(known))
    return {trace: sum(errors) / len(errors) for trace, errors in sorted(found.items())}
