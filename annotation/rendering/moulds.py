"""HTML that is rendered once and then filled with other values, where a template would take most of a request's time.

A template is rendered with marks in the values' places; what comes out is cut at the marks. No Django here: what is
safe HTML says so by `__html__`, as Django's safe strings do, and everything else is escaped.
"""

import html
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Protocol


class Safe(str):
    """HTML that needs no escaping."""

    def __html__(self) -> "Safe":
        return self


class Making(Protocol):
    """Renders a template with these marks, by place, in the values' places."""

    def __call__(self, marks: Mapping[str, Safe]) -> str: ...


class Mould:
    """What `make` renders, with `places` for values. A mark is a number of 18 digits that nobody can guess, so it can
    stand in an address as well as in a text; a place that `make` does not use is fine."""

    def __init__(self, make: Making, places: Sequence[str]) -> None:
        marks = {place: Safe(10**17 + secrets.randbelow(9 * 10**17)) for place in places}
        place_of: dict[str, str] = {mark: place for place, mark in marks.items()}
        self._pieces = re.split(f"({'|'.join(marks.values())})", make(marks))
        self._places = [(at, place_of[self._pieces[at]]) for at in range(1, len(self._pieces), 2)]

    def cast(self, values: Mapping[str, str]) -> Safe:
        """The HTML with these values, of which each is escaped unless it says that it is HTML."""
        escaped = {
            place: value if hasattr(value, "__html__") else html.escape(value)
            for place, value in values.items()
        }
        pieces = self._pieces.copy()
        for at, place in self._places:
            pieces[at] = escaped[place]
        return Safe("".join(pieces))


class Shelf:
    """Moulds by what they depend on; of more than `most` the least recently used leaves. Shared by threads."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._moulds: OrderedDict[object, Mould] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._moulds)

    def find_or_make(self, key: object, make: Callable[[], Mould]) -> Mould:
        """The mould under this key. Two threads may make the same one; either is right."""
        with self._lock:
            found = self._moulds.get(key)
            if found is not None:
                self._moulds.move_to_end(key)
                return found
        made = make()
        with self._lock:
            self._moulds[key] = made
            while len(self._moulds) > self._most:
                self._moulds.popitem(last=False)
        return made
