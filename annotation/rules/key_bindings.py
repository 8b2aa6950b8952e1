"""Keys of the rating page: what they do by default, and what a rater may make of them.

A key is named as browsers name it (KeyboardEvent.key): one character, in lower case, or a word such as "Enter". Only
what differs from the default is stored, so that a better default reaches those who never chose.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from annotation.rules.messages import marked

Bindings = dict[str, list[str]]

MAX_KEYS = 4  # for one command
# Words besides single characters. Tab and Escape stay the browser's: they lead out of every field.
NAMED_KEYS = (
    "Enter",
    "Space",
    "Backspace",
    "Delete",
    "Insert",
    "Home",
    "End",
    "PageUp",
    "PageDown",
    "ArrowUp",
    "ArrowDown",
    "ArrowLeft",
    "ArrowRight",
    *(f"F{number}" for number in range(1, 13)),
)
# What people write, and how it shows: the shortest sign that is not mistaken.
SIGNS = {"ArrowUp": "↑", "ArrowDown": "↓", "ArrowLeft": "←", "ArrowRight": "→"}
_READ = {name.casefold(): name for name in NAMED_KEYS} | {sign: name for name, sign in SIGNS.items()}


class InvalidKeys(ValueError):
    """These keys can't be; `command` is whose they are, and the message says why, in words for the rater."""

    def __init__(self, command: str, message: str) -> None:
        super().__init__(message)
        self.command = command


@dataclass(frozen=True)
class Command:
    """One thing a key does: its name in code, what the page says of it, its keys by default."""

    name: str
    title: str
    keys: tuple[str, ...]


COMMANDS = (
    Command("bad", marked("✕ Bad, and on to the next step"), ("1", "b")),
    Command("neutral", marked("– Neutral"), ("2", "n")),
    Command("good", marked("✓ Good"), ("3", "g")),
    Command("rest_good", marked("All remaining steps good"), ("a",)),
    Command("submit", marked("Submit, once every step is judged"), ("Enter",)),
    Command("next_step", marked("Next step"), ("j", "ArrowDown", "ArrowRight")),
    Command("previous_step", marked("Step before"), ("k", "ArrowUp", "ArrowLeft")),
    Command("undo", marked("Undo"), ("z",)),
    Command("category", marked("What kind of error the step makes"), ("e",)),
    Command("note", marked("Note on this step; Esc leaves it"), ("c",)),
    Command("rewrite", marked("Rewrite this step; Esc leaves it"), ("r",)),
    Command("alternatives", marked("Alternatives to the first error"), ("t",)),
    Command("source", marked("The step’s exact source"), ("o",)),
    Command("prompt", marked("Open or fold the prompt"), ("p",)),
    Command("bad_problem", marked("Bad problem, with a reason"), ("x",)),
    Command("give_up", marked("Give up, with a reason"), ("u",)),
    Command("skip", marked("Skip this trace"), ("s",)),
    Command("guidelines", marked("Guidelines"), ("i",)),
    Command("keys", marked("These keys"), ("?",)),
)
_NAMES = {command.name for command in COMMANDS}


def keys_of(bindings: Mapping[str, Sequence[str]]) -> Bindings:
    """Every command with its keys: the rater's own where they chose, else the default ones.

    A default key that the rater gave to another command is no longer this one's.
    """
    taken = {key for name, keys in bindings.items() if name in _NAMES for key in keys}
    return {
        command.name: list(bindings[command.name])
        if command.name in bindings
        else [key for key in command.keys if key not in taken]
        for command in COMMANDS
    }


def parse_keys(texts: Mapping[str, str]) -> Bindings:
    """What differs from the defaults in texts such as "1 b" or "j ↓", one for each command.

    A command without a text is left without a key; its button still does it. Raises InvalidKeys for what is no key,
    for too many, and for a key that two commands have.
    """
    owners: dict[str, Command] = {}
    changed: Bindings = {}
    for command in COMMANDS:
        keys = [_read_key(command.name, word) for word in texts.get(command.name, "").split()]
        keys = list(dict.fromkeys(keys))
        if len(keys) > MAX_KEYS:
            raise InvalidKeys(command.name, f"At most {MAX_KEYS} keys do one thing.")
        for key in keys:
            if key in owners:
                raise InvalidKeys(command.name, f"“{show_key(key)}” already does: {owners[key].title}.")
            owners[key] = command
        if tuple(keys) != command.keys:
            changed[command.name] = keys
    return changed


def show_key(key: str) -> str:
    """As it stands on the page: "↓" for ArrowDown."""
    return SIGNS.get(key, key)


def _read_key(command: str, word: str) -> str:
    if named := _READ.get(word.casefold()):
        return named
    key = unicodedata.normalize("NFC", word).lower()
    if len(key) != 1 or unicodedata.category(key)[0] in "CZM":
        raise InvalidKeys(
            command, f"“{word:.20}” is no key: write one character, or a name such as Enter or ↓."
        )
    return key
