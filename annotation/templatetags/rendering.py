"""Template filters that show what a model wrote, and labels as colour, shape and word."""

from __future__ import annotations

from dataclasses import dataclass

from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, gettext_noop

from annotation.rendering import plain_excerpt, render_markdown, render_step, spell_out
from annotation.rules.gold_accuracy import gold_first_error
from annotation.rules.rating import BAD, GOOD, NEUTRAL, Label

register = template.Library()


@dataclass(frozen=True)
class LabelLook:
    """How a label shows: a key for the stylesheet, a shape, a word."""

    key: str
    shape: str
    word: str


LOOKS: dict[Label, LabelLook] = {
    BAD: LabelLook("bad", "✕", gettext_noop("bad")),
    NEUTRAL: LabelLook("neutral", "–", gettext_noop("neutral")),
    GOOD: LabelLook("good", "✓", gettext_noop("good")),
    None: LabelLook("none", "·", gettext_noop("not judged")),
}


@register.filter
def rendered_step(text: str) -> SafeString:
    """A step as HTML; the renderer sanitises, whatever the model wrote."""
    return mark_safe(render_step(text))


@register.filter
def rendered_markdown(text: str) -> SafeString:
    """A prompt or guidelines as HTML, sanitised likewise."""
    return mark_safe(render_markdown(text))


@register.filter
def excerpt(text: str | None, limit: int) -> str:
    """The beginning of a text that somebody else wrote, on one line, with nothing hidden in it; plain text."""
    return plain_excerpt(text or "", limit)


@register.filter
def spelled(text: str) -> str:
    """A text as it is, with its lines, but characters that hide or turn others round as their codes; plain text."""
    return spell_out(text)


@register.filter
def label_look(label: Label) -> LabelLook:
    look = LOOKS[label]
    return LabelLook(look.key, look.shape, gettext(look.word))


@register.filter
def as_percent(probability: float | None) -> str:
    """0.934 as "93 %"; -0.001 as "0 %"; nothing said as "–"."""
    return "–" if probability is None else f"{100 * probability:z.0f} %"


@register.filter
def as_duration(seconds: float) -> str:
    """125 as "2 min 5 s"; hours from 3,600 on."""
    whole = round(seconds)
    if whole < 60:
        return gettext("%(seconds)d s") % {"seconds": whole}
    if whole < 3600:
        return gettext("%(minutes)d min %(seconds)d s") % {"minutes": whole // 60, "seconds": whole % 60}
    return gettext("%(hours)d h %(minutes)d min") % {"hours": whole // 3600, "minutes": whole % 3600 // 60}


@register.filter
def as_count(number: int) -> str:
    """12345 as "12,345"."""
    return f"{number:,}"


@register.filter
def first_error_number(stands: list[bool]) -> int | None:
    """Of gold: the number of the first step that does not stand, counted from 1; None where all do."""
    error = gold_first_error(stands)
    return None if error is None else error + 1


@register.filter
def as_points(change: float) -> str:
    """A change of a probability in points: 0.123 as "+12 points", -0.004 as "−0.4 points"."""
    points = 100 * change
    if abs(points) < 0.05:
        return "0 points"
    text = f"{points:+.0f}" if abs(points) >= 0.95 else f"{points:+.1f}"
    return f"{text.replace('-', '−')} points"
