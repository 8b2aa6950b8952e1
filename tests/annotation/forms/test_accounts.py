"""Names that people give themselves are shown on others' pages."""

from __future__ import annotations

import pytest

from annotation.forms.accounts import NameForm, NewSignInForm

DECEIVING = [
    "Ann\u202enimda",
    "Ann\u200b",
    "\u2066Ann",
    "An\u00adn",
    "\ufeffAnn",
    "Ann\u2028",
    "\U000e0041nn",
    "Ann\x1b[31m",
]


@pytest.mark.parametrize("name", DECEIVING)
def test_a_name_that_hides_or_turns_text_round_is_refused(name: str) -> None:
    form = NameForm({"display_name": f"x{name}x"})

    assert form.errors["display_name"] == [
        "A name holds no invisible characters and none that change the writing direction."
    ]


@pytest.mark.parametrize("name", DECEIVING)
def test_so_it_is_when_one_joins(name: str) -> None:
    sent = {"username": "ann", "password": "a long enough secret", "password_again": "a long enough secret"}

    assert list(NewSignInForm({**sent, "display_name": f"x{name}x"}).errors) == ["display_name"]


@pytest.mark.parametrize(
    "name", ["", "Ann O’Neill", "אן", "نسرین می\u200cخواهد", "李安", "Zoë", "👩\u200d🔬"]
)
def test_a_name_in_any_script_is_taken(name: str) -> None:
    form = NameForm({"display_name": name})

    assert form.is_valid()
    assert form.cleaned_data["display_name"] == name
