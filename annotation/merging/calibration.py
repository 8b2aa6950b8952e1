"""Which judges may speak for a trace: only a set of judges that people's ratings have calibrated.

A trace is scored by some set of judges. The set is calibrated when enough human-rated traces carry its scores, enough
errors are expected on them, and on prompts it was not fitted on its hazard explains them better, by more than one
standard error, than the relative position alone (so a constant judge or pure noise gives no `ai` rows). A set that
is not loses its least known judge and tries again.
"""

from dataclasses import dataclass, field
from heapq import heapreplace

import numpy as np

from annotation.merging.chain import Floats, Ints
from annotation.merging.corpus import Bools, Corpus
from annotation.merging.data import CalibrationReport, TransitionModel
from annotation.merging.features import View, compute_features, name_features, narrow_view
from annotation.merging.transitions import (
    Standard,
    fit_transition,
    predict_transition,
    scale_features,
    standardise_over,
)

MIN_TRACES = 30
MIN_EXPECTED_ERRORS = 10.0
NUM_FOLDS = 5
MIN_GAIN = 1e-3
"""Nats by which judges must improve the hazard at the very least: less is rounding."""
MAX_JUDGE_SETS = 32
"""Traces with rarer combinations of more than two judges use a calibrated part of theirs."""
FEW_JUDGES = 2

JudgeNames = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """`sets` are calibrated; `set_of` (T,) is each trace's, -1 where it has none; `folds` (T,), -1 where not rated.

    `scored` (T, J) says which judges scored at least one step of a trace.
    """

    sets: tuple[JudgeNames, ...]
    standards: tuple[Standard, ...]
    set_of: Ints
    folds: Ints
    scored: Bools
    reports: tuple[CalibrationReport, ...]


@dataclass(frozen=True, slots=True)
class Targets:
    """Expected events and others at each step of `view`, and which of its traces may calibrate a judge."""

    view: View
    events: Floats
    others: Floats
    calibrates: Bools


@dataclass(frozen=True, slots=True)
class Support:
    """What a judge set is fitted on: its calibrating traces, and their steps' events, others and folds, (N,)."""

    view: View
    events: Floats
    others: Floats
    folds: Ints


def assign_folds(corpus: Corpus, traces: Ints) -> Ints:
    """Cross-fitting fold of each trace by prompt, (T,); -1 for traces not listed, and for all with one prompt.

    As scikit-learn's `GroupKFold` does it: the largest prompt first, each to the fold that is lightest so far.
    (Importing scikit-learn itself would bring pandas into the web process.)
    """
    folds = np.full(len(corpus.traces), -1, dtype=np.int64)
    _, group, sizes = np.unique(corpus.prompt_of[traces], return_inverse=True, return_counts=True)
    num_folds = min(NUM_FOLDS, len(sizes))
    if num_folds >= 2:
        fold_of = np.empty(len(sizes), dtype=np.int64)
        loads = [(0, fold) for fold in range(num_folds)]
        for prompt in np.argsort(-sizes, kind="stable").tolist():
            load, fold = loads[0]
            fold_of[prompt] = fold
            heapreplace(loads, (load + int(sizes[prompt]), fold))
        folds[traces] = fold_of[group]
    return folds


def calibrate_judges(corpus: Corpus, targets: Targets, folds: Ints, use_verdict: bool) -> Calibration:
    """Find the calibrated judge set of every trace. `targets` come from people alone."""
    scored = np.zeros((len(corpus.traces), len(corpus.judges)), dtype=bool)
    for j, score in enumerate(corpus.log_odds):
        scored[:, j] = np.logical_or.reduceat(~np.isnan(score), corpus.starts[:-1])
    patterns, pattern_of, sizes = np.unique(scored, axis=0, return_inverse=True, return_counts=True)
    bench = _Bench(corpus, targets, folds, use_verdict, scored)
    chosen = np.full(len(patterns), -1, dtype=np.int64)
    for i in np.argsort(-sizes, kind="stable"):
        judges = tuple(name for name, is_scored in zip(corpus.judges, patterns[i], strict=True) if is_scored)
        chosen[i] = bench.choose(judges)
    return Calibration(
        sets=tuple(bench.standards),
        standards=tuple(bench.standards.values()),
        set_of=chosen[pattern_of.reshape(-1)],
        folds=folds,
        scored=scored,
        reports=tuple(bench.reports.values()),
    )


