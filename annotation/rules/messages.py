"""Messages that are to be translated, as they stand in the code of pages and rules.

A script says `gettext("Step {n}", { n })` or `ngettext("{n} step", "{n} steps", n)`, imported from frame.js; the
texts are found here, so that they are written once. The rules raise their messages with `marked` texts and the values
to put in: whoever shows one translates it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_STRING = r'"((?:[^"\\\n]|\\.)*)"'
_IN_SCRIPT = re.compile(rf"\b(n?)gettext\(\s*{_STRING}(?:\s*,\s*{_STRING})?")


@dataclass(frozen=True, order=True)
class Message:
    """A text to translate; `plural` is what it is for many, or empty."""

    text: str
    plural: str = ""


class Said(ValueError):
    """A refusal by the rules: a `marked` text with {names}, and what to put in for them. Its str is the English."""

    def __init__(self, text: str, **values: object) -> None:
        self.text, self.values = text, values
        super().__init__(self.put_in(text))

    def put_in(self, text: str) -> str:
        """The text, or a translation of it, with the values in place."""
        return text.format(**self.values) if self.values else text


def find_script_messages(source: str) -> list[Message]:
    """The messages of a script's source, each once, in their order."""
    found = []
    for is_plural, text, plural in _IN_SCRIPT.findall(source):
        found.append(Message(_unquote(text), _unquote(plural) if is_plural else ""))
    return list(dict.fromkeys(found))


def marked(text: str) -> str:
    """The text itself; it says to whoever collects messages that this is one."""
    return text


def _unquote(inside: str) -> str:
    return str(json.loads(f'"{inside}"'))
