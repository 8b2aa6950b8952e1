"""Fits the chain: forward-backward and rater matrices in turn, then the hazard, three rounds.

First with AI off (`fit_people`), then, where judges are calibrated, with their scores as the hazard (`fit_joint`).
Only traces that people rated or that are gold take part: others say nothing about raters or errors. A rated trace is
cut after the last step anybody rated, which changes no posterior before it (what nobody saw sums to 1).
"""

from dataclasses import dataclass

import numpy as np

from annotation.merging.calibration import (
    MIN_EXPECTED_ERRORS,
    MIN_TRACES,
    Calibration,
    Targets,
    fit_judge_transition,
)
from annotation.merging.chain import Beliefs, Floats, Ints, Packing, forward_backward, pack
from annotation.merging.corpus import Bools, Corpus, Labels
from annotation.merging.data import ChainFit, MergePolicy, TransitionModel
from annotation.merging.features import View, compute_features, name_features, narrow_view, view_traces
from annotation.merging.raters import (
    count_labels,
    fit_crew,
    fit_raters,
    report_raters,
    to_matrix,
    weigh_evidence,
)
from annotation.merging.starts import (
    FIRST_HAZARD,
    FIRST_RECOVERY,
    Sample,
    choose_start,
    fit_rate,
    usual_start,
)
from annotation.merging.transitions import (
    constant_model,
    fit_transition,
    predict_transition,
    scale_features,
    standardise_over,
)

START_TRACES = 2_000
"""Starts are tried on at most about this many rated traces, every n-th of all."""
ROUNDS = 3
MAX_EM_ITERATIONS = 30
EM_TOLERANCE = 5e-4
"""EM of a round ends when no entry of any rater's matrix moved further."""


@dataclass(frozen=True, slots=True)
class Rated:
    """The traces a fit learns from, cut after their last rating; `labels.step` counts in `view`."""

    view: View
    packing: Packing
    labels: Labels
    num_raters: int
    gold: Beliefs
    is_gold_step: Bools
    calibrates: Bools


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted chain as arrays. `matrices` (R, 3, 3); `hazards` by judge set, the one without judges first."""

    matrices: Floats
    crew: Floats
    counts: Floats
    beliefs: Beliefs
    hazards: tuple[TransitionModel, ...]
    recoveries: tuple[TransitionModel, ...]
    iterations: int


def select_rated(corpus: Corpus) -> Rated:
    """The rated and gold traces of a corpus. Gold and blindly rated ones may calibrate judges; assisted ones not."""
    traces = np.flatnonzero((corpus.num_raters > 0) | corpus.is_gold).astype(np.int64)
    last_label = np.searchsorted(corpus.labels.step, corpus.starts[traces + 1]) - 1
    has_labels = corpus.num_raters[traces] > 0
    last_step = np.zeros(len(traces), dtype=np.int64)
    last_step[has_labels] = corpus.labels.step[last_label[has_labels]]
    lengths = np.where(
        corpus.is_gold[traces], corpus.lengths[traces], last_step - corpus.starts[traces] + 1
    ).astype(np.int64)
    return _select(corpus, traces, lengths)


def _select(corpus: Corpus, traces: Ints, lengths: Ints) -> Rated:
    view = view_traces(corpus, traces, lengths)
    gold, is_gold_step = clamp_gold(corpus, view)
    calibrates = corpus.is_gold[traces] | (corpus.num_blind_raters[traces] > 0)
    return Rated(
        view, pack(view.lengths), labels_in(corpus, view), len(corpus.raters), gold, is_gold_step, calibrates
    )


def labels_in(corpus: Corpus, view: View) -> Labels:
    """The labels on a view's steps, counted in the view."""
    place = np.full(corpus.num_steps, -1, dtype=np.int64)
    place[view.steps] = np.arange(len(view.steps))
    local = place[corpus.labels.step]
    inside = local >= 0
    return Labels(local[inside], corpus.labels.rater[inside], corpus.labels.column[inside])


def clamp_gold(corpus: Corpus, view: View) -> tuple[Beliefs, Bools]:
    """What is known of gold steps: a 1 or 0 for each way to arrive at a state; and which steps are gold."""
    stands = corpus.gold[view.steps]
    before = np.where(view.steps == corpus.starts[view.traces[view.owner]], 1.0, corpus.gold[view.steps - 1])
    falls, fell = 1.0 - stands, 1.0 - before
    return Beliefs(stands * before, falls * before, stands * fell, falls * fell), ~np.isnan(stands)


