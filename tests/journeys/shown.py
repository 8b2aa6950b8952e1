"""What kinds of elements a page is made of, whatever its words say.

Two people whose pages are of the same kinds see the same page with other words in it, so a browser need look at one of
them only.
"""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = frozenset({"br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})
# What an element says of itself is a word; whether it says it is its kind.
_TELLING = frozenset(
    {"class", "role", "type", "disabled", "hidden", "open", "required", "aria-current", "aria-sort"}
)
# A sum is a text of many elements, and each trace has other ones.
_ONE_OF_A_KIND = frozenset({"math", "svg"})

Kind = tuple[str, ...]


def list_kinds(page: str) -> frozenset[Kind]:
    """Each element's kind with those around it, from the outermost in: `("html", "body", "main .page", "p .hint")`."""
    parser = _Parser()
    parser.feed(page)
    return frozenset(parser.kinds)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.kinds: set[Kind] = set()
        self._open: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = sorted(f"{name}={value}" for name, value in attrs if name in _TELLING)
        named = sorted(name for name, _ in attrs if name not in _TELLING)
        around = tuple(kind for _, kind in self._open)
        kind = " ".join([tag, *told, *named])
        if not _ONE_OF_A_KIND & {name for name, _ in self._open}:
            self.kinds.add((*around, kind))
        if tag not in _VOID:
            self._open.append((tag, kind))

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place][0] == tag:
                del self._open[place:]
                return
