"""Comparisons: what a choice on the page means for the stored pair, and which pair a rater gets."""

from __future__ import annotations

import random

import pytest

from annotation.actions.comparisons import AlreadyCompared, Side, submit_comparison
from annotation.models import Account, Choice, Comparison, Project, Trace
from annotation.queries.comparisons import Pair, find_pair, get_pair
from tests.factories import (
    NOW,
    make_judge,
    make_judge_score,
    make_member,
    make_project,
    make_prompt,
    make_trace,
)

pytestmark = pytest.mark.django_db


def make_pair(project: Project | None = None, **fields: object) -> tuple[Trace, Trace]:
    prompt = make_prompt(project)
    return make_trace(prompt, steps=("one",), **fields), make_trace(prompt, steps=("two",), **fields)


def as_pair(left: Trace, right: Trace) -> Pair:
    return Pair(prompt=left.prompt, left=left, right=right)


def find(rater: Account, project: Project, seed: int = 0, **kwargs: object) -> tuple[int, int] | None:
    return find_pair(rater=rater, project=project, source=random.Random(seed), **kwargs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("is_swapped", "side", "choice"),
    [
        (False, Side.LEFT, Choice.A),
        (False, Side.RIGHT, Choice.B),
        (True, Side.LEFT, Choice.B),
        (True, Side.RIGHT, Choice.A),
        (True, Side.TIE, Choice.TIE),
        (False, Side.BOTH_BAD, Choice.BOTH_BAD),
    ],
)
def test_a_side_means_the_trace_that_lay_there(is_swapped: bool, side: Side, choice: Choice) -> None:
    low, high = make_pair()
    pair = as_pair(high, low) if is_swapped else as_pair(low, high)

    comparison = submit_comparison(pair=pair, rater=make_member(low.project), side=side, now=NOW, note="x")

    comparison.refresh_from_db()
    assert (comparison.trace_a_id, comparison.trace_b_id) == (low.pk, high.pk)
    assert (comparison.choice, comparison.is_swapped, comparison.note) == (choice, is_swapped, "x")


def test_the_same_choice_sent_twice_is_stored_once() -> None:
    low, high = make_pair()
    rater = make_member(low.project)

    first = submit_comparison(pair=as_pair(low, high), rater=rater, side=Side.LEFT, now=NOW)
    second = submit_comparison(pair=as_pair(high, low), rater=rater, side=Side.RIGHT, now=NOW)

    assert first.pk == second.pk


def test_another_choice_for_a_pair_is_refused_and_the_first_stands() -> None:
    low, high = make_pair()
    rater = make_member(low.project)
    submit_comparison(pair=as_pair(low, high), rater=rater, side=Side.LEFT, now=NOW)

    with pytest.raises(AlreadyCompared):
        submit_comparison(pair=as_pair(low, high), rater=rater, side=Side.TIE, now=NOW)

    assert Comparison.objects.get().choice == Choice.A


