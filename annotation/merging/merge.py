"""The merge itself: rows in, posteriors, preferences and diagnostics out. `explain` in explain.py looks inside.

Evidence decides who speaks for a trace, and `provenance` says so: `gold` traces are what they are; at least 2 blind
raters speak alone, with AI off (`human`); 1 rater with a calibrated judge speaks with it (`hybrid`), as do assisted
raters; a calibrated judge alone gives `ai`. Raters without a calibrated judge who are too few to be `human` give a
posterior marked `none`, which no export takes; a trace without any evidence has no posterior at all.

An adjudicator's decision speaks alone for its trace, and teaches nothing about raters and judges: it was made with
their words in sight (annotation/merging/decided.py).
"""

import platform
from dataclasses import dataclass, replace

import numpy as np
import scipy
from threadpoolctl import threadpool_limits

from annotation.merging.calibration import Calibration, assign_folds, calibrate_judges
from annotation.merging.chain import FirstErrors, Floats, Ints, forward_backward, pack
from annotation.merging.corpus import Bools, Corpus, build_corpus
from annotation.merging.data import (
    MERGE_VERSION,
    Diagnostics,
    MergedTrace,
    MergeInput,
    MergePolicy,
    MergeResult,
    Provenance,
    RaterReport,
)
from annotation.merging.decided import apply_decision
from annotation.merging.features import view_traces
from annotation.merging.fit import (
    Fitted,
    apply_gold,
    clamp_gold,
    describe_fit,
    fit_joint,
    fit_people,
    labels_in,
    predict_steps,
    select_rated,
    targets_of,
)
from annotation.merging.majority import count_majority
from annotation.merging.preferences import fit_strengths, list_preferences
from annotation.merging.raters import PRIOR, weigh_evidence

STEPS_A_CHUNK = 200_000
"""How many steps are held in memory with their features at a time."""
MIN_BLIND_RATERS = 2
PROVENANCES: tuple[Provenance, ...] = ("none", "ai", "hybrid", "human", "gold")


@dataclass(frozen=True, slots=True)
class _Answer:
    """P(stands) of every step (S,), first-error beliefs, and which traces have a posterior (T,)."""

    stands: Floats
    first_errors: FirstErrors
    is_known: Bools


def merge(data: MergeInput, policy: MergePolicy) -> MergeResult:
    """Merge everything people and judges said; the same rows in any order give the same result, bit for bit.

    Raises MergeInputError where rows contradict each other or leave their ranges.
    """
    corpus = build_corpus(data)
    if not corpus.traces:
        return MergeResult((), (), _diagnose(corpus, policy))
    if policy.name == "majority":
        return _merge_by_majority(corpus, policy)
    # Our matrices are narrow: more threads only wait for each other, and sum in another order on another machine.
    with threadpool_limits(limits=1, user_api="blas"):
        return _merge_by_chain(corpus, policy)


def _merge_by_majority(corpus: Corpus, policy: MergePolicy) -> MergeResult:
    shares = count_majority(corpus, recovery=policy.recovery == "learned")
    calibration = _no_calibration(corpus)
    answer = _Answer(shares.stands, shares.first_errors, shares.has_rating)
    traces = _describe_traces(corpus, answer, _judge_provenance(corpus, calibration), calibration)
    return _add_preferences(corpus, traces, (), _diagnose(corpus, policy))


def _merge_by_chain(corpus: Corpus, policy: MergePolicy) -> MergeResult:
    rated = select_rated(corpus)
    folds = assign_folds(corpus, rated.view.traces[rated.calibrates])
    people = fit_people(corpus, rated, policy)
    targets = targets_of(rated, people.beliefs)
    calibration = replace(_no_calibration(corpus), folds=folds)
    if policy.name == "chain" and corpus.judges:
        calibration = calibrate_judges(corpus, targets, folds, policy.use_verdict)
    joint = fit_joint(corpus, rated, people, calibration, policy) if calibration.sets else None
    provenance = _judge_provenance(corpus, calibration)
    uses_judges = np.isin(provenance, (PROVENANCES.index("hybrid"), PROVENANCES.index("ai")))
    is_known = (provenance != 0) | (corpus.num_raters > 0)
    answer = _Answer(
        np.zeros(corpus.num_steps),
        FirstErrors(np.zeros(corpus.num_steps), np.zeros(len(corpus.traces))),
        is_known,
    )
    _fill(answer, corpus, people, _no_judges(calibration), policy, is_known & ~uses_judges)
    if joint is not None:
        _fill(answer, corpus, joint, calibration, policy, uses_judges)
    traces = _describe_traces(corpus, answer, provenance, calibration)
    people_fit = describe_fit(corpus, rated, people)
    diagnostics = replace(
        _diagnose(corpus, policy),
        num_human_rated_traces=int(rated.calibrates.sum()),
        expected_errors=float(targets.events[rated.calibrates[rated.view.owner]].sum()),
        people=people_fit,
        joint=describe_fit(corpus, rated, joint) if joint is not None else None,
        calibrations=calibration.reports,
    )
    return _add_preferences(corpus, traces, people_fit.raters, diagnostics)


