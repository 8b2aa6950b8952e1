"""Which prompts a batch takes."""

from __future__ import annotations

import pytest

from annotation.queries.prompts import (
    PromptChoice,
    Which,
    choose_prompt_ids,
    list_prompt_traces,
    list_prompts,
    list_verifiers,
    search_prompts,
)
from tests.factories import NOW, make_judge_score, make_project, make_prompt, make_rating, make_trace

pytestmark = pytest.mark.django_db


def test_all_the_first_or_a_random_draw_of_the_projects_own_prompts() -> None:
    project = make_project()
    ids = [make_prompt(project).pk for _ in range(10)]
    make_prompt()

    assert choose_prompt_ids(project, PromptChoice(Which.ALL)) == ids
    assert choose_prompt_ids(project, PromptChoice(Which.FIRST, count=3)) == ids[:3]
    drawn = choose_prompt_ids(project, PromptChoice(Which.RANDOM, count=4, seed=1))
    assert len(set(drawn)) == 4
    assert set(drawn) <= set(ids)


def test_the_same_seed_draws_the_same_prompts_and_another_one_others() -> None:
    project = make_project()
    for _ in range(30):
        make_prompt(project)

    first = choose_prompt_ids(project, PromptChoice(Which.RANDOM, count=10, seed=1))

    assert first == choose_prompt_ids(project, PromptChoice(Which.RANDOM, count=10, seed=1))
    assert first != choose_prompt_ids(project, PromptChoice(Which.RANDOM, count=10, seed=2))


@pytest.mark.parametrize("which", list(Which))
def test_asking_for_more_than_there_are_takes_them_all(which: Which) -> None:
    project = make_project()
    ids = [make_prompt(project).pk for _ in range(3)]

    assert choose_prompt_ids(project, PromptChoice(which, count=99)) == ids


def test_only_current_traces_are_counted() -> None:
    prompt = make_prompt()
    make_trace(prompt)
    make_trace(prompt, retired_at=NOW, wants_ratings=False)

    [listed] = list_prompts(prompt.project)

    assert listed.num_traces == 1  # type: ignore[attr-defined]  # annotated


def test_ratings_and_scores_of_a_prompts_traces_are_not_multiplied() -> None:
    trace = make_trace()
    for _ in range(2):
        make_rating(trace)
        make_judge_score(trace)
    make_judge_score(trace)

    [listed] = list_prompt_traces(trace.prompt)

    assert (listed.num_ratings, listed.num_scores) == (2, 3)  # type: ignore[attr-defined]  # annotated


def test_prompts_are_searched_by_text_and_by_their_whole_answer() -> None:
    project = make_project()
    apples = make_prompt(project, text="How many apples?", reference_answer="12")
    make_prompt(project, text="How many pears?", reference_answer="123", verifier="exact")
    prompts = list_prompts(project)

    assert list(search_prompts(prompts, "APPLES")) == [apples]
    assert list(search_prompts(prompts, "12")) == [apples]
    assert list_verifiers(project) == ["exact", "numeric"]


def test_numbers_beside_a_row_are_counted_for_the_rows_that_are_read_only() -> None:
    """A subquery in the row and no grouping of the whole project: fifty rows cost fifty counts."""
    project = make_project()
    for _ in range(3):
        make_prompt(project)

    sql = str(list_prompts(project)[:2].query)

    assert sql.count("GROUP BY") == 1  # within the subquery
    assert sql.rindex("GROUP BY") < sql.index('FROM "annotation_prompt"')


def test_prompts_without_a_trace_and_those_of_one_import_are_chosen_from() -> None:
    project = make_project()
    traced, retired, *others = (make_prompt(project) for _ in range(4))
    imported = [make_prompt(project, source={"import": 7, "line": line}) for line in (1, 2)]
    make_prompt(project, source={"import": 77, "line": 7})
    make_prompt(source={"import": 7, "line": 1})  # of another project
    make_trace(traced)
    make_trace(imported[0])
    make_trace(retired, retired_at=NOW, wants_ratings=False)

    untraced = choose_prompt_ids(project, PromptChoice(Which.ALL, is_untraced=True))

    assert traced.pk not in untraced
    assert {retired.pk, *(prompt.pk for prompt in others), imported[1].pk} <= set(untraced)
    assert choose_prompt_ids(project, PromptChoice(Which.ALL, import_id=7)) == [row.pk for row in imported]
    assert choose_prompt_ids(project, PromptChoice(Which.FIRST, count=1, import_id=7)) == [imported[0].pk]
    assert choose_prompt_ids(project, PromptChoice(Which.ALL, is_untraced=True, import_id=7)) == [
        imported[1].pk
    ]