def apply_gold(beliefs: Beliefs, gold: Beliefs, is_gold_step: Bools) -> Beliefs:
    """Beliefs with gold steps replaced by what is known of them."""
    if not is_gold_step.any():
        return beliefs
    return Beliefs(
        np.where(is_gold_step, gold.stayed, beliefs.stayed),
        np.where(is_gold_step, gold.erred, beliefs.erred),
        np.where(is_gold_step, gold.recovered, beliefs.recovered),
        np.where(is_gold_step, gold.rested, beliefs.rested),
    )


def fit_people(corpus: Corpus, rated: Rated, policy: MergePolicy) -> Fitted:
    """The chain with AI off: raters, a hazard that knows the relative position only, and a constant recovery."""
    learns = policy.recovery == "learned"
    start = usual_start(len(corpus.raters), learns_recovery=learns)
    if rated.calibrates.any():
        start = choose_start(_sample(corpus, rated), learns_recovery=learns)
    hazard_model, rho, matrices = constant_model(start.hazard), start.recovery, start.matrices
    num_steps, iterations = len(rated.view.steps), 0
    raw = compute_features(corpus, rated.view, (), use_verdict=False)
    hazard = np.full(num_steps, start.hazard)
    for _ in range(ROUNDS):
        for _ in range(MAX_EM_ITERATIONS):
            beliefs = _believe(rated, hazard, np.full(num_steps, rho), matrices)
            rho = fit_rate(beliefs.recovered, beliefs.rested, FIRST_RECOVERY) if learns else 0.0
            counts, crew, matrices, moved = _refit_raters(rated, beliefs, matrices)
            iterations += 1
            if moved < EM_TOLERANCE:
                break
        hazard_model, hazard = _fit_position_hazard(rated, beliefs, raw, hazard_model)
    beliefs = _believe(rated, hazard, np.full(num_steps, rho), matrices)
    recovery_model = (constant_model(rho),) if learns else ()
    return Fitted(matrices, crew, counts, beliefs, (hazard_model,), recovery_model, iterations)


def targets_of(rated: Rated, beliefs: Beliefs, recovery: bool = False) -> Targets:
    """What a hazard (or a recovery) is fitted to: the expected moves at each step."""
    if recovery:
        return Targets(rated.view, beliefs.recovered, beliefs.rested, rated.calibrates)
    return Targets(rated.view, beliefs.erred, beliefs.stayed, rated.calibrates)


def fit_joint(
    corpus: Corpus, rated: Rated, people: Fitted, calibration: Calibration, policy: MergePolicy
) -> Fitted:
    """The chain with calibrated judges as the hazard, starting from the fit with AI off."""
    beliefs, matrices, iterations = people.beliefs, people.matrices, 0
    hazards: dict[tuple[str, ...], TransitionModel] = {(): people.hazards[0]}
    recoveries = {model.judges: model for model in people.recoveries}
    for _ in range(ROUNDS):
        errors, repairs = targets_of(rated, beliefs), targets_of(rated, beliefs, recovery=True)
        for judges in calibration.sets:
            _refit(hazards, corpus, errors, calibration, judges, policy.use_verdict)
            if recoveries:
                _refit(recoveries, corpus, repairs, calibration, judges, policy.use_verdict)
        hazard = predict_steps(corpus, rated.view, tuple(hazards.values()), calibration, policy.use_verdict)
        recovery = predict_steps(
            corpus, rated.view, tuple(recoveries.values()), calibration, policy.use_verdict
        )
        for _ in range(MAX_EM_ITERATIONS):
            beliefs = _believe(rated, hazard, recovery, matrices)
            counts, crew, matrices, moved = _refit_raters(rated, beliefs, matrices)
            iterations += 1
            if moved < EM_TOLERANCE:
                break
    return Fitted(
        matrices, crew, counts, beliefs, tuple(hazards.values()), tuple(recoveries.values()), iterations
    )


def _refit(
    models: dict[tuple[str, ...], TransitionModel],
    corpus: Corpus,
    targets: Targets,
    calibration: Calibration,
    judges: tuple[str, ...],
    use_verdict: bool,
) -> None:
    model = fit_judge_transition(corpus, targets, calibration, judges, use_verdict, models.get(judges))
    if model is not None:
        models[judges] = model