@dataclass
class _Bench:
    """Judge sets tried so far; those calibrated have their features' standard."""

    corpus: Corpus
    targets: Targets
    folds: Ints
    use_verdict: bool
    scored: Bools
    standards: dict[JudgeNames, Standard] = field(default_factory=dict)
    reports: dict[JudgeNames, CalibrationReport] = field(default_factory=dict)

    def choose(self, judges: JudgeNames) -> int:
        """Place in `standards` of the given judges, or of as many of them as are calibrated; -1 for none."""
        while judges:
            is_rare = judges not in self.standards and len(self.standards) >= MAX_JUDGE_SETS
            if is_rare and len(judges) > FEW_JUDGES:
                part = self._largest_part(judges)
                if part >= 0:
                    return part
            elif self.examine(judges).is_calibrated:
                return self._include(judges)
            judges = self._drop_one(judges)
        return -1

    def _include(self, judges: JudgeNames) -> int:
        if judges not in self.standards:
            support = find_support(self.corpus, self.targets, self.folds, self.scored, judges)
            raw = compute_features(self.corpus, support.view, judges, self.use_verdict)
            self.standards[judges] = standardise_over(raw, support.events + support.others)
        return list(self.standards).index(judges)

    def _largest_part(self, judges: JudgeNames) -> int:
        known = list(self.standards)
        parts = [i for i, judge_set in enumerate(known) if set(judge_set) <= set(judges)]
        return max(parts, key=lambda i: (len(known[i]), -i), default=-1)

    def _drop_one(self, judges: JudgeNames) -> JudgeNames:
        if len(judges) == 1:
            return ()
        alone = {name: self.examine((name,)) for name in judges}
        weakest = min(judges, key=lambda name: (alone[name].num_traces, alone[name].gain, name))
        return tuple(name for name in judges if name != weakest)

    def examine(self, judges: JudgeNames) -> CalibrationReport:
        """Count and test one set; remembered."""
        if judges not in self.reports:
            support = find_support(self.corpus, self.targets, self.folds, self.scored, judges)
            self.reports[judges] = self._examine(judges, support)
        return self.reports[judges]

    def _examine(self, judges: JudgeNames, support: Support) -> CalibrationReport:
        num_traces, errors = len(support.view.traces), float(support.events.sum())
        gain, deviation = 0.0, 0.0
        if num_traces < MIN_TRACES:
            reason = f"{num_traces} human-rated traces carry its scores; {MIN_TRACES} are needed"
        elif errors < MIN_EXPECTED_ERRORS:
            reason = f"{errors:.1f} errors are expected on them; {MIN_EXPECTED_ERRORS:g} are needed"
        elif len(np.unique(support.folds)) < 2:
            reason = "they answer too few prompts to fit on some and check on others"
        else:
            gain, deviation = self._measure_gain(judges, support)
            reason = (
                ""
                if gain > max(deviation, MIN_GAIN)
                else "its scores tell no more than the position of a step does"
            )
        return CalibrationReport(judges, not reason, reason, num_traces, errors, gain, deviation)

    def _measure_gain(self, judges: JudgeNames, support: Support) -> tuple[float, float]:
        with_judges, without = self._hold_out(judges, support), self._hold_out((), support)
        prompts = self.corpus.prompt_of[support.view.traces][support.view.owner]
        group = np.unique(prompts, return_inverse=True)[1]
        by_prompt = np.bincount(group, weights=with_judges - without).astype(np.float64)
        return float(by_prompt.sum()), estimate_sum_error(by_prompt)

    def _hold_out(self, judges: JudgeNames, support: Support) -> Floats:
        """Expected log-likelihood of each step under the model that did not see its prompt, (N,)."""
        raw = compute_features(self.corpus, support.view, judges, self.use_verdict)
        standard = standardise_over(raw, support.events + support.others)
        scaled = scale_features(raw, standard.means, standard.scales)
        names = (judges, name_features(judges, self.use_verdict))
        model = fit_transition(names, standard, scaled, (support.events, support.others), support.folds)
        p = predict_transition(model, scaled, support.folds)
        return np.asarray(support.events * np.log(p) + support.others * np.log1p(-p))


def estimate_sum_error(values: Floats) -> float:
    """Standard error of the sum of independent values, (N,) with N >= 2."""
    return float(values.std(ddof=1)) * float(np.sqrt(len(values)))


def find_support(corpus: Corpus, targets: Targets, folds: Ints, scored: Bools, judges: JudgeNames) -> Support:
    """The calibrating traces that every judge of the set scored, with their current targets."""
    columns = [corpus.judges.index(name) for name in judges]
    keep = targets.calibrates & scored[:, columns][targets.view.traces].all(axis=1)
    view, rows = narrow_view(corpus, targets.view, keep), keep[targets.view.owner]
    return Support(view, targets.events[rows], targets.others[rows], folds[view.traces][view.owner])


def fit_judge_transition(
    corpus: Corpus,
    targets: Targets,
    calibration: Calibration,
    judges: JudgeNames,
    use_verdict: bool,
    start: TransitionModel | None,
) -> TransitionModel | None:
    """Refit one calibrated set's model to the current targets; `start` itself where too little is left to fit."""
    support = find_support(corpus, targets, calibration.folds, calibration.scored, judges)
    if min(support.events.sum(), support.others.sum()) < MIN_EXPECTED_ERRORS:
        return start
    standard = calibration.standards[calibration.sets.index(judges)]
    raw = compute_features(corpus, support.view, judges, use_verdict)
    scaled = scale_features(raw, standard.means, standard.scales)
    names = (judges, name_features(judges, use_verdict))
    return fit_transition(names, standard, scaled, (support.events, support.others), support.folds, start)
