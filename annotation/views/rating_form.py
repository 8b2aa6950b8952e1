"""The form of the rating page, as HTML around its step cards.

A script that submits a rating gets the next trace's form in the answer, and rendering its template would be half of
what a rating costs. So that form is cast from a mould (annotation/rendering/moulds.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext

from annotation.forms.ratings import RatingForm
from annotation.models import Account, Project
from annotation.rendering.moulds import Mould, Safe, Shelf
from annotation.rules.key_bindings import COMMANDS, keys_of, show_key
from annotation.rules.step_row import StepRow

_NUM_A_GROUP = 30
_moulds = Shelf(most=64)


@dataclass(frozen=True)
class FormKind:
    """What the form's templates decide by, besides its project, the rater's keys, and what it amends or practises."""

    is_saved: bool = False
    has_alternatives: bool = False
    shows_reference: bool = False
    is_reference_wrong: bool = False
    has_last: bool = False


def render_cards(rows: Sequence[StepRow], place: Mapping[str, object], *, far_steps: str = "") -> SafeString:
    """Step cards in groups, of which a browser lays out those in sight (docs/adr/rating-page.md); `place` has the
    trace and its assignment, or its place in the practice."""
    groups = [rows[start : start + _NUM_A_GROUP] for start in range(0, len(rows), _NUM_A_GROUP)]
    return render_to_string("ratings/step_cards.html", {**place, "groups": groups, "far_steps": far_steps})


def cast_form(
    values: Mapping[str, str], *, kind: FormKind, form: RatingForm, project: Project, account: Account
) -> Safe:
    """What the template makes of an unbound form and these values.

    A mould holds for one row of the project: whichever field its templates read, a change of it makes a new one.
    """

    def make(marks: Mapping[str, Safe]) -> str:
        keys = describe_keys(account, project, is_amending=False)
        context = {**marks, "kind": kind, "form": form, "project": project, **keys}
        return render_to_string("ratings/rate_trace.html#cockpit", context)

    row = [value for name, value in vars(project).items() if name != "_state"]
    key = (get_language(), kind, repr(account.key_bindings), repr(row))
    return _moulds.find_or_make(key, lambda: Mould(make, tuple(values))).cast(values)


def describe_keys(account: Account, project: Project, *, is_amending: bool) -> dict[str, object]:
    """`hints`, the first key of each command; `key_rows`, what the sheet of keys lists."""
    return {
        "hints": {name: show_key(keys[0]) for name, keys in keys_of(account.key_bindings).items() if keys},
        "key_rows": _list_key_rows(account, project, is_amending=is_amending),
    }


def _list_key_rows(account: Account, project: Project, *, is_amending: bool) -> list[tuple[str, list[str]]]:
    """(what it does, its keys) of every command that this page has."""
    absent = {
        "rest_good": not project.can_rate_rest_good,
        "category": not project.error_categories,
        "guidelines": not project.guidelines,
        "skip": is_amending,
    }
    keys = keys_of(account.key_bindings)
    return [
        (gettext(command.title), [show_key(key) for key in keys[command.name]])
        for command in COMMANDS
        if keys[command.name] and not absent.get(command.name)
    ]
