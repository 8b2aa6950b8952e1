"""What each rater's -1, 0 and +1 mean: P(rating | state), learned for each rater and pulled towards the crew's.

One 3x3 matrix a rater (rows R, E, A; columns -1, 0, +1) with a Dirichlet prior, after Dawid & Skene 1979. The crew's
matrix is itself pooled over all raters, on top of a prior that reads the E row as "mostly -1".
"""

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from annotation.merging.chain import Beliefs, Floats
from annotation.merging.corpus import Labels
from annotation.merging.data import Matrix, RaterReport

PRIOR = np.array([[0.05, 0.15, 0.80], [0.70, 0.12, 0.18], [0.35, 0.15, 0.50]])
PRIOR_STRENGTH = 20.0
"""How many labels in each state the prior is worth against the whole crew's labels."""
CREW_STRENGTH = 10.0
"""How many labels in each state the crew's matrix is worth against one rater's."""


def count_labels(labels: Labels, beliefs: Beliefs, num_raters: int) -> Floats:
    """Expected labels of each rater in each state, (R, 3 states, 3 columns)."""
    cell = labels.rater * 3 + labels.column
    states = (beliefs.stands, beliefs.erred, beliefs.rested)
    counts = [np.bincount(cell, weights=state[labels.step], minlength=num_raters * 3) for state in states]
    return np.stack(counts, axis=1).reshape(num_raters, 3, 3).transpose(0, 2, 1).astype(np.float64)


def fit_crew(counts: Floats) -> Floats:
    """The crew's matrix, (3, 3), from expected counts (R, 3, 3)."""
    return _normalise(counts.sum(axis=0) + PRIOR_STRENGTH * PRIOR)


def fit_raters(counts: Floats, crew: Floats) -> Floats:
    """Each rater's matrix, (R, 3, 3): their own counts on top of the crew's matrix."""
    return _normalise(counts + CREW_STRENGTH * crew)


def weigh_evidence(labels: Labels, matrices: Floats, num_steps: int) -> tuple[Floats, Floats, Floats]:
    """Log-likelihood of each step's labels in R, E and A, each (S,).

    A step nobody judged has 0 in all three: `None` carries no evidence.
    """
    cell = labels.rater * 3 + labels.column
    logs = np.log(matrices).transpose(1, 0, 2).reshape(3, -1)
    right, error, rest = (
        np.bincount(labels.step, weights=row[cell], minlength=num_steps).astype(np.float64) for row in logs
    )
    return right, error, rest


def report_raters(
    raters: tuple[str, ...], labels: Labels, counts: Floats, crew: Floats
) -> tuple[RaterReport, ...]:
    """Matrix, sensitivity and specificity of each rater, with the Beta intervals that the Dirichlet rows imply."""
    evidence = counts + CREW_STRENGTH * crew
    num_labels = np.bincount(labels.rater, minlength=len(raters))
    return tuple(
        RaterReport(
            rater=rater,
            num_labels=int(num_labels[r]),
            matrix=to_matrix(_normalise(evidence[r])),
            sensitivity=_mean(evidence[r, 1, 0], evidence[r, 1].sum()),
            sensitivity_interval=_interval(evidence[r, 1, 0], evidence[r, 1].sum()),
            specificity=_mean(evidence[r, 0, 1:].sum(), evidence[r, 0].sum()),
            specificity_interval=_interval(evidence[r, 0, 1:].sum(), evidence[r, 0].sum()),
        )
        for r, rater in enumerate(raters)
    )


def to_matrix(values: npt.NDArray[np.float64]) -> Matrix:
    """A (3, 3) array as nested tuples."""
    (a, b, c), (d, e, f), (g, h, i) = values.tolist()
    return ((a, b, c), (d, e, f), (g, h, i))


def _normalise(counts: Floats) -> Floats:
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))


def _mean(part: float, whole: float) -> float:
    return float(part / whole)


def _interval(part: float, whole: float) -> tuple[float, float]:
    low, high = betaincinv(part, whole - part, np.array([0.025, 0.975])).tolist()
    return low, high
