"""Why one trace has the posterior it has: what each rating and each judge moved, step by step.

Recomputes the trace from what a merge run stored (its diagnostics) and the trace's own rows, then once more without
each source. A source's contribution at a step is P(stands) with everything minus P(stands) without that source, so
+0.2 reads "this rating raised the step by 20 points". Contributions do not add up to the whole: two raters who agree
can each be removed without much happening. A judge is taken out by setting its features to their average.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from annotation.merging.chain import Floats, forward_backward, pack
from annotation.merging.corpus import Corpus, build_corpus
from annotation.merging.data import (
    ChainFit,
    Diagnostics,
    JudgeRow,
    MergedTrace,
    MergeInput,
    MergeInputError,
    RatingRow,
    TraceRow,
    TransitionModel,
)
from annotation.merging.features import View, compute_features, view_traces
from annotation.merging.fit import apply_gold, clamp_gold
from annotation.merging.majority import count_majority
from annotation.merging.raters import weigh_evidence
from annotation.merging.transitions import predict_transition, scale_features

UNDECIDED = 0.5


@dataclass(frozen=True, slots=True)
class Contribution:
    """How much one source moved each step's P(stands): with it minus without it, one number a step in [-1, 1]."""

    source: str
    kind: Literal["rating", "judge"]
    changes: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A trace's posterior taken apart.

    `hazards` is P(error | the steps before stand) at each step as position and judges have it, before any rating;
    `without_sources` the posterior that is left when nobody is heard. Both are empty where there is no chain.
    """

    trace_id: str
    posterior: tuple[float, ...]
    hazards: tuple[float, ...]
    without_sources: tuple[float, ...]
    contributions: tuple[Contribution, ...]


def explain(
    merged: MergedTrace,
    trace: TraceRow,
    ratings: Sequence[RatingRow],
    judges: Sequence[JudgeRow],
    diagnostics: Diagnostics,
) -> Explanation:
    """Take apart what a merge said of one trace. `ratings` and `judges` are that trace's rows as the merge had them.

    Raises MergeInputError when the rows are not of this trace, or the run holds no fit that explains it.
    """
    if not merged.posterior:
        return Explanation(trace.trace_id, (), (), (), ())
    if trace.decided is not None and trace.gold is None:  # nobody's word moved it
        return Explanation(trace.trace_id, merged.posterior, (), (), ())
    spoke = sorted((row for row in judges if row.judge in merged.judges), key=lambda row: row.judge)
    ratings = sorted(ratings, key=lambda row: row.rater)
    if diagnostics.policy.name == "majority":
        return _explain_majority(trace, ratings, recovery=diagnostics.policy.recovery == "learned")
    fit = diagnostics.joint if merged.judges else diagnostics.people
    if fit is None:
        raise MergeInputError(f"this merge run stored no fit that explains trace {trace.trace_id!r}")
    bench = _Bench(fit, merged, trace, spoke, diagnostics.policy.use_verdict)
    judge_names = [row.judge for row in spoke]
    whole = bench.believe(ratings, silent=())
    by_rating = [
        _contribute(
            row.rater, "rating", whole, bench.believe([other for other in ratings if other != row], silent=())
        )
        for row in ratings
    ]
    by_judge = [
        _contribute(name, "judge", whole, bench.believe(ratings, silent=(name,))) for name in judge_names
    ]
    return Explanation(
        trace_id=trace.trace_id,
        posterior=tuple(whole.tolist()),
        hazards=tuple(bench.hazard(silent=()).tolist()),
        without_sources=tuple(bench.believe([], silent=tuple(judge_names)).tolist()),
        contributions=(*by_rating, *by_judge),
    )


class _Bench:
    """One trace and the stored fit, to be recomputed with some of its sources left out."""

    def __init__(
        self, fit: ChainFit, merged: MergedTrace, trace: TraceRow, judges: list[JudgeRow], use_verdict: bool
    ) -> None:
        self.fit, self.trace, self.judges = fit, trace, judges
        self.use_verdict = use_verdict and bool(merged.judges)
        self.fold = -1 if merged.fold is None else merged.fold
        self.names = merged.judges
        self.matrices = {report.rater: report.matrix for report in fit.raters}

    def believe(self, ratings: Sequence[RatingRow], silent: tuple[str, ...]) -> Floats:
        """P(stands) of each step, (S,), from these ratings and from the judges that are not silent."""
        corpus, view = self._lay_out(ratings)
        matrices = np.array([self.matrices.get(rater, self.fit.crew) for rater in corpus.raters]).reshape(
            -1, 3, 3
        )
        evidence = weigh_evidence(corpus.labels, matrices, corpus.num_steps)
        hazard = self._predict(corpus, view, self.fit.hazards, silent)
        recovery = self._predict(corpus, view, self.fit.recoveries, silent)
        beliefs, _ = forward_backward(pack(view.lengths), hazard, recovery, evidence)
        gold, is_gold_step = clamp_gold(corpus, view)
        return np.clip(apply_gold(beliefs, gold, is_gold_step).stands, 0.0, 1.0)

    def hazard(self, silent: tuple[str, ...]) -> Floats:
        """P(error | stood so far) of each step, (S,)."""
        return self._predict(*self._lay_out([]), self.fit.hazards, silent)

    def _lay_out(self, ratings: Sequence[RatingRow]) -> tuple[Corpus, View]:
        corpus = build_corpus(MergeInput([self.trace], ratings, self.judges))
        return corpus, view_traces(corpus, np.zeros(1, dtype=np.int64))

    def _predict(
        self, corpus: Corpus, view: View, models: tuple[TransitionModel, ...], silent: tuple[str, ...]
    ) -> Floats:
        if not models:
            return np.zeros(len(view.steps))
        by_judges = {model.judges: model for model in models}
        model = by_judges.get(self.names, by_judges[()])
        scaled = np.zeros((len(view.steps), 0))
        if model.features:
            raw = compute_features(corpus, view, model.judges, self.use_verdict and bool(model.judges))
            scaled = scale_features(raw, np.array(model.means), np.array(model.scales))
            hushed = [name.startswith(tuple(f"{judge}: " for judge in silent)) for name in model.features]
            scaled[:, hushed] = 0.0
        return predict_transition(model, scaled, np.full(len(view.steps), self.fold))


def _explain_majority(trace: TraceRow, ratings: Sequence[RatingRow], recovery: bool) -> Explanation:
    def share(rows: Sequence[RatingRow]) -> Floats:
        shares = count_majority(build_corpus(MergeInput([trace], rows)), recovery)
        return shares.stands if shares.has_rating[0] else np.full(trace.num_steps, UNDECIDED)

    whole = share(ratings)
    contributions = tuple(
        _contribute(row.rater, "rating", whole, share([other for other in ratings if other != row]))
        for row in ratings
    )
    return Explanation(trace.trace_id, tuple(whole.tolist()), (), (), contributions)


def _contribute(
    source: str, kind: Literal["rating", "judge"], whole: Floats, without: Floats
) -> Contribution:
    return Contribution(source, kind, tuple((whole - without).tolist()))
