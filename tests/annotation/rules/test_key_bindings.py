"""Keys: the default ones, a rater's own, and what is no key or clashes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.rules.key_bindings import (
    COMMANDS,
    MAX_KEYS,
    NAMED_KEYS,
    InvalidKeys,
    keys_of,
    parse_keys,
    show_key,
)

DEFAULTS = {command.name: " ".join(command.keys) for command in COMMANDS}


def test_no_two_commands_share_a_default_key() -> None:
    keys = [key for command in COMMANDS for key in command.keys]

    assert len(keys) == len(set(keys))


def test_the_defaults_typed_in_store_nothing() -> None:
    assert parse_keys(DEFAULTS) == {}
    assert keys_of({}) == {command.name: list(command.keys) for command in COMMANDS}


def test_only_what_differs_is_stored_and_the_rest_follows_the_defaults() -> None:
    changed = parse_keys({**DEFAULTS, "good": "d", "undo": "z Backspace"})

    assert changed == {"good": ["d"], "undo": ["z", "Backspace"]}
    assert keys_of(changed)["good"] == ["d"]
    assert keys_of(changed)["bad"] == ["1", "b"]


def test_names_signs_and_capitals_are_read() -> None:
    changed = parse_keys({**DEFAULTS, "next_step": "→ PAGEDOWN J é", "rest_good": "space"})

    assert changed == {"next_step": ["ArrowRight", "PageDown", "j", "é"], "rest_good": ["Space"]}


def test_a_field_left_empty_turns_its_keys_off() -> None:
    assert keys_of(parse_keys({**DEFAULTS, "skip": " "}))["skip"] == []


def test_two_commands_can_not_have_one_key() -> None:
    with pytest.raises(InvalidKeys, match="“a” already does: All remaining steps good") as refused:
        parse_keys({**DEFAULTS, "category": "A"})
    assert refused.value.command == "category"


@pytest.mark.parametrize("text", ["Tab", "Escape", "ctrl+z", "\u200b", "\x07", "\u0301", "Enterr", "👩‍👩"])
def test_what_is_no_key_is_named(text: str) -> None:
    with pytest.raises(InvalidKeys, match="is no key") as refused:
        parse_keys({**DEFAULTS, "note": text})
    assert refused.value.command == "note"


def test_there_is_an_end_to_keys_for_one_thing() -> None:
    with pytest.raises(InvalidKeys, match=f"At most {MAX_KEYS}"):
        parse_keys({**DEFAULTS, "note": "5 6 7 8 9"})


def test_a_default_key_given_away_is_no_longer_its_first_owners() -> None:
    """A later version may give a command a default key that a rater uses for something else."""
    keys = keys_of({"note": ["s"]})

    assert (keys["note"], keys["skip"]) == (["s"], [])


def test_stored_commands_that_are_no_more_take_no_keys() -> None:
    assert keys_of({"gone": ["a"]})["rest_good"] == ["a"]


@given(st.dictionaries(st.sampled_from([command.name for command in COMMANDS]), st.text(max_size=20)))
def test_whatever_is_typed_is_stored_or_refused(texts: dict[str, str]) -> None:
    try:
        changed = parse_keys(texts)
    except InvalidKeys as error:
        assert error.command in DEFAULTS
        return
    keys = [key for of_one in keys_of(changed).values() for key in of_one]
    assert len(keys) == len(set(keys))
    assert all(len(key) == 1 or key in NAMED_KEYS for key in keys)


def test_what_shows_can_be_typed_in_again() -> None:
    shown = {command.name: " ".join(show_key(key) for key in command.keys) for command in COMMANDS}

    assert parse_keys(shown) == {}
