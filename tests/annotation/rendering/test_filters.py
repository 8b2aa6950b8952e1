"""Figures as pages write them."""

from __future__ import annotations

import pytest

from annotation.templatetags.rendering import as_duration, as_percent


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.934, "93 %"), (0.0, "0 %"), (-0.18, "-18 %"), (-0.001, "0 %"), (1.0, "100 %"), (None, "–")],
)
def test_a_share_is_a_whole_percentage_and_nothing_is_never_less_than_nothing(
    share: float | None, words: str
) -> None:
    assert as_percent(share) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (125, "2 min 5 s"), (3725, "1 h 2 min")]
)
def test_a_duration_has_the_two_units_that_matter(seconds: float, words: str) -> None:
    assert as_duration(seconds) == words
