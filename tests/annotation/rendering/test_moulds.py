"""Moulds: rendered once, then filled; what a value says is never taken for a place, and always escaped."""

from __future__ import annotations

from collections.abc import Mapping

from annotation.rendering.moulds import Mould, Safe, Shelf


def make_greeting(marks: Mapping[str, Safe]) -> str:
    return f'<a href="/who/{marks["name"]}/">{marks["name"]}: {marks["text"]}</a>'


def test_each_value_stands_in_each_of_its_places() -> None:
    mould = Mould(make_greeting, ("name", "text"))

    assert mould.cast({"name": "ada", "text": "hello"}) == '<a href="/who/ada/">ada: hello</a>'
    assert mould.cast({"name": "kay", "text": ""}) == '<a href="/who/kay/">kay: </a>'


def test_a_value_is_escaped_unless_it_is_html() -> None:
    mould = Mould(make_greeting, ("name", "text"))

    assert "a: <b>" in mould.cast({"name": "a", "text": Safe("<b>")})
    assert "a: &lt;b&gt;&quot;&#x27;&amp;" in mould.cast({"name": "a", "text": "<b>\"'&"})


def test_a_value_that_says_another_places_mark_stays_what_it_is() -> None:
    seen: dict[str, Safe] = {}

    def make(marks: Mapping[str, Safe]) -> str:
        seen.update(marks)
        return f"{marks['name']} {marks['text']}"

    mould = Mould(make, ("name", "text"))

    assert mould.cast({"name": seen["text"], "text": "secret"}) == f"{seen['text']} secret"


def test_a_place_that_the_template_does_not_use_is_left_out() -> None:
    mould = Mould(make_greeting, ("name", "text", "more"))

    assert mould.cast({"name": "a", "text": "b", "more": "c"}) == '<a href="/who/a/">a: b</a>'


def test_a_shelf_makes_a_mould_once_and_drops_the_one_used_least_recently() -> None:
    shelf, made = Shelf(most=2), []

    def ask_for(key: str) -> None:
        def make() -> Mould:
            made.append(key)
            return Mould(make_greeting, ("name", "text"))

        shelf.find_or_make(key, make)

    for key in ("a", "b", "a", "c", "a", "b"):
        ask_for(key)

    assert made == ["a", "b", "c", "b"]
    assert len(shelf) == 2
