"""What a reader sees of ordinary text, and how the work is bounded."""

import sys
from types import FrameType
from typing import Any

import pytest

from annotation.rendering import render_markdown, render_step
from annotation.rendering.rendered import LONGEST_MARKDOWN, LONGEST_SHOWN, RenderCache, _render
from tests.annotation.rendering.pages import read_page


@pytest.mark.parametrize(
    ("source", "tag"),
    [
        ("**a**", "strong"),
        ("*a*", "em"),
        ("~~a~~", "s"),
        ("`a`", "code"),
        ("> a", "blockquote"),
        ("- a", "ul"),
        ("a\nb", "br"),
        ("---", "hr"),
    ],
)
def test_markdown_becomes_elements(source: str, tag: str) -> None:
    assert tag in read_page(render_markdown(source)).tags()


def test_the_second_item_of_a_list_keeps_its_number() -> None:
    page = read_page(render_step("2. foo"))

    assert page.find("ol")[0].attributes["start"] == "2"


def test_a_fence_that_never_closes_is_code_to_the_end() -> None:
    page = read_page(render_step("```python\nx = 1"))

    assert "pre" in page.tags()
    assert page.text.split() == ["python", "x", "=", "1"]


def test_code_is_highlighted_with_classes_and_keeps_every_character() -> None:
    page = read_page(render_markdown("```python\n\n  def f():\n    return '<&>'\n\n```"))

    assert "code-k" in {element.attributes.get("class") for element in page.find("span")}
    assert "\n  def f():\n    return '<&>'\n\n" in page.text


def test_an_unknown_language_is_shown_with_its_code() -> None:
    assert read_page(render_markdown("```brainfuck secret\n+[-]\n```")).text.split() == [
        "brainfuck",
        "secret",
        "+[-]",
    ]


def test_headings_do_not_enter_the_outline_of_the_page() -> None:
    page = read_page(render_markdown("# One\n\n### Three"))

    assert [element.attributes["class"] for element in page.find("p")] == [
        "heading heading-1",
        "heading heading-3",
    ]
    assert not page.tags() & {"h1", "h2", "h3"}


def test_a_table_scrolls_in_its_box_and_aligns_by_class() -> None:
    page = read_page(render_markdown("|a|b|\n|:-|-:|\n|1|2|"))

    assert page.find("div")[0].attributes == {"class": "table-box", "tabindex": "0"}
    assert [cell.attributes["class"] for cell in page.find("td")] == ["to-left", "to-right"]


def test_a_line_above_a_rule_is_no_heading_and_indented_text_no_code() -> None:
    page = read_page(render_markdown("So x is 5.\n---\n\n      and y is 6"))

    assert page.tags() == {"p", "hr"}


def test_blocks_find_their_own_direction_and_code_reads_left_to_right() -> None:
    page = read_page(render_markdown("- שלום\n\nأهلا `x`\n\n```\nx\n```"))

    assert {element.attributes["dir"] for element in [*page.find("li"), *page.find("p")]} == {"auto"}
    assert page.find("code")[0].attributes["dir"] == "ltr"


@pytest.mark.parametrize(
    "source", ["#", "-", "```\n```", "$$\n$$", "[]()", "****", "> ", "&nbsp;", "|", "$ $", "\\"]
)
def test_whatever_is_not_empty_shows_something(source: str) -> None:
    assert read_page(render_markdown(source)).text.strip() or "<hr" in render_markdown(source)


def test_the_empty_text_is_empty_and_white_space_is_made_visible() -> None:
    assert render_markdown("") == ""
    assert read_page(render_markdown(" \t\r\n")).text == "␣⇥↵"


def test_a_text_too_long_for_markdown_is_shown_plainly_and_whole() -> None:
    source = "**<a>** " * (LONGEST_MARKDOWN // 4)
    page = read_page(render_markdown(source))

    assert page.tags() == {"p"}
    assert page.text == source


def test_of_a_text_too_long_for_a_browser_the_beginning_is_shown_and_the_rest_counted() -> None:
    page = read_page(_render("\u202ea" * LONGEST_SHOWN))

    assert page.tags() == {"p"}
    assert page.text.startswith("[U+202E]a[U+202E]a")
    assert page.text.count("a[U") == LONGEST_SHOWN // 2 - 1
    assert "… 1,000,000 more characters are not shown here" in page.text


def test_a_text_of_just_what_is_shown_is_shown_whole() -> None:
    assert "more characters" not in _render("a" * LONGEST_SHOWN)


def count_calls(source: str) -> int:
    """Python and C calls while `source` is rendered, without the cache."""
    count = 0

    def profile(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal count
        count += 1

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        _render(source)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    "piece",
    [
        "$a ",
        "$$a\n",
        "\\[ a\n",
        "\\( a ",
        "\\begin{a}\n",
        "$x$ ",
        "[",
        "![",
        "*a ",
        "_a",
        "`a``b",
        "- a\n",
        "<",
        "&amp;",
        "[a](",
        "\\$",
        "a|b\n",
    ],
)
def test_twice_the_text_takes_about_twice_the_calls(piece: str) -> None:
    short = (piece * 2_000)[:2_000]

    assert count_calls(short * 2) <= 2.3 * count_calls(short) + 1_000


def test_a_megabyte_on_one_line_takes_hardly_more_calls_than_a_short_text() -> None:
    assert count_calls("a*[$" * 250_000) < 200


def test_the_cache_gives_back_what_it_holds_and_forgets_the_least_recently_used() -> None:
    cache = RenderCache(most_entries=2, most_characters=100)
    cache.keep(b"a", "A")
    cache.keep(b"b", "B")
    assert cache.find(b"a") == "A"

    cache.keep(b"c", "C")

    assert cache.find(b"b") is None
    assert (cache.find(b"a"), cache.find(b"c")) == ("A", "C")


def test_the_cache_is_bounded_in_characters() -> None:
    cache = RenderCache(most_entries=100, most_characters=10)

    for key in (b"a", b"b", b"c", b"a"):
        cache.keep(key, "12345")

    assert len(cache) == 2
    assert cache.num_characters == 10

    cache.keep(b"d", "x" * 11)

    assert len(cache) == cache.num_characters == 0


def test_rendering_twice_gives_the_same() -> None:
    assert render_markdown("a $x$") == render_markdown("a $x$") == _render("a $x$")