class TestWhichPair:
    def test_a_rater_gets_each_pair_once(self) -> None:
        project = make_project()
        prompt = make_prompt(project)
        for text in ("one", "two", "three"):
            make_trace(prompt, steps=(text,))
        rater, seen = make_member(project), set()

        while ids := find(rater, project, seed=len(seen)):
            pair = get_pair(rater=rater, project=project, left_id=ids[0], right_id=ids[1])
            assert pair is not None
            submit_comparison(pair=pair, rater=rater, side=Side.TIE, now=NOW)
            assert pair.ids not in seen
            seen.add(pair.ids)

        assert len(seen) == 3

    def test_what_another_rater_compared_is_still_open(self) -> None:
        low, high = make_pair()
        submit_comparison(pair=as_pair(low, high), rater=make_member(low.project), side=Side.TIE, now=NOW)

        found = find(make_member(low.project), low.project)

        assert found is not None
        assert set(found) == {low.pk, high.pk}

    def test_traces_with_the_same_text_are_no_pair(self) -> None:
        prompt = make_prompt()
        make_trace(prompt), make_trace(prompt)

        assert find(make_member(prompt.project), prompt.project) is None

    def test_traces_of_different_prompts_are_no_pair(self) -> None:
        project = make_project()
        left, right = (
            make_trace(make_prompt(project), steps=("a",)),
            make_trace(make_prompt(project), steps=("b",)),
        )

        assert find(make_member(project), project) is None
        assert (
            get_pair(rater=make_member(project), project=project, left_id=left.pk, right_id=right.pk) is None
        )

    def test_retired_traces_and_other_projects_are_left_out(self) -> None:
        left, right = make_pair(retired_at=NOW, wants_ratings=False)
        other = make_project()

        assert find(make_member(left.project), left.project) is None
        assert (
            get_pair(
                rater=make_member(left.project), project=left.project, left_id=left.pk, right_id=right.pk
            )
            is None
        )
        assert get_pair(rater=make_member(other), project=other, left_id=left.pk, right_id=right.pk) is None

    def test_a_trace_is_no_pair_with_itself(self) -> None:
        left, _ = make_pair()

        assert (
            get_pair(rater=make_member(left.project), project=left.project, left_id=left.pk, right_id=left.pk)
            is None
        )

    def test_different_final_answers_come_first(self) -> None:
        project = make_project()
        prompt = make_prompt(project)
        make_trace(prompt, steps=("one",), final_answer="7")
        make_trace(prompt, steps=("two",), final_answer="7")
        odd = make_trace(prompt, steps=("three",), final_answer="8")

        found = find(make_member(project), project)

        assert found is not None
        assert odd.pk in found

    def test_then_different_judge_scores(self) -> None:
        project, judge = make_project(), make_judge()
        prompt = make_prompt(project)
        traces = [make_trace(prompt, steps=(text,)) for text in ("one", "two", "three")]
        for trace, score in zip(traces, (0.9, 0.5, 0.1), strict=True):
            make_judge_score(trace, judge, [score])

        found = find(make_member(project), project)

        assert found is not None
        assert set(found) == {traces[0].pk, traces[2].pk}

    def test_sides_are_drawn_at_random(self) -> None:
        low, high = make_pair()
        rater = make_member(low.project)

        assert {find(rater, low.project, seed) for seed in range(12)} == {
            (low.pk, high.pk),
            (high.pk, low.pk),
        }

    def test_a_pair_put_off_comes_back_when_nothing_else_is_left(self) -> None:
        project = make_project()
        first, second = make_pair(project), make_pair(project)
        rater = make_member(project)
        first_ids, second_ids = (tuple(sorted(trace.pk for trace in pair)) for pair in (first, second))

        for seed in range(6):
            found = find(rater, project, seed, put_off=[first_ids])
            assert found is not None
            assert tuple(sorted(found)) == second_ids
        assert find(rater, project, put_off=[first_ids, second_ids]) is not None

    def test_nobody_compares_traces_of_their_own_prompt_where_the_project_forbids_it(self) -> None:
        project = make_project(forbids_own_prompts=True)
        author, other = make_member(project), make_member(project)
        own = make_prompt(project, created_by=author)
        low, high = make_trace(own, steps=("one",)), make_trace(own, steps=("two",))
        somebodys = make_prompt(project)
        make_trace(somebodys, steps=("one",)), make_trace(somebodys, steps=("two",))

        ids = find(author, project)
        assert ids is not None
        assert {low.pk, high.pk}.isdisjoint(ids)
        assert get_pair(rater=author, project=project, left_id=low.pk, right_id=high.pk) is None
        assert get_pair(rater=other, project=project, left_id=low.pk, right_id=high.pk) is not None

    def test_elsewhere_they_may(self) -> None:
        project = make_project()
        author = make_member(project)
        own = make_prompt(project, created_by=author)
        low, high = make_trace(own, steps=("one",)), make_trace(own, steps=("two",))

        assert set(find(author, project) or ()) == {low.pk, high.pk}
