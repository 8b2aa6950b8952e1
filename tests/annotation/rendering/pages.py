"""Reads rendered HTML back as elements, the way a browser would see them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass(frozen=True)
class Element:
    """One start tag with its attributes."""

    tag: str
    attributes: dict[str, str]


@dataclass
class Page:
    """Every element in order, and the text a reader sees."""

    elements: list[Element] = field(default_factory=list)
    text: str = ""

    def tags(self) -> set[str]:
        return {element.tag for element in self.elements}

    def find(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.page.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"A comment came through: {data!r}")


def read_page(rendered: str) -> Page:
    """Parse HTML with the standard library's parser, which knows nothing of our sanitiser."""
    reader = _Reader()
    reader.feed(rendered)
    reader.close()
    return reader.page
