"""A step as the rating page shows it: its text, and what its rater said of it so far."""

from __future__ import annotations

from dataclasses import dataclass

from annotation.rules.rating import Label


@dataclass(frozen=True)
class StepRow:
    """A step as the page shows it. `opinions`: (judge, probability, rationale), where the rater may see them."""

    index: int
    text: str
    label: Label
    note: str
    category: str
    rewrite: str
    is_after_error: bool
    opinions: tuple[tuple[str, float | None, str], ...] = ()

    @property
    def number(self) -> int:
        return self.index + 1
