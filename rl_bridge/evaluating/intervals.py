"""Bootstrap intervals over groups of rows: what belongs to one prompt is drawn together, since it goes together.

Efron 1979, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7(1); percentile intervals of
95 %. A measure is a function of sums over groups, so that a resample is a row of counts and a thousand of them one
product of matrices.
"""

import dataclasses
from collections.abc import Callable, Hashable, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Measure = Callable[[Floats], Floats]
"""(B, K) sums to (B,) values; nan where the sums say nothing."""

NUM_RESAMPLES = 2_000
MIN_GROUPS = 5
"""With fewer groups no interval is given: a bootstrap's would be far too narrow."""
_LEAST_SHARE_KNOWN = 0.9
_SEED = 20260301


@dataclasses.dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval, and the number of groups it rests on. None: too little to say."""

    value: float | None
    low: float | None
    high: float | None
    num_groups: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    def __str__(self) -> str:
        if self.value is None:
            return "—"
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def sum_groups(groups: Sequence[Hashable], rows: Sequence[Sequence[float]], width: int) -> Floats:
    """(G, K) sums of N rows of K = `width` numbers, by the group of each row, in the groups' first order."""
    places = {group: i for i, group in enumerate(dict.fromkeys(groups))}
    sums = np.zeros((len(places), width))
    for group, row in zip(groups, rows, strict=True):
        sums[places[group]] += row
    return sums


def bootstrap(sums: Floats, measure: Measure, *, num_resamples: int = NUM_RESAMPLES) -> Estimate:
    """The measure over all groups, with its interval from resampled groups; the same every time. `sums` is (G, K)."""
    num_groups = len(sums)
    if num_groups == 0:
        return Estimate(None, None, None, 0)
    value = float(measure(sums.sum(axis=0, keepdims=True))[0])
    if not np.isfinite(value):
        return Estimate(None, None, None, num_groups)
    if num_groups < MIN_GROUPS:
        return Estimate(value, None, None, num_groups)
    source = np.random.default_rng(_SEED)
    counts = source.multinomial(num_groups, np.full(num_groups, 1 / num_groups), size=num_resamples)
    resampled = measure(counts.astype(np.float64) @ sums)
    known = resampled[np.isfinite(resampled)]
    if len(known) < _LEAST_SHARE_KNOWN * num_resamples:
        return Estimate(value, None, None, num_groups)
    low, high = (float(edge) for edge in np.quantile(known, [0.025, 0.975]))
    if high - low < 1e-12:  # every resample says the same, which does not make it certain
        return Estimate(value, None, None, num_groups)
    return Estimate(value, low, high, num_groups)


def bootstrap_mean(values: Sequence[float]) -> Estimate:
    """The mean of one number a group, with its interval."""
    rows = np.column_stack([np.asarray(values, dtype=np.float64), np.ones(len(values))])
    return bootstrap(rows, mean_of_sums)


def bootstrap_difference(after: Sequence[float], before: Sequence[float]) -> Estimate:
    """The mean of `after` − `before`, paired: both hold one number a group, of the same groups in the same order."""
    return bootstrap_mean([a - b for a, b in zip(after, before, strict=True)])


def mean_of_sums(sums: Floats) -> Floats:
    """(B, 2) sums of a number and of how many there were, to means."""
    return divide(sums[:, 0], sums[:, 1])


def divide(part: Floats, whole: Floats) -> Floats:
    """part / whole, nan where the whole is 0."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
