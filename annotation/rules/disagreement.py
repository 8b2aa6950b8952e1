"""Where people disagree about a trace, and how much an adjudicator's decision would tell: the order of review.

Each rating claims one place of the first error (or none, or that the prompt is broken). A trace is a **disagreement**
where two claims differ, or where the merge finds another likeliest first error than all its raters claim.

A decision names the true place, so what it is expected to tell is the entropy of the place's distribution, in bits
(Shannon 1948). That distribution is the merge's, where one has read all the ratings, since it knows how reliable each
rater is: a careless rater's word against a careful one's is settled already and comes late. Until then it is the share
of the raters that claim each place.

Labels after the first error decide nothing here, also where a project lets raters go on: a chain of steps falls with
its first one (docs/adr/decisions.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import log2
from typing import Literal

from annotation.rules.rating import Labels, first_error

NO_ERROR = -1
BAD_PROBLEM = -2
Claim = int
"""The index of the first error, NO_ERROR or BAD_PROBLEM."""


@dataclass(frozen=True)
class Finding:
    """A disagreement: who disagrees, and how many bits a decision is expected to tell."""

    between: Literal["raters", "merge"]
    bits: float


def claim_of(labels: Labels) -> Claim:
    """What a rating of the steps claims. labels: S labels."""
    error = first_error(labels)
    return NO_ERROR if error is None else error


def find_disagreement(
    claims: Collection[Claim], *, posterior: Sequence[float | None] = (), merged_claim: Claim | None = None
) -> Finding | None:
    """Whether these claims on one trace disagree; None where they don't, or there is none.

    posterior: P(step stands) for each of S steps by a merge that read all these ratings, empty where there is none;
    merged_claim: its likeliest first error, -1 for none.
    """
    distinct = set(claims)
    known = [p for p in posterior if p is not None]
    has_merge = bool(known) and len(known) == len(posterior)
    if len(distinct) > 1:
        places = spread_first_error(known) if has_merge else [float(n) for n in Counter(claims).values()]
        return Finding("raters", entropy_bits(places))
    is_contradicted = has_merge and merged_claim is not None and merged_claim not in distinct
    if distinct and BAD_PROBLEM not in distinct and is_contradicted:
        return Finding("merge", entropy_bits(spread_first_error(known)))
    return None


def spread_first_error(posterior: Sequence[float]) -> list[float]:
    """The probability that the first error is at each of S steps, then that there is none, from P(step stands).

    Without recovery these are the falls of the posterior. With recovery it may rise again; rises count as nothing and
    the rest is scaled to one, an approximation.
    """
    falls = [max(0.0, before - after) for before, after in zip([1.0, *posterior], posterior, strict=False)]
    places = [*falls, posterior[-1] if posterior else 1.0]
    total = sum(places)
    return [place / total for place in places] if total > 0.0 else places


def entropy_bits(weights: Sequence[float]) -> float:
    """The entropy in bits of a distribution given by weights that need not sum to one; 0 where all are 0."""
    total = sum(weights)
    if total <= 0.0:
        return 0.0
    shares = [weight / total for weight in weights if weight > 0.0]
    return max(0.0, -sum(share * log2(share) for share in shares))
