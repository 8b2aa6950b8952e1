"""Which measure the charts of a quality page show: the reader chooses, in the page's address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.http import QueryDict

from annotation.charts.axes import Axis, Kind
from annotation.charts.drawing import Chart
from annotation.charts.intervals import Estimate as ChartEstimate
from annotation.charts.intervals import draw_intervals
from annotation.measuring.agreement import Agreement
from annotation.measuring.judges import Quality
from annotation.measuring.resampling import Estimate
from annotation.views.figures import describe

Of = TypeVar("Of")
MOST_GROUPS = 12
"""A chart of more can't be read; the table below it has them all."""
FEW_GROUPS = 5
"""With so few, those are shown too of which there is too little to say."""
_OWN = ("measure", "csv")


@dataclass(frozen=True)
class Measure(Generic[Of]):
    """`says`: what it is of, for those who can't see the chart. kind: "percent" for shares, "number" for the rest."""

    key: str
    title: str
    says: str
    find: Callable[[Of], Estimate]
    kind: Kind = "percent"

    @property
    def digits(self) -> int:
        return 0 if self.kind == "percent" else 2

    def make_axis(self, estimates: Sequence[ChartEstimate]) -> Axis:
        """From 0 to 1, and below 0 where a coefficient is."""
        lowest = min(
            (e.value if e.low is None else e.low for e in estimates if e.value is not None), default=0.0
        )
        low = 0.0 if lowest >= 0.0 else None
        return Axis(f"{self.title}, 95 % interval", low, 1.0, self.kind)


AGREEMENT_MEASURES: tuple[Measure[Agreement], ...] = (
    Measure("agreed", "Verdict agreed", "Share of rater pairs with the same verdict", lambda a: a.agreed),
    Measure("ac1", "Gwet’s AC1", "Verdict agreed, corrected for chance by AC1", lambda a: a.ac1, "number"),
    Measure("alpha", "Krippendorff’s alpha", "Alpha of verdicts", lambda a: a.alpha, "number"),
    Measure(
        "place", "Same first error", "Share of rater pairs with the same first error", lambda a: a.first_error
    ),
    Measure("steps", "Ordinal alpha on steps", "Alpha of steps", lambda a: a.step_alpha, "number"),
    Measure(
        "errors", "Raters who found an error", "Share of raters who found an error", lambda a: a.prevalence
    ),
)

JUDGE_MEASURES: tuple[Measure[Quality], ...] = (
    Measure("f1", "First-error F1", "ProcessBench’s F1", lambda q: q.first_errors.f1, "number"),
    Measure("auc", "Area under ROC", "Area under the ROC curve", lambda q: q.auc, "number"),
    Measure("brier", "Brier score", "Brier score, lower being better", lambda q: q.brier, "number"),
    Measure(
        "found",
        "Errors located",
        "Share of first errors it finds exactly",
        lambda q: q.first_errors.on_errors,
    ),
    Measure(
        "quiet",
        "Sound left alone",
        "Share of sound traces it leaves alone",
        lambda q: q.first_errors.on_sound,
    ),
    Measure(
        "errors", "Steps that are errors", "Share of steps that people call an error", lambda q: q.prevalence
    ),
)


@dataclass(frozen=True)
class MeasureChoice(Generic[Of]):
    """The form that chooses. `kept`: the address's other parameters, which it sends along."""

    chosen: Measure[Of]
    measures: tuple[Measure[Of], ...]
    kept: tuple[tuple[str, str], ...]


def choose_measure(measures: tuple[Measure[Of], ...], query: QueryDict) -> MeasureChoice[Of]:
    """What the address asks for; the first where it asks for none that there is."""
    wanted = query.get("measure", "")
    return MeasureChoice(
        chosen=next((measure for measure in measures if measure.key == wanted), measures[0]),
        measures=measures,
        kept=tuple((name, value) for name, values in query.lists() if name not in _OWN for value in values),
    )


def choose_shown(estimates: Sequence[ChartEstimate]) -> list[ChartEstimate]:
    """The first of those with something to say, in their order; where they are few, some of the others too."""
    known = [one for one in estimates if one.value is not None][:MOST_GROUPS]
    silent = [one for one in estimates if one.value is None][: max(0, FEW_GROUPS - len(known))]
    shown = {id(one) for one in (*known, *silent)}
    return [one for one in estimates if id(one) in shown]


def say_what_is_missing(more: int, noun: str, table: str = "the table below") -> str:
    """A sentence for a chart that leaves so many out; empty where it shows all."""
    return "" if more <= 0 else f"{more:,} more {noun}{'' if more == 1 else 's'} in {table}."


def draw_measure(
    groups: Sequence[ChartEstimate], measure: Measure[Of], *, key: str, what: str
) -> Chart | None:
    """A measure of each model, or of each length; None where there are none."""
    shown = choose_shown(groups)
    if not shown:
        return None
    return draw_intervals(
        shown,
        key=key,
        title=f"{measure.title}, by {what}",
        description=describe(shown, measure.says, measure.kind, measure.digits),
        x=measure.make_axis(shown),
        digits=measure.digits,
        note=say_what_is_missing(len(groups) - len(shown), what),
    )
