"""Gold from a file or the API: all rows or none, each fault named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from annotation.actions.import_gold import BadGold, ImportedGold, import_gold, read_gold_lines
from annotation.models import Account, Gold, GoldSource, Project, Prompt, Role, Trace
from tests.factories import NOW, make_gold, make_member, make_project, make_prompt, make_trace

pytestmark = pytest.mark.django_db

NEW = {"prompt": "2 + 2?", "steps": ["2 + 2 = 5.", "So 5.\n", "Done."], "first_error": 0}


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def admin(project: Project) -> Account:
    return make_member(project, Role.ADMIN)


def bring(project: Project, admin: Account, *rows: Any) -> ImportedGold:
    return import_gold(project=project, rows=rows, actor=admin, now=NOW)


def test_a_row_makes_a_prompt_a_trace_and_its_gold(project: Project, admin: Account) -> None:
    done = bring(project, admin, {**NEW, "reference_answer": "4", "note": "2 + 2 is 4"})

    assert done == ImportedGold(num_made=1, num_known=0)
    gold = Gold.objects.get()
    assert (gold.stands, gold.source, gold.note) == ([False] * 3, GoldSource.IMPORTED, "2 + 2 is 4")
    assert gold.trace.completion == "2 + 2 = 5.\n\nSo 5.\nDone."
    assert gold.trace.step_ends == [12, 18, 23]
    assert not gold.trace.wants_ratings
    assert (gold.trace.prompt.reference_answer, gold.trace.prompt.created_by) == ("4", admin)


@pytest.mark.parametrize(
    ("first_error", "stands"), [(None, [True] * 3), (-1, [True] * 3), (1, [True, False, False])]
)
def test_the_first_error_counts_from_0_and_none_is_null(
    project: Project, admin: Account, first_error: int | None, stands: list[bool]
) -> None:
    trace = make_trace(make_prompt(project))

    bring(project, admin, {"trace": trace.pk, "first_error": first_error})

    assert Gold.objects.get(trace=trace).stands == stands
    trace.refresh_from_db()
    assert not trace.wants_ratings


def test_the_same_again_changes_what_is_known_and_makes_nothing_twice(
    project: Project, admin: Account
) -> None:
    bring(project, admin, NEW)

    done = bring(
        project, admin, {**NEW, "first_error": 1}, {**NEW, "steps": ["2 + 2 = 4."], "first_error": None}
    )

    assert done == ImportedGold(num_made=1, num_known=1)
    assert (Prompt.objects.count(), Trace.objects.count()) == (1, 2)
    assert Gold.objects.order_by("pk")[0].stands == [True, False, False]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([1], "not a JSON object"),
        (None, "not a JSON object"),
        ({**NEW, "label": 3}, "no field “label”"),
        ({"prompt": "a", "steps": ["b"]}, "“first_error” is missing"),
        ({**NEW, "first_error": 3}, "no step of the 3"),
        ({**NEW, "first_error": True}, "no step of the 3"),
        ({**NEW, "first_error": "1"}, "no step of the 3"),
        ({**NEW, "steps": []}, "not a list of texts"),
        ({**NEW, "steps": ["a", ""]}, "not a list of texts"),
        ({**NEW, "steps": ["a\x00"]}, "no text may"),
        ({**NEW, "prompt": " "}, "the prompt is empty"),
        ({**NEW, "prompt": 7}, "“prompt” is not text"),
        ({**NEW, "note": []}, "“note” is not text"),
        ({"trace": 10**30, "first_error": None}, "no trace"),
        ({"trace": True, "first_error": None}, "no trace"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_stored(
    project: Project, admin: Account, row: Any, reason: str
) -> None:
    with pytest.raises(BadGold, match=f"Row 2: .*{reason}"):
        bring(project, admin, {**NEW, "prompt": "Another"}, row)

    assert not Gold.objects.exists()
    assert not Prompt.objects.exists()


def test_a_trace_of_another_project_is_none_of_this_one(project: Project, admin: Account) -> None:
    with pytest.raises(BadGold, match="no trace"):
        bring(project, admin, {"trace": make_trace().pk, "first_error": None})


def test_a_retired_trace_becomes_no_gold(project: Project, admin: Account) -> None:
    trace = make_trace(make_prompt(project), retired_at=NOW, wants_ratings=False)

    with pytest.raises(BadGold, match="cut anew"):
        bring(project, admin, {"trace": trace.pk, "first_error": None})


def test_an_import_of_nothing_says_so(project: Project, admin: Account) -> None:
    with pytest.raises(BadGold, match="nothing in it"):
        bring(project, admin)


def test_lines_are_read_as_json_and_what_is_none_is_no_object() -> None:
    lines = [b"\xef\xbb\xbf" + json.dumps(NEW).encode(), b"\n", b"not json", b"\xff", b"[" * 100_000]

    assert list(read_gold_lines(lines)) == [NEW, None, None, None]


def test_what_a_project_knows_of_gold_survives_an_import_that_fails(project: Project, admin: Account) -> None:
    trace = make_trace(make_prompt(project))
    make_gold(trace, (True, True, True))

    with pytest.raises(BadGold):
        bring(project, admin, {"trace": trace.pk, "first_error": 0}, {})

    assert Gold.objects.get().stands == [True, True, True]
