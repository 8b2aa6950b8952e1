"""A line of plain text from what a model wrote, for lists and titles."""

import unicodedata

from annotation.rendering.invisible import spell_out

_JOINER = "\u200d"


def plain_excerpt(source: str, limit: int) -> str:
    """At most `limit` characters of `source` on one line, "…" included where it was cut; plain text, not HTML.

    White space runs become one space, deceiving characters their codes. The cut falls between words where a
    word ends in the last third, and never between a letter and its combining marks. Raises ValueError where
    `limit` is below 1.
    """
    if limit < 1:
        raise ValueError(f"An excerpt has at least one character, not {limit}.")
    # Enough for any excerpt: every run of white space may shrink to one character, but nobody pads like that
    # for long.
    text = " ".join(spell_out(source[: 50 * limit + 1000]).split())
    if len(text) <= limit:
        return text
    end = limit - 1
    space = text.rfind(" ", 2 * end // 3, end + 1)
    if space > 0:
        return text[:space] + "…"
    while end > 0 and (_is_mark(text[end]) or text[end - 1] == _JOINER):
        end -= 1
    return text[:end] + "…"


def _is_mark(character: str) -> bool:
    return character == _JOINER or unicodedata.category(character).startswith("M")
