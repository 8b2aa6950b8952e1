"""What the judges said of a trace, as a rater may see it."""

from __future__ import annotations

from dataclasses import dataclass

from annotation.models import JudgeScore, Trace


@dataclass(frozen=True)
class JudgeOpinion:
    """One judge on one trace. probabilities, rationales: S entries, one a step (none, "" where it said nothing).
    fault: why its answer could not be read, where it could not."""

    judge: str
    note: str
    probabilities: tuple[float | None, ...]
    rationales: tuple[str, ...]
    fault: str = ""


def list_judge_opinions(trace: Trace) -> list[JudgeOpinion]:
    scores = (
        JudgeScore.objects.filter(trace=trace)
        .select_related("judge")
        .order_by("judge__name", "judge__version")
    )
    return [
        JudgeOpinion(
            judge=str(score.judge),
            note=score.judge.note,
            probabilities=tuple(score.probabilities),
            rationales=tuple(score.rationales) or ("",) * len(score.probabilities),
            fault=score.fault,
        )
        for score in scores
    ]
