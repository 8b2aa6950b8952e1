"""Templates that raters meet say nothing that is not marked for translation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.paths import BASE_DIR

TEMPLATES = BASE_DIR / "templates"
# Whole folders and single files, with or without a page of their own.
MET_BY_RATERS = (
    "accounts",
    "bare.html",
    "base.html",
    "branches",
    "comparisons",
    "components/account_links.html",
    "components/brand.html",
    "components/field.html",
    "components/form_errors.html",
    "components/languages.html",
    "components/messages.html",
    "components/pages.html",
    "components/sidebar.html",
    "components/table.html",
    "components/table_part.html",
    "components/table_value.html",
    "decisions",
    "errors",
    "my_work",
    "people/join_project.html",
    "people/join_refused.html",
    "practice/show_feedback.html",
    "practice/show_practice.html",
    "projects/list_projects.html",
    "projects/no_projects.html",
    "ratings",
)
_NAMES = {"Gradus", "CSV", "UTC"}
_BLOCK = re.compile(
    r"{%\s*blocktranslate.*?{%\s*endblocktranslate\s*%}"
    r"|{%\s*comment.*?{%\s*endcomment\s*%}"
    r"|{%\s*block (?:page_class|page_language)\s*%}.*?{%\s*endblock\s*%}",
    re.S,
)
_SPOKEN_ATTRIBUTE = re.compile(r"\b(?:aria-label|title|alt|placeholder|aria-description)=\"([^\"]*)\"")
_NOT_SAID = re.compile(
    r"{[%{#].*?[%}#]}|<(?:kbd|code|script|svg)\b.*?</(?:kbd|code|script|svg)>|<[^>]*>", re.S
)


def list_templates() -> list[Path]:
    found = [
        path
        for name in MET_BY_RATERS
        for path in (
            sorted((TEMPLATES / name).rglob("*.html")) if (TEMPLATES / name).is_dir() else [TEMPLATES / name]
        )
    ]
    assert all(path.exists() for path in found)
    return found


def find_unmarked(source: str) -> list[str]:
    """Words that show or are read aloud, outside `translate` and `blocktranslate`."""
    source = _BLOCK.sub(" ", source)
    spoken = " ".join(re.sub(r"{[%{].*?[%}]}", " ", said) for said in _SPOKEN_ATTRIBUTE.findall(source))
    words = re.findall(r"[^\W\d_]{2,}", f"{_NOT_SAID.sub(' ', source)} {spoken}")
    return [word for word in words if word not in _NAMES]


@pytest.mark.parametrize("path", list_templates(), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_everything_said_is_marked(path: Path) -> None:
    assert find_unmarked(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", list_templates(), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_a_translated_page_does_not_say_that_it_is_english(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    if '{% extends "base.html" %}' in source and path.name != "bare.html":
        assert "{% block page_language %}{% endblock %}" in source


@pytest.mark.parametrize(
    ("source", "unmarked"),
    [
        ('<p title="{% translate \'Sign in\' %}">{% translate "Go on" %} Gradus</p>', []),
        ("<p>Go {{ name }}</p>", ["Go"]),
        ('<button aria-label="Close"><kbd>Esc</kbd>✕</button>', ["Close"]),
        (
            "{% blocktranslate %}All <b>here</b>{% endblocktranslate %}{% comment %}not said{% endcomment %}",
            [],
        ),
        ("{% if a %}<h1>{{ b|default:'c' }}</h1>{% else %}Nothing{% endif %}", ["Nothing"]),
    ],
)
def test_the_search_for_unmarked_words_notices_them(source: str, unmarked: list[str]) -> None:
    assert find_unmarked(source) == unmarked
