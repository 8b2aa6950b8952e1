"""What goes into a merge and what comes out: plain frozen rows, no arrays and no Django.

The web app's actions, the exports and the command line all speak to the merge through these. Units: every
probability is in [0, 1]; a `labels`, `probabilities`, `gold` or `posterior` tuple has one entry a step (S of them).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

MERGE_VERSION = "chain-2"

Choice = Literal["a", "b", "tie", "both_bad"]
PolicyName = Literal["chain", "majority", "human_only"]
Recovery = Literal["off", "learned"]
Provenance = Literal["human", "hybrid", "ai", "gold", "none"]
Matrix = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]
"""P(rating | state): rows R (stands), E (makes an error), A (rests on an error); columns -1, 0, +1."""


class MergeInputError(ValueError):
    """The rows contradict each other or leave their ranges; the message says which row and how."""


@dataclass(frozen=True, slots=True)
class TraceRow:
    """A trace to merge. `gold`: 1 = the step stands, 0 = it does not; None = not a gold trace.

    `decided`: the same by an adjudicator, who had the ratings in sight; `decided_blind`: no judge's scores, though.
    """

    trace_id: str
    prompt_id: str
    num_steps: int
    final_answer_correct: bool | None = None
    gold: tuple[int, ...] | None = None
    decided: tuple[int, ...] | None = None
    decided_blind: bool = False


@dataclass(frozen=True, slots=True)
class RatingRow:
    """One rater's rating of one trace; at most one row a trace and rater. `assisted`: the rater saw AI scores."""

    trace_id: str
    rater: str
    labels: tuple[int | None, ...]
    assisted: bool = False


@dataclass(frozen=True, slots=True)
class JudgeRow:
    """One judge version's scores of one trace; `judge` is "name@version", None = this step was not scored."""

    trace_id: str
    judge: str
    probabilities: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One rater's choice between two traces of one prompt."""

    prompt_id: str
    trace_a: str
    trace_b: str
    rater: str
    choice: Choice


@dataclass(frozen=True, slots=True)
class MergeInput:
    """Everything a merge reads. The order of rows never matters."""

    traces: Sequence[TraceRow]
    ratings: Sequence[RatingRow] = ()
    judges: Sequence[JudgeRow] = ()
    comparisons: Sequence[ComparisonRow] = ()


@dataclass(frozen=True, slots=True)
class MergePolicy:
    """How to merge.

    `chain` is DOMAIN.md's chain Dawid-Skene; `human_only` is the same with every judge left out; `majority` is the
    share of raters. `recovery="learned"` lets a trace stand again after an error. `use_verdict` gives the hazard the
    verifier's verdict on the final answer, which leaks outcome into process labels.
    """

    name: PolicyName = "chain"
    recovery: Recovery = "off"
    use_verdict: bool = False

    @property
    def words(self) -> str:
        """The policy as a sentence names it: "the policy chain with recovery learned"."""
        more = ["recovery learned"] * (self.recovery == "learned") + ["the verdict"] * self.use_verdict
        return f"the policy {self.name}" + (f" with {' and '.join(more)}" if more else "")


@dataclass(frozen=True, slots=True)
class MergedTrace:
    """What the merge says of one trace.

    `posterior` is P(step stands) for each step and `p_trace` that of the last step. Where there was no evidence at
    all (no rating, no calibrated judge, not gold) `posterior` is empty and the other two are None. `first_error` is
    -1 when no error is the likelier case. `judges` are the judges whose scores entered, `fold` the cross-fitting
    fold whose hazard was used (None: the one fitted on every rated trace).
    """

    trace_id: str
    prompt_id: str
    posterior: tuple[float, ...]
    p_trace: float | None
    first_error: int | None
    provenance: Provenance
    judges: tuple[str, ...] = ()
    num_raters: int = 0
    num_blind_raters: int = 0
    fold: int | None = None


@dataclass(frozen=True, slots=True)
class MergedPreference:
    """A pair of one prompt: P(`chosen` beats `rejected`) = `p`; `margin` = clip(s_chosen - s_rejected, 0, 3)."""

    prompt_id: str
    chosen: str
    rejected: str
    p: float
    margin: float
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class RaterReport:
    """One rater as the merge sees them, with 95 % credible intervals.

    Sensitivity = P(-1 | E), specificity = P(not -1 | R).
    """

    rater: str
    num_labels: int
    matrix: Matrix
    sensitivity: float
    sensitivity_interval: tuple[float, float]
    specificity: float
    specificity_interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class TransitionModel:
    """A logistic model of P(leave the state) at a step, for one set of judges.

    For features x the log-odds are `intercepts[f] + sum(coefficients[f] * (x - means) / scales)`, where f is a fold
    (fitted without that fold's prompts) and the last entry is fitted on everything.
    """

    judges: tuple[str, ...]
    features: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    intercepts: tuple[float, ...]
    coefficients: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """Whether a set of judges is calibrated, on what, and if not, why not (`reason`, empty when calibrated).

    `gain` is the cross-fitted log-likelihood (nats) that the judges add over the position alone, on the steps at
    risk of human-rated traces, with its standard error over prompts.
    """

    judges: tuple[str, ...]
    is_calibrated: bool
    reason: str
    num_traces: int
    expected_errors: float
    gain: float
    gain_standard_error: float


@dataclass(frozen=True, slots=True)
class ChainFit:
    """The fitted chain: what P(rating | state), the hazard and the recovery were. Enough to recompute a posterior."""

    crew: Matrix
    raters: tuple[RaterReport, ...]
    hazards: tuple[TransitionModel, ...]
    recoveries: tuple[TransitionModel, ...]
    iterations: int


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """How a merge came to its posteriors: stored with each run.

    `people` is the fit with AI off (posteriors of provenance `human` come from it); `joint` the fit whose hazard reads
    the judges (None when none is calibrated). `beta` is the steepness of comparisons.
    """

    merge_version: str
    library_versions: tuple[tuple[str, str], ...]
    policy: MergePolicy
    num_traces: int
    num_steps: int
    num_labels: int
    num_human_rated_traces: int
    num_comparisons: int
    expected_errors: float
    people: ChainFit | None
    joint: ChainFit | None
    calibrations: tuple[CalibrationReport, ...]
    beta: float
    is_beta_fitted: bool

    @property
    def used_verdict(self) -> bool:
        """Whether the verdict on final answers entered: it does so beside calibrated judges only."""
        return self.policy.use_verdict and any(report.is_calibrated for report in self.calibrations)


@dataclass(frozen=True, slots=True)
class MergeResult:
    """A merge; traces by `trace_id`, preferences by prompt, chosen, rejected; shorter ids first ("9" before "10")."""

    traces: tuple[MergedTrace, ...]
    preferences: tuple[MergedPreference, ...]
    diagnostics: Diagnostics
