"""Krippendorff's alpha, held against the package `krippendorff` and against its author's own example."""

from __future__ import annotations

import krippendorff
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from annotation.measuring.alpha import agreement_on, count_coincidences, nominal_alpha, ordinal_alpha

# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", part C: 4 observers, 12 units, values 1 to 5.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def as_units(observers: list[list[int | None]]) -> list[list[int]]:
    return [[value - 1 for value in unit if value is not None] for unit in zip(*observers, strict=True)]


def test_its_authors_own_example() -> None:
    found = count_coincidences(as_units(OBSERVERS), 5)

    assert found.sum() == pytest.approx(40.0)  # 40 pairable values
    assert float(nominal_alpha(found)) == pytest.approx(0.743, abs=5e-4)
    assert float(ordinal_alpha(found)) == pytest.approx(0.815, abs=5e-4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from([0, 1, 2, None]), min_size=3, max_size=3), min_size=2, max_size=15))
def test_the_package_says_the_same(units: list[list[int | None]]) -> None:
    present = [[value for value in unit if value is not None] for unit in units]
    pairable = {value for unit in present if len(unit) > 1 for value in unit}
    assume(len(pairable) > 1)  # the package refuses where there is nothing to tell apart
    data = np.array([[np.nan if value is None else value for value in unit] for unit in units], dtype=float).T
    found = count_coincidences(present, 3)

    for level, ours in (("nominal", nominal_alpha), ("ordinal", ordinal_alpha)):
        theirs = krippendorff.alpha(data, level_of_measurement=level, value_domain=[0, 1, 2])
        assert float(ours(found)) == pytest.approx(theirs, abs=1e-9)


def test_many_matrices_are_measured_at_once() -> None:
    one, other = count_coincidences([[0, 1], [1, 1]], 2), count_coincidences([[0, 0], [1, 1]], 2)

    both = nominal_alpha(np.stack([one, other]))

    assert both.tolist() == [float(nominal_alpha(one)), 1.0]


def test_where_everybody_always_says_the_same_alpha_says_nothing() -> None:
    assert np.isnan(nominal_alpha(count_coincidences([[1, 1], [1, 1]], 2)))
    assert np.isnan(nominal_alpha(count_coincidences([[1], [0]], 2)))


def test_agreement_on_a_value_by_hand() -> None:
    # Units 0 0, 0 1 and 1 1 1: of the two ordered pairs that begin with 0 in the first and the one in the second, two
    # go on with 0.
    found = count_coincidences([[0, 0], [0, 1], [1, 1, 1]], 2)

    assert float(agreement_on(found, 0)) == pytest.approx(2 / 3)
    assert float(agreement_on(found, 1)) == pytest.approx(3 / 4)