def _fill(
    answer: _Answer,
    corpus: Corpus,
    fitted: Fitted,
    calibration: Calibration,
    policy: MergePolicy,
    wanted: Bools,
) -> None:
    """Write the posteriors of the wanted traces, a chunk of whole traces at a time."""
    traces = np.flatnonzero(wanted).astype(np.int64)
    ends = np.cumsum(corpus.lengths[traces])
    cuts = np.flatnonzero(np.diff(ends // STEPS_A_CHUNK)) + 1
    for part in np.split(traces, cuts):
        if len(part):
            _fill_part(answer, corpus, fitted, calibration, policy, part)


def _fill_part(
    answer: _Answer, corpus: Corpus, fitted: Fitted, calibration: Calibration, policy: MergePolicy, part: Ints
) -> None:
    view = view_traces(corpus, part)
    hazard = predict_steps(corpus, view, fitted.hazards, calibration, policy.use_verdict)
    recovery = predict_steps(corpus, view, fitted.recoveries, calibration, policy.use_verdict)
    evidence = weigh_evidence(labels_in(corpus, view), fitted.matrices, len(view.steps))
    beliefs, first_errors = forward_backward(pack(view.lengths), hazard, recovery, evidence)
    gold, is_gold_step = clamp_gold(corpus, view)
    answer.stands[view.steps] = apply_gold(beliefs, gold, is_gold_step).stands
    answer.first_errors.at_step[view.steps] = first_errors.at_step
    answer.first_errors.none[part] = first_errors.none


def _judge_provenance(corpus: Corpus, calibration: Calibration) -> Ints:
    """Index into PROVENANCES of each trace, (T,)."""
    has_judge = calibration.set_of >= 0
    return np.select(
        [
            corpus.is_gold,
            corpus.num_blind_raters >= MIN_BLIND_RATERS,
            has_judge & (corpus.num_raters > 0),
            has_judge,
        ],
        [
            PROVENANCES.index("gold"),
            PROVENANCES.index("human"),
            PROVENANCES.index("hybrid"),
            PROVENANCES.index("ai"),
        ],
        default=PROVENANCES.index("none"),
    ).astype(np.int64)


def _describe_traces(
    corpus: Corpus, answer: _Answer, provenance: Ints, calibration: Calibration
) -> tuple[MergedTrace, ...]:
    stands = np.clip(answer.stands, 0.0, 1.0).tolist()
    starts = corpus.starts.tolist()
    first_errors = locate_first_errors(corpus.starts, answer.first_errors).tolist()
    merged = []
    for i, row in enumerate(corpus.traces):
        is_known, source = bool(answer.is_known[i]), PROVENANCES[provenance[i]]
        posterior = tuple(stands[starts[i] : starts[i + 1]]) if is_known else ()
        first_error = first_errors[i]
        if row.gold is not None:
            first_error = row.gold.index(0) if 0 in row.gold else -1
        uses_judges = source in ("hybrid", "ai")
        fold = int(calibration.folds[i])
        merged.append(
            MergedTrace(
                trace_id=row.trace_id,
                prompt_id=row.prompt_id,
                posterior=posterior,
                p_trace=posterior[-1] if is_known else None,
                first_error=first_error if is_known else None,
                provenance=source,
                judges=calibration.sets[calibration.set_of[i]] if uses_judges else (),
                num_raters=int(corpus.num_raters[i]),
                num_blind_raters=int(corpus.num_blind_raters[i]),
                fold=fold if uses_judges and fold >= 0 else None,
            )
        )
    return tuple(
        apply_decision(trace, row) if row.decided is not None and row.gold is None else trace
        for trace, row in zip(merged, corpus.traces, strict=True)
    )


def locate_first_errors(starts: Ints, beliefs: FirstErrors) -> Ints:
    """-1 where no error at all is at least as likely as some error, else the likeliest place of the first, (T,)."""
    if not len(beliefs.none):
        return np.zeros(0, dtype=np.int64)
    best = np.repeat(np.maximum.reduceat(beliefs.at_step, starts[:-1]), np.diff(starts))
    is_best = np.flatnonzero(beliefs.at_step >= best)
    place = is_best[np.searchsorted(is_best, starts[:-1])] - starts[:-1]
    return np.where(beliefs.none >= 0.5, -1, place).astype(np.int64)


def _add_preferences(
    corpus: Corpus, traces: tuple[MergedTrace, ...], raters: tuple[RaterReport, ...], diagnostics: Diagnostics
) -> MergeResult:
    skills = {rater.rater: rater.sensitivity + rater.specificity - 1.0 for rater in raters}
    crew = np.array(diagnostics.people.crew) if diagnostics.people else PRIOR
    strengths = fit_strengths(traces, corpus.comparisons, skills, float(crew[1, 0] - crew[0, 0]))
    return MergeResult(
        traces,
        list_preferences(traces, corpus.comparisons, strengths),
        replace(diagnostics, beta=strengths.beta, is_beta_fitted=strengths.is_beta_fitted),
    )


def _no_calibration(corpus: Corpus) -> Calibration:
    nobody = np.full(len(corpus.traces), -1, dtype=np.int64)
    return Calibration((), (), nobody, nobody, np.zeros((len(corpus.traces), 0), dtype=bool), ())


def _no_judges(calibration: Calibration) -> Calibration:
    return replace(calibration, set_of=np.full_like(calibration.set_of, -1))


def _diagnose(corpus: Corpus, policy: MergePolicy) -> Diagnostics:
    return Diagnostics(
        merge_version=MERGE_VERSION,
        library_versions=(
            ("python", platform.python_version()),
            ("numpy", np.__version__),
            ("scipy", scipy.__version__),
        ),
        policy=policy,
        num_traces=len(corpus.traces),
        num_steps=corpus.num_steps,
        num_labels=len(corpus.labels.step),
        num_human_rated_traces=0,
        num_comparisons=len(corpus.comparisons),
        expected_errors=0.0,
        people=None,
        joint=None,
        calibrations=(),
        beta=1.0,
        is_beta_fitted=False,
    )
