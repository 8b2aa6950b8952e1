"""What a person can do next in a project, by what there is and what their roles allow."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext, ngettext

from annotation.models import Role
from annotation.queries.projects import ProjectCounts

_MAKERS = frozenset({Role.ADMIN, Role.ENGINEER})


@dataclass(frozen=True)
class NextStep:
    """A view of the project, what it is for, and why now. The most useful one comes first."""

    view: str
    title: str
    reason: str


def list_next_steps(
    counts: ProjectCounts, roles: frozenset[Role], *, is_qualified: bool = True, num_disagreements: int = 0
) -> list[NextStep]:
    """Empty only where there are no traces yet and the person makes none. `is_qualified`: they may be handed work."""
    steps = [*_list_for_raters(counts, is_qualified)] if Role.RATER in roles else []
    if Role.ADJUDICATOR in roles:
        steps += _list_for_adjudicators(counts, num_disagreements)
    if roles & _MAKERS:
        steps += _list_for_makers(counts)
    if Role.ADMIN in roles:
        steps.append(
            NextStep("annotation:list_people", "Invite people", "A link makes whoever opens it a rater.")
        )
    return steps


def _list_for_raters(counts: ProjectCounts, is_qualified: bool) -> list[NextStep]:
    if not counts.num_traces:
        return []
    if not is_qualified:
        why = gettext("Raters of this project pass a test before they are handed work.")
        return [NextStep("annotation:show_practice", gettext("Take the test"), why)]
    num_open = counts.num_open
    waiting = (
        ngettext("%(num)d trace waits for raters.", "%(num)d traces wait for raters.", num_open)
        % {"num": num_open}
        if num_open
        else gettext("None is waiting now.")
    )
    one_key = gettext("Step by step, one key each.")
    which = gettext("Two answers to one prompt: which is better?")
    return [
        NextStep("annotation:next_trace", gettext("Rate traces"), f"{one_key} {waiting}"),
        NextStep("annotation:compare_traces", gettext("Compare traces"), which),
    ]


def _list_for_adjudicators(counts: ProjectCounts, num_disagreements: int) -> list[NextStep]:
    if not counts.num_traces:
        return []
    waiting = (
        f"{_count(num_disagreements, 'trace')} on which raters, or raters and the merge, disagree."
        if num_disagreements
        else "Raters, and raters and the merge, disagree on no trace now."
    )
    how_far = "How far raters say the same, and on which steps they don't."
    return [
        NextStep("annotation:list_disagreements", "Review disagreements", waiting),
        NextStep("annotation:show_agreement", "See the agreement", how_far),
    ]


def _list_for_makers(counts: ProjectCounts) -> list[NextStep]:
    if not counts.num_prompts:
        return [NextStep("annotation:list_prompts", "Add prompts", "From a file, or made by reasoning-gym.")]
    steps = [
        NextStep(
            "annotation:list_batches",
            "Generate traces",
            f"Have a model answer the {_count(counts.num_prompts, 'prompt')}, as often as you like.",
        )
    ]
    if num_unjudged := counts.num_traces - counts.num_judged:
        reason = f"{_count(num_unjudged, 'trace')} without a judge's score."
        steps.append(NextStep("annotation:list_judge_runs", "Run a judge", reason))
    if counts.num_rated:
        reason = f"Labels from {_count(counts.num_rated, 'rated trace')}, as datasets that trainers load."
        steps.append(NextStep("exports:list_exports", "Make an export", reason))
    return steps


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
