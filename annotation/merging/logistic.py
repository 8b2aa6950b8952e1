"""Ridge logistic regression on soft targets: scikit-learn's `LogisticRegression(C=1)`, solved for our shape of data.

Each row counts `events` times as a 1 and `others` times as a 0. scikit-learn would need every row twice and start from
zero each time; Newton's method on the soft rows takes a fraction of the time, and for a judge turned upside down its
path is the mirror image, so that the posteriors are the same (docs/adr/merge-logistic.md). A test holds the two
against each other.
"""

import numpy as np

from annotation.merging.chain import Floats

MAX_ITERATIONS = 50
TOLERANCE = 1e-4
"""Newton's method doubles the right digits at each step: one of 1e-4 leaves an error of about 1e-8."""
SMALLEST_STEP = 1e-6
ROWS_A_CHUNK = 8_192
"""Rows handled at a time, so that what is computed for them stays in the processor's cache."""


def fit_logistic(features: Floats, events: Floats, others: Floats, start: Floats | None = None) -> Floats:
    """Minimise sum(events * log(1 + exp(-z)) + others * log(1 + exp(z))) + |w|^2 / 2 with z = features @ w + b.

    `features` (N, F; fastest in Fortran order), `events` and `others` (N,), all >= 0. Returns (F + 1,): w, then the
    unpenalised b. `start` warms up from an earlier answer. There must be both events and others, or b has no finite
    answer.
    """
    if start is None:
        start = np.zeros(features.shape[1] + 1)
        start[-1] = np.log(events.sum() / others.sum())
    theta, columns = start, np.ascontiguousarray(features.T)
    loss, gradient, hessian = _expand(theta, columns, events, others)
    for _ in range(MAX_ITERATIONS):
        step = np.linalg.solve(hessian, gradient)
        if float(np.abs(step).max()) < TOLERANCE:
            return theta - step
        size = 1.0
        while True:
            candidate = theta - size * step
            new_loss, gradient, hessian = _expand(candidate, columns, events, others)
            # Rounding alone may raise the loss by its last digits once the minimum is reached.
            if new_loss <= loss + 1e-9 * abs(loss) or size < SMALLEST_STEP:
                break
            size /= 2.0
        theta, loss = candidate, new_loss
    return theta


def _expand(theta: Floats, columns: Floats, events: Floats, others: Floats) -> tuple[float, Floats, Floats]:
    """Loss, gradient (F + 1,) and Hessian (F + 1, F + 1) at theta; `columns` (F, N), as numpy likes long rows."""
    penalty = np.append(np.ones(len(theta) - 1), 0.0)
    loss = float(theta[:-1] @ theta[:-1]) / 2.0
    gradient, hessian = penalty * theta, np.diag(penalty)
    for low in range(0, len(events), ROWS_A_CHUNK):
        rows = slice(low, low + ROWS_A_CHUNK)
        x, hits = columns[:, rows], events[rows]
        weights = hits + others[rows]
        log_odds = theta[:-1] @ x + theta[-1]
        tail = np.exp(-np.abs(log_odds))
        loss += float(weights @ (np.maximum(log_odds, 0.0) + np.log1p(tail)) - hits @ log_odds)
        p = np.where(log_odds >= 0.0, 1.0, tail) / (1.0 + tail)
        residual = weights * p - hits
        curvature = weights * p * (1.0 - p)
        weighted = x @ curvature
        gradient[:-1] += x @ residual
        gradient[-1] += residual.sum()
        hessian[:-1, :-1] += (x * curvature) @ x.T
        hessian[:-1, -1] += weighted
        hessian[-1, :-1] += weighted
        hessian[-1, -1] += curvature.sum()
    return loss, gradient, hessian