def predict_steps(
    corpus: Corpus,
    view: View,
    models: tuple[TransitionModel, ...],
    calibration: Calibration,
    use_verdict: bool,
) -> Floats:
    """P(leave the state) at each step of a view, (S,), by the model of each trace's judge set; without models, 0.

    Traces whose set has no model of its own use the one without judges, which never reads the verdict.
    """
    answer = np.zeros(len(view.steps))
    if not models:
        return answer
    by_judges = {model.judges: model for model in models}
    fitted = [i for i, judges in enumerate(calibration.sets) if judges in by_judges]
    set_of = calibration.set_of[view.traces]
    chosen = np.where(np.isin(set_of, fitted), set_of, -1)
    for which in np.unique(chosen):
        judges = calibration.sets[which] if which >= 0 else ()
        part, rows = narrow_view(corpus, view, chosen == which), (chosen == which)[view.owner]
        answer[rows] = predict_view(
            corpus, part, by_judges[judges], calibration.folds, use_verdict and which >= 0
        )
    return answer


def predict_view(
    corpus: Corpus, view: View, model: TransitionModel, folds: Ints, use_verdict: bool
) -> Floats:
    """P(leave the state) at each step of a view by one model, (S,); `folds` (T,) as in Calibration."""
    scaled = np.zeros((len(view.steps), 0))
    if model.features:
        raw = compute_features(corpus, view, model.judges, use_verdict)
        scaled = scale_features(raw, np.array(model.means), np.array(model.scales))
    return predict_transition(model, scaled, folds[view.traces][view.owner])


def describe_fit(corpus: Corpus, rated: Rated, fitted: Fitted) -> ChainFit:
    """A fit as plain rows, to store and to recompute posteriors from."""
    return ChainFit(
        crew=to_matrix(fitted.crew),
        raters=report_raters(corpus.raters, rated.labels, fitted.counts, fitted.crew),
        hazards=fitted.hazards,
        recoveries=fitted.recoveries,
        iterations=fitted.iterations,
    )


def _sample(corpus: Corpus, rated: Rated) -> Sample:
    """What starts are tried on: traces rated blind, and gold. Who saw scores does not set how often errors happen."""
    chosen = np.flatnonzero(rated.calibrates)
    chosen = chosen[:: max(1, len(chosen) // START_TRACES)]
    if len(chosen) < len(rated.view.traces):
        rated = _select(corpus, rated.view.traces[chosen], rated.view.lengths[chosen])
    return Sample(
        packing=rated.packing,
        labels=rated.labels,
        num_steps=len(rated.view.steps),
        num_raters=rated.num_raters,
        believe=lambda hazard, recovery, matrices: _believe(rated, hazard, recovery, matrices),
    )


def _believe(rated: Rated, hazard: Floats, recovery: Floats, matrices: Floats) -> Beliefs:
    evidence = weigh_evidence(rated.labels, matrices, len(rated.view.steps))
    beliefs, _ = forward_backward(rated.packing, hazard, recovery, evidence)
    return apply_gold(beliefs, rated.gold, rated.is_gold_step)


def _refit_raters(rated: Rated, beliefs: Beliefs, matrices: Floats) -> tuple[Floats, Floats, Floats, float]:
    counts = count_labels(rated.labels, beliefs, rated.num_raters)
    crew = fit_crew(counts)
    refitted = fit_raters(counts, crew)
    return counts, crew, refitted, float(np.abs(refitted - matrices).max(initial=0.0))


def _fit_position_hazard(
    rated: Rated, beliefs: Beliefs, raw: Floats, start: TransitionModel
) -> tuple[TransitionModel, Floats]:
    """Two numbers from all rated traces: too few to need cross-fitting. With little data one, shrunk to the first."""
    usable = rated.calibrates[rated.view.owner].astype(np.float64)
    events, others = beliefs.erred * usable, beliefs.stayed * usable
    nowhere = np.full(len(raw), -1)
    if rated.calibrates.sum() < MIN_TRACES or events.sum() < MIN_EXPECTED_ERRORS:
        model = constant_model(fit_rate(beliefs.erred, beliefs.stayed, FIRST_HAZARD))
        return model, predict_transition(model, raw, nowhere)
    standard = standardise_over(raw, events + others)
    scaled = scale_features(raw, standard.means, standard.scales)
    names = ((), name_features((), use_verdict=False))
    model = fit_transition(names, standard, scaled, (events, others), nowhere, start)
    return model, predict_transition(model, scaled, nowhere)
