"""Error categories: what kind of mistake a bad step makes, in words each project chooses for itself.

A rating stores the words themselves, not a number: a project that renames or drops a category later still knows what
was said before. The default list is our own, for mathematics and reasoning; nine, so that one digit chooses each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from annotation.rules.rating import BAD, Labels

DEFAULT_ERROR_CATEGORIES = (
    "Calculation",
    "Logic: does not follow",
    "Misread problem",
    "Wrong fact or formula",
    "Unjustified claim",
    "Missing case or step",
    "Contradicts itself",
    "No progress",
    "Incomplete or wrong answer",
)
MAX_CATEGORIES = 20
MAX_CATEGORY_CHARACTERS = 60


class InvalidCategories(ValueError):
    """This is no list of error categories; the message says why, in words for the admin."""


class UnknownCategory(ValueError):
    """A step's error category is not on the project's list; the message says which, in words for the rater."""


def parse_categories(text: str) -> list[str]:
    """The categories in a text of one a line; empty lines are left out. Raises InvalidCategories."""
    categories = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if len(categories) > MAX_CATEGORIES:
        raise InvalidCategories(
            f"There are {len(categories)} categories; a project has at most {MAX_CATEGORIES}."
        )
    seen: set[str] = set()
    for category in categories:
        if len(category) > MAX_CATEGORY_CHARACTERS:
            raise InvalidCategories(f"“{category:.30}…” is longer than {MAX_CATEGORY_CHARACTERS} characters.")
        if category.casefold() in seen:
            raise InvalidCategories(f"“{category}” is in the list twice.")
        seen.add(category.casefold())
    return categories


def check_categories(categories: Mapping[int, str], allowed: Sequence[str]) -> None:
    """Raises UnknownCategory unless every category is one of those allowed. Keys are step indexes."""
    for index, category in sorted(categories.items()):
        if category not in allowed:
            raise UnknownCategory(
                f"“{category:.60}” on step {index + 1} is none of this project’s error categories; choose another."
            )


def counted_categories(categories: Mapping[int, str], labels: Labels) -> dict[int, str]:
    """Those of steps that are rated bad: a draft remembers more than a rating may say."""
    return {index: category for index, category in categories.items() if labels[index] == BAD}
