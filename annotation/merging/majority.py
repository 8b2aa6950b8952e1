"""The plain policy: the share of a step's raters who let it stand (0 or +1), for those who want no model.

After an error a step cannot count as standing again unless recovery is on, and a step nobody judged (a rater stopped
before it) takes over from the step before it.
"""

from dataclasses import dataclass

import numpy as np

from annotation.merging.chain import FirstErrors, Floats
from annotation.merging.corpus import Bools, Corpus


@dataclass(frozen=True, slots=True)
class Shares:
    """P(stands) of each step (S,), the first-error beliefs that it implies, and which traces (T,) it speaks for."""

    stands: Floats
    first_errors: FirstErrors
    has_rating: Bools


def count_majority(corpus: Corpus, recovery: bool) -> Shares:
    """Shares of raters for every step; gold steps are what they are. Traces without any rating have no meaning here."""
    judged = np.bincount(corpus.labels.step, minlength=corpus.num_steps)
    stood = np.bincount(corpus.labels.step[corpus.labels.column > 0], minlength=corpus.num_steps)
    share = np.where(judged > 0, stood / np.maximum(judged, 1), np.nan)
    share = np.where(np.isnan(corpus.gold), share, corpus.gold)
    first_at, none = np.zeros(corpus.num_steps), np.zeros(len(corpus.traces))
    stands = np.empty(corpus.num_steps)
    clean = np.ones(len(corpus.traces))
    before = np.ones(len(corpus.traces))
    for t in range(int(corpus.lengths.max(initial=0))):
        running = np.flatnonzero(corpus.lengths > t)
        steps = corpus.starts[running] + t
        now = np.where(np.isnan(share[steps]), before[running], share[steps])
        if not recovery:
            now = np.where(np.isnan(corpus.gold[steps]), np.minimum(now, before[running]), now)
        stands[steps], before[running] = now, now
        still_clean = np.minimum(clean[running], now)
        first_at[steps], clean[running] = clean[running] - still_clean, still_clean
    none[:] = clean
    return Shares(stands, FirstErrors(first_at, none), (corpus.num_raters > 0) | corpus.is_gold)
