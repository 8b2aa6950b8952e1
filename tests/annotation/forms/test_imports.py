"""What the form of an import offers, and what it takes a person to have said."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict

from annotation.actions.imports import ImportPlan
from annotation.forms.imports import HubSourceForm, ImportForm, UploadSourceForm
from annotation.models import ImportSource
from tests.factories import make_import_source

pytestmark = pytest.mark.django_db


def make_source(*rows: dict[str, Any], name: str = "sums.jsonl") -> ImportSource:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    sample = [{"number": number, "values": row, "fault": ""} for number, row in enumerate(rows, start=1)]
    return make_import_source(name=name, columns=columns, sample=sample)


def say(**fields: str) -> QueryDict:
    said = QueryDict(mutable=True)
    said.update(fields)
    return said


STEPS = {"prompt": "A", "steps": ["x"], "labels": [1], "answer": "7"}


def test_at_first_the_layout_and_the_columns_are_guessed() -> None:
    form = ImportForm(None, source=make_source(STEPS))

    assert form.chosen.key == "steps"
    assert form.mapping() == {
        "prompt": "prompt",
        "steps": "steps",
        "labels": "labels",
        "reference_answer": "answer",
    }


def test_a_layout_that_knows_its_columns_asks_for_none() -> None:
    form = ImportForm(None, source=make_source({"question": "A", "answer": "#### 7"}))

    assert form.chosen.key == "gsm8k"
    assert form.column_fields() == []
    assert [field.name for field in form.option_fields()] == ["max_rows", "is_all_or_nothing"]


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("prompts", ["verifier", "max_rows", "is_all_or_nothing"]),
        ("completions", ["verifier", "segmenter", "model_name", "max_rows", "is_all_or_nothing"]),
        (
            "steps",
            ["verifier", "segmenter", "model_name", "rater_name", "max_rows", "is_all_or_nothing"],
        ),
        ("prm800k", ["segmenter", "model_name", "rater_name", "max_rows", "is_all_or_nothing"]),
    ],
)
def test_each_layout_asks_what_it_needs(layout: str, expected: list[str]) -> None:
    form = ImportForm(say(layout=layout), source=make_source(STEPS))

    assert [field.name for field in form.option_fields()] == expected


def test_a_layout_just_changed_starts_from_guesses_and_is_not_taken_for_an_answer() -> None:
    form = ImportForm(
        say(layout="prompts", shown_layout="steps", column_prompt="labels"), source=make_source(STEPS)
    )

    assert not form.is_bound
    assert form.mapping()["prompt"] == "prompt"


def test_an_unknown_layout_is_the_guessed_one() -> None:
    assert ImportForm(say(layout="no such"), source=make_source(STEPS)).chosen.key == "steps"


def test_what_was_said_becomes_the_plan() -> None:
    form = ImportForm(
        say(
            layout="steps",
            shown_layout="steps",
            column_prompt="prompt",
            column_steps="steps",
            column_labels="labels",
            verifier="",
            segmenter="auto@1",
            model_name="m-1",
            rater_name="Trusted",
            max_rows="5",
            is_all_or_nothing="on",
        ),
        source=make_source(STEPS),
    )

    assert form.is_valid(), form.errors
    assert form.plan() == ImportPlan(
        layout="steps",
        mapping={"prompt": "prompt", "steps": "steps", "labels": "labels"},
        segmenter="auto@1",
        model_name="m-1",
        rater_name="Trusted",
        max_rows=5,
        is_all_or_nothing=True,
    )


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"column_prompt": ""}, "column_prompt", "Say which column is the prompt."),
        ({"column_steps": "gone"}, "column_steps", "Select a valid choice."),
        ({"segmenter": "none@9"}, "segmenter", "Select a valid choice."),
        ({"verifier": "oracle"}, "verifier", "Select a valid choice."),
        ({"rater_name": ""}, "rater_name", "This field is required."),
        ({"max_rows": "-1"}, "max_rows", "greater than or equal to 1"),
        ({"max_rows": "many"}, "max_rows", "Enter a whole number."),
    ],
)
def test_what_cannot_be_is_said_at_its_field(changes: dict[str, str], field: str, words: str) -> None:
    said = {
        "layout": "steps",
        "shown_layout": "steps",
        "column_prompt": "prompt",
        "column_steps": "steps",
        "segmenter": "auto@1",
        "rater_name": "Trusted",
    }
    form = ImportForm(say(**{**said, **changes}), source=make_source(STEPS))

    assert not form.is_valid()
    assert words in str(form.errors[field])


def test_the_raters_name_is_the_data_sets_or_the_files_at_first() -> None:
    of_file = ImportForm(say(layout="steps"), source=make_source(STEPS, name="my labels.v2.jsonl"))
    of_data_set = ImportForm(say(layout="prm800k"), source=make_source(STEPS))

    assert of_file.fields["rater_name"].initial == "my labels.v2"
    assert of_data_set.fields["rater_name"].initial == "PRM800K"


def test_a_file_of_a_known_kind_is_taken() -> None:
    form = UploadSourceForm({}, {"file": SimpleUploadedFile("a.parquet", b"x")})

    assert form.is_valid()


def test_a_data_set_needs_a_name_and_a_split() -> None:
    form = HubSourceForm({"name": " ", "split": ""})

    assert set(form.errors) == {"name", "split"}


@pytest.mark.parametrize("name", ["var/exports", "json", "docs/../../data/uploads"])
def test_what_would_open_a_folder_of_the_server_is_no_name(name: str) -> None:
    form = HubSourceForm({"name": name, "split": "train"})

    # `var/exports` could be on the hub, and is looked for nowhere else.
    assert ("name" in form.errors) == (name != "var/exports")
