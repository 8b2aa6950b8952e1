"""Steps on which a judge and people both speak: the ROC curve, its area, and sums by trace for other measures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from annotation.measuring.resampling import MIN_TRACES, Estimate, Floats, divide, draw_weights, summarise

MIN_ERRORS = 5
"""With fewer errors, or fewer sound steps, no ROC is drawn."""
_MOST_ROC_POINTS = 200

Case = tuple[Sequence[float | None], Sequence[bool | None]]
"""A trace: the judge's probability of each of S steps, and whether people say that it stands."""


class JudgedSteps:
    """The steps on which both judge and people speak, (N,) arrays, and the trace each belongs to."""

    def __init__(self, cases: Sequence[Case]) -> None:
        rows = [
            (index, p, stands)
            for index, (probabilities, stands_of) in enumerate(cases)
            for p, stands in zip(probabilities, stands_of, strict=True)
            if p is not None and stands is not None
        ]
        self.trace = np.array([row[0] for row in rows], dtype=np.int64)
        self.p = np.array([row[1] for row in rows], dtype=np.float64)
        self.stands = np.array([row[2] for row in rows], dtype=bool)
        self.num_traces = len(cases)

    @property
    def can_rank(self) -> bool:
        return min(int(self.stands.sum()), int((~self.stands).sum())) >= MIN_ERRORS

    def sum_by_trace(self, columns: Sequence[Floats]) -> Floats:
        """(T, K) sums of step columns, for traces with a step."""
        sums = np.stack(
            [np.bincount(self.trace, weights=column, minlength=self.num_traces) for column in columns], axis=1
        )
        return np.asarray(sums[np.bincount(self.trace, minlength=self.num_traces) > 0])

    def measure_auc(self) -> Estimate:
        """The area under the ROC curve, ties counting half (Mann & Whitney 1947)."""
        num_traces = len(np.unique(self.trace))
        if not self.can_rank or num_traces < MIN_TRACES:
            return Estimate(None, None, None, num_traces)
        order = np.argsort(self.p, kind="stable")
        starts = np.flatnonzero(np.diff(self.p[order], prepend=-1.0))
        sound, trace = self.stands[order], np.unique(self.trace, return_inverse=True)[1][order]

        def area(weights: Floats) -> Floats:
            by_step = weights[:, trace]
            errors = np.add.reduceat(np.where(sound, 0.0, by_step), starts, axis=1)
            rights = np.add.reduceat(np.where(sound, by_step, 0.0), starts, axis=1)
            above = rights.sum(axis=1, keepdims=True) - np.cumsum(rights, axis=1)
            won = (errors * (above + rights / 2.0)).sum(axis=1)
            return divide(won, errors.sum(axis=1) * rights.sum(axis=1))

        value = float(area(np.ones((1, num_traces)))[0])
        chunk = max(1, 2_000_000 // len(self.p))
        drawn = [
            area(weights[start : start + chunk])
            for weights in draw_weights(num_traces)
            for start in range(0, len(weights), chunk)
        ]
        return summarise(value, np.concatenate(drawn), num_traces)

    def draw_roc(self) -> tuple[tuple[float, float], ...]:
        """The curve over all thresholds, a step called bad where its probability is below; thinned to 200 points."""
        if not self.can_rank:
            return ()
        order = np.argsort(self.p, kind="stable")
        ends = np.flatnonzero(np.diff(self.p[order], append=2.0))
        found = np.concatenate([[0.0], np.cumsum(~self.stands[order])[ends] / (~self.stands).sum()])
        alarms = np.concatenate([[0.0], np.cumsum(self.stands[order])[ends] / self.stands.sum()])
        if len(found) > _MOST_ROC_POINTS:
            kept = np.unique(np.linspace(0, len(found) - 1, _MOST_ROC_POINTS).round().astype(np.int64))
            found, alarms = found[kept], alarms[kept]
        return tuple((round(float(a), 4), round(float(b), 4)) for a, b in zip(alarms, found, strict=True))
