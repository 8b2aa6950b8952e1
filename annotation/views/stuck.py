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
    """Something that does not go on: how much of what, why, and the page where it can be set going. `why` fits one and
    many. Only shown to `roles`."""

    noun: str
    num: int
    why: str
    view: str
    action: str
    roles: frozenset[Role]
    query: str = ""
    nouns: str = ""

    @property
    def counted(self) -> str:
        """What there is of it: "rating", "ratings"."""
        return self.noun if self.num == 1 else self.nouns or f"{self.noun}s"


def list_stuck(found: Progress, roles: frozenset[Role]) -> list[Stuck]:
    """What keeps this project from going on, in the order of the funnel; only what the person can act on."""
    rows = [*_list_stuck_in_making(found), *_list_stuck_in_rating(found), *_list_stuck_in_taking(found)]
    return [row for row in rows if row.num and row.roles & roles]


def _list_stuck_in_making(found: Progress) -> list[Stuck]:
    return [
        Stuck(
            "prompt",
            found.num_unasked,
            "Without a trace: no model has answered yet.",
            "annotation:launch_batch",
            "Launch a batch",
            _MAKERS,
        ),
        Stuck(
            "batch",
            found.num_failed_batches,
            "Failed within the last week; why is said there.",
            "annotation:list_batches",
            "Look at them",
            _MAKERS,
            "state=failed",
            "batches",
        ),
        Stuck(
            "trace",
            found.num_traces - found.num_judged,
            "Not scored by any judge.",
            "annotation:list_judge_runs",
            "Run a judge",
            _MAKERS,
        ),
        Stuck(
            "judge run",
            found.num_failed_judge_runs,
            "Failed within the last week; why is said there.",
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
            "trace",
            found.num_held,
            "Held back with the prompt, so handed to nobody.",
            "annotation:list_prompts",
            "See the prompts",
            _MAKERS,
        ),
        Stuck(
            "disagreement",
            found.num_disagreements,
            "Raters, or raters and the merge, find the first error in different places.",
            "annotation:list_disagreements",
            "Review them",
            _REVIEWERS,
        ),
        Stuck(
            "appeal",
            found.num_appeals,
            "From raters who object to a decision and wait for an answer.",
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
            "rating",
            found.num_missing if is_lonely else 0,
            f"Wanted, but no rater may be handed work.{paused}",
            "annotation:list_people",
            "Invite raters",
            _ADMINS,
        ),
        Stuck(
            "rating",
            0 if is_lonely else found.num_unreachable,
            f"Wanted, but nobody is left to give more: {_say_who_is_left(found)}",
            "annotation:list_people",
            "Invite raters",
            _ADMINS,
        ),
        Stuck(
            "rating",
            num_to_come if not is_lonely and found.pace.a_day == 0 else 0,
            f"Wanted, and there are people who may rate ({found.num_raters:,}), but nobody has this past week.{paused}",
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
            "rater",
            found.num_untested,
            "Without a passed test, so nobody hands them work here.",
            "annotation:manage_practice",
            "See the test",
            _ADMINS,
        ),
        Stuck(
            "rater",
            found.num_paused_for_gold,
            "Paused for accuracy on gold, until an admin lets them go on.",
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
            "rated trace",
            found.num_unmerged,
            "Rated since the last merge, which has not heard those ratings.",
            "annotation:list_merges",
            "Merge",
            _MAKERS,
        ),
        Stuck(
            "merge",
            found.num_failed_merges,
            "Failed within the last week; why is said there.",
            "annotation:list_merges",
            "Look at them",
            _MAKERS,
        ),
        Stuck(
            "labelled trace",
            found.num_unexported,
            "In no finished export yet.",
            "exports:create_export",
            "Make an export",
            _MAKERS,
        ),
        Stuck(
            "export",
            found.num_failed_exports,
            "Failed within the last week; why is said there.",
            "exports:list_exports",
            "Look at them",
            _MAKERS,
            "state=failed",
        ),
    ]
