"""What a judge's rubric must hold to be filled: {problem} and then {steps}, once each, and perhaps {reference}."""

from __future__ import annotations

LONGEST_RUBRIC = 20_000  # characters


class BadRubric(ValueError):
    """The rubric can't be filled; the message says why, in words for whoever wrote it."""


def check_rubric(rubric: str) -> None:
    """Raises BadRubric unless the rubric holds {problem} and then {steps}, once each."""
    if rubric.count("{problem}") != 1 or rubric.count("{steps}") != 1:
        raise BadRubric("A rubric holds {problem} and {steps}, once each.")
    problem, steps, reference = (rubric.find(word) for word in ("{problem}", "{steps}", "{reference}"))
    if problem > steps:
        raise BadRubric("In a rubric {problem} stands before {steps}.")
    if reference > steps:
        raise BadRubric("In a rubric {reference} stands before {steps}.")
    if "\x00" in rubric:
        raise BadRubric("The rubric holds a NUL byte, which no text may.")
    if len(rubric) > LONGEST_RUBRIC:
        raise BadRubric(f"The rubric is longer than {LONGEST_RUBRIC:,} characters.")
