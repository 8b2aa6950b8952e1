"""Step cards of the rating page, cast from moulds: rendered from a template, those of a long trace take seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django import template
from django.template.context import Context
from django.template.loader import render_to_string
from django.utils.translation import get_language

from annotation.rendering.moulds import Making, Mould, Safe, Shelf
from annotation.rules.step_row import StepRow
from annotation.templatetags.rendering import LOOKS, rendered_step

register = template.Library()

_PLACES = (
    "number",
    "index",
    "text",
    "category",
    "note",
    "rewrite",
    "opinions",
    "assignment",
    "practice_source_url",
)
_moulds = Shelf(most=100)


@dataclass(frozen=True)
class CardKind:
    """What a card's template decides by. `look` is a label's; `is_practice`: the trace has no assignment."""

    language: str | None
    look: str
    is_after_error: bool
    has_words: bool
    has_alternatives: bool
    is_practice: bool


@register.simple_tag(takes_context=True)
def step_card(context: Context, row: StepRow) -> Safe:
    """Use: {% step_card row %}, where the context has the trace and either the assignment or the practice's place."""
    practice, assignment = context.get("practice"), context.get("assignment")
    look = LOOKS[row.label].key
    kind = CardKind(
        language=get_language(),
        look=look,
        is_after_error=row.is_after_error,
        has_words=bool(row.note or row.rewrite),
        has_alternatives=look == "bad"
        and not row.is_after_error
        and not practice
        and context["trace"].batch_id is not None,
        is_practice=bool(practice),
    )
    mould = _moulds.find_or_make(kind, lambda: Mould(_make(kind), _PLACES))
    opinions = render_to_string("ratings/opinions.html", {"row": row}) if row.opinions else ""
    return mould.cast(
        {
            "number": str(row.number),
            "index": str(row.index),
            "text": rendered_step(row.text),
            "category": row.category,
            "note": row.note,
            "rewrite": row.rewrite,
            "opinions": opinions,
            "assignment": str(assignment.pk) if assignment else "",
            "practice_source_url": practice.source_url if practice else "",
        }
    )


def _make(kind: CardKind) -> Making:
    def make(marks: Mapping[str, Safe]) -> str:
        return render_to_string("ratings/step_card.html", {"kind": kind, **marks})

    return make
