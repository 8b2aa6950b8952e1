"""Drafts: what the page may send, and what of a draft counts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.rules.draft import (
    MAX_NOTE_CHARACTERS,
    MAX_REWRITE_CHARACTERS,
    Draft,
    InvalidDraft,
    empty_draft,
    parse_draft,
    rating_labels,
)
from annotation.rules.error_categories import MAX_CATEGORY_CHARACTERS
from annotation.rules.rating import BAD, check_draft

labels = st.lists(st.sampled_from([-1, 0, 1, None]), min_size=1, max_size=12)


@given(labels, st.booleans(), st.floats(0, 1e6), st.text(max_size=40).filter(lambda text: "\x00" not in text))
def test_a_draft_survives_the_way_through_json(
    labels: list[int | None], flag: bool, seconds: float, writer: str
) -> None:
    draft = Draft(tuple(labels), {0: "why"}, flag, seconds, writer, 3, {0: "Logic"}, {0: " so "})

    assert parse_draft(json.loads(json.dumps(draft.as_json())), len(labels)) == draft


def test_an_empty_object_is_the_empty_draft() -> None:
    assert parse_draft({}, 3) == empty_draft(3) == Draft(labels=(None, None, None))


@given(labels)
def test_what_counts_of_a_draft_can_always_be_submitted_but_for_missing_labels(
    labels: list[int | None],
) -> None:
    counted = rating_labels(labels, stop_at_first_error=True)

    check_draft(counted, len(labels), stop_at_first_error=True)


@given(labels)
def test_nothing_before_or_at_the_first_error_is_dropped(labels: list[int | None]) -> None:
    counted = rating_labels(labels, stop_at_first_error=True)

    until = labels.index(BAD) + 1 if BAD in labels else len(labels)
    assert list(counted[:until]) == labels[:until]
    assert set(counted[until:]) <= {None}


def test_where_the_project_goes_on_everything_counts() -> None:
    assert rating_labels([-1, 1, None], stop_at_first_error=False) == (-1, 1, None)


@pytest.mark.parametrize(
    "data",
    [
        [],
        "x",
        {"labels": None},
        {"labels": [1]},
        {"labels": [1, 1, 2]},
        {"labels": [1, 1, True]},
        {"labels": [1, 1, "1"]},
        {"labels": [1, 1, 1.0]},
        {"labels": [1, 1, 1], "notes": []},
        {"labels": [1, 1, 1], "notes": {"3": "no such step"}},
        {"labels": [1, 1, 1], "notes": {"-1": "x"}},
        {"labels": [1, 1, 1], "notes": {"٣": "x"}},
        {"labels": [1, 1, 1], "notes": {"0": 5}},
        {"labels": [1, 1, 1], "error_categories": {"3": "Logic"}},
        {"labels": [1, 1, 1], "error_categories": {"0": "x" * (MAX_CATEGORY_CHARACTERS + 1)}},
        {"labels": [1, 1, 1], "rewrites": {"0": "x" * (MAX_REWRITE_CHARACTERS + 1)}},
        {"labels": [1, 1, 1], "rewrites": "all of it"},
        {"labels": [1, 1, 1], "notes": {"0": "x" * (MAX_NOTE_CHARACTERS + 1)}},
        {"labels": [1, 1, 1], "is_reference_wrong": "yes"},
        {"labels": [1, 1, 1], "active_seconds": -1},
        {"labels": [1, 1, 1], "active_seconds": float("nan")},
        {"labels": [1, 1, 1], "active_seconds": float("inf")},
        {"labels": [1, 1, 1], "active_seconds": True},
        {"labels": [1, 1, 1], "writer": "x" * 41},
        {"labels": [1, 1, 1], "sequence": -1},
        {"labels": [1, 1, 1], "sequence": 1.5},
    ],
)
def test_what_is_no_draft_is_refused(data: Any) -> None:
    with pytest.raises(InvalidDraft):
        parse_draft(data, 3)


def test_empty_notes_are_dropped_and_nulls_are_cut_out() -> None:
    draft = parse_draft({"labels": [1, None, None], "notes": {"1": "a\x00b", "0": "  "}}, 3)

    assert draft.notes == {1: "ab"}


def test_drafts_are_compared_by_what_they_say() -> None:
    one = Draft((1, None), {0: "a"}, writer="one", sequence=4, active_seconds=3)

    assert one.says_the_same_as(Draft((1, None), {0: "a"}, writer="two"))
    assert not one.says_the_same_as(Draft((1, 1), {0: "a"}))
    assert not one.says_the_same_as(Draft((1, None), {0: "b"}))
    assert not one.says_the_same_as(Draft((1, None), {0: "a"}, is_reference_wrong=True))
