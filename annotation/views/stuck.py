"""What keeps a project from going on, and why, in words for whoever can set it going again, with a link to where."""

from __future__ import annotations

from dataclasses import dataclass

from annotation.models import Role
from annotation.queries.progress import Progress

_MAKERS = frozenset({Role.ADMIN, Role.ENGINEER})
_REVIEWERS = frozenset({Role.ADMIN, Role.ADJUDICATOR})
_ADMINS = frozenset({Role.ADMIN})


@dataclass(frozen=True)
class Stuck:
    """Something that does not go on: how much, why, and the page where it can be set going. Only shown to `roles`."""

    stage: str
    num: int
    why: str
    view: str
    action: str
    roles: frozenset[Role]
    query: str = ""


def list_stuck(found: Progress, roles: frozenset[Role]) -> list[Stuck]:
    """What keeps this project from going on, in the order of the funnel; only what the person can act on."""
    rows = [*_list_stuck_in_making(found), *_list_stuck_in_rating(found), *_list_stuck_in_taking(found)]
    return [row for row in rows if row.num and row.roles & roles]


def _list_stuck_in_making(found: Progress) -> list[Stuck]:
    return [
        Stuck(
            "Prompts",
            found.num_unasked,
            "No batch has had a model answer them yet.",
            "annotation:launch_batch",
            "Launch a batch",
            _MAKERS,
        ),
        Stuck(
            "Batches",
            found.num_failed_batches,
            "They failed within the last week; each says why.",
            "annotation:list_batches",
            "Look at them",
            _MAKERS,
            "state=failed",
        ),
        Stuck(
            "Traces",
            found.num_traces - found.num_judged,
            "No judge has scored them.",
            "annotation:list_judge_runs",
            "Run a judge",
            _MAKERS,
        ),
        Stuck(
            "Judge runs",
            found.num_failed_judge_runs,
            "They failed within the last week; each says why.",
            "annotation:list_judge_runs",
            "Look at them",
            _MAKERS,
            "state=failed",
        ),
    ]


def _list_stuck_in_rating(found: Progress) -> list[Stuck]:
    return [
        *_list_stuck_for_want_of_raters(found),
        *_list_stuck_raters(found),
        Stuck(
            "Traces",
            found.num_held,
            "Their prompts are held back, so that nobody is handed them.",
            "annotation:list_prompts",
            "See the prompts",
            _MAKERS,
        ),
        Stuck(
            "Disagreements",
            found.num_disagreements,
            "Their raters, or the merge, find the first error in different places.",
            "annotation:list_disagreements",
            "Review them",
            _REVIEWERS,
        ),
        Stuck(
            "Appeals",
            found.num_appeals,
            "Raters object to a decision and wait for an answer.",
            "annotation:list_disagreements",
            "Answer them",
            _REVIEWERS,
        ),
    ]


def _list_stuck_for_want_of_raters(found: Progress) -> list[Stuck]:
    """Ratings that are wanted and don't come: nobody may give them, nobody is left to, or nobody does."""
    is_lonely = found.num_raters == 0
    num_to_come = found.num_missing - found.num_unreachable
    paused = (
        f" {found.num_paused_raters:,} {_are(found.num_paused_raters)} paused."
        if found.num_paused_raters
        else ""
    )
    return [
        Stuck(
            "Ratings",
            found.num_missing if is_lonely else 0,
            f"They are wanted, but no rater may be handed work.{paused}",
            "annotation:list_people",
            "Invite raters",
            _ADMINS,
        ),
        Stuck(
            "Ratings",
            0 if is_lonely else found.num_unreachable,
            f"They are wanted, but nobody is left to give them: {_say_who_is_left(found)}",
            "annotation:list_people",
            "Invite raters",
            _ADMINS,
        ),
        Stuck(
            "Ratings",
            num_to_come if not is_lonely and found.pace.a_day == 0 else 0,
            f"They are wanted, and raters are there ({found.num_raters:,}), but nobody has rated for a week.{paused}",
            "annotation:list_people",
            "See who rates",
            _ADMINS,
        ),
    ]


def _say_who_is_left(found: Progress) -> str:
    if found.num_raters < found.overlap:
        return f"each trace wants {found.overlap:,} raters, and only {found.num_raters:,} may rate."
    return f"all who may rate ({found.num_raters:,}) have rated or skipped these traces."


def _list_stuck_raters(found: Progress) -> list[Stuck]:
    return [
        Stuck(
            "Raters",
            found.num_untested,
            "They have not passed the test, without which nobody is handed work here.",
            "annotation:manage_practice",
            "See the test",
            _ADMINS,
        ),
        Stuck(
            "Raters",
            found.num_paused_for_gold,
            "They are paused for their accuracy on gold, until an admin lets them go on.",
            "annotation:list_people",
            "Look at them",
            _ADMINS,
            "r-state=paused",
        ),
    ]


def _are(num: int) -> str:
    return "is" if num == 1 else "are"


def _list_stuck_in_taking(found: Progress) -> list[Stuck]:
    return [
        Stuck(
            "Rated traces",
            found.num_unmerged,
            "They were rated since the last merge, which has not heard those ratings.",
            "annotation:list_merges",
            "Merge",
            _MAKERS,
        ),
        Stuck(
            "Merges",
            found.num_failed_merges,
            "They failed within the last week; each says why.",
            "annotation:list_merges",
            "Look at them",
            _MAKERS,
        ),
        Stuck(
            "Labelled traces",
            found.num_unexported,
            "The last merge gave them a label, but no finished export was made of it or of another that did.",
            "exports:create_export",
            "Make an export",
            _MAKERS,
        ),
        Stuck(
            "Exports",
            found.num_failed_exports,
            "They failed within the last week; each says why.",
            "exports:list_exports",
            "Look at them",
            _MAKERS,
            "state=failed",
        ),
    ]
