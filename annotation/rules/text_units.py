"""A completion as units: the smallest spans a segmenter may put together into steps.

A unit is one line with its line end, or several lines that must stay together: a fenced code block, display
mathematics (`$$…$$`, `\\[…\\]`, `\\begin{…}…\\end{…}`), or a table. Units cover the text without gaps, so
what is built from them is lossless.

A block that never closes opens nothing: its lines are ordinary lines. Otherwise one forgotten fence or dollar
pair would swallow the rest of a trace. For `$$`, where opener and closer look alike, an odd number of them in
a region means that one is missing; then a pair counts only where no blank line lies between its two halves.

All of it runs in linear time: every pattern is possessive or bounded, and every pass goes forwards once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from annotation.rules.text_patterns import (
    BLOCK_OPENING,
    BOLD_LINE,
    BULLET_ITEM,
    CLOSING_FENCE,
    CLOSING_TAG,
    LINE_END,
    MARKDOWN_HEADING,
    MATH_TOKEN,
    NUMBERED_ITEM,
    OPENING_FENCE,
    RULE_LINE,
    STEP_HEADING,
    TABLE_ROW,
)

TAB_WIDTH = 4
LONGEST_BOLD_TITLE = 80

Span = tuple[int, int]


class UnitKind(Enum):
    """What a unit opens with."""

    SEPARATOR = "separator"  # blank, a rule such as ---, or a closing </think>: belongs to what came before
    STEP_HEADING = "step heading"  # "Step 2:", "### Step 2", "**Step 2:**"
    HEADING = "heading"  # any other markdown heading
    NUMBERED = "numbered"
    BULLET = "bullet"
    BLOCK = "block"  # code, display mathematics or a table
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Unit:
    """A span `[start, end)` of the completion that is never cut.

    `indent` counts columns; `number` is a numbered item's number; `marker` tells list styles apart;
    `is_title` marks a heading that makes no sense alone; `last_character` is the last one that is no space
    and no markup.
    """

    start: int
    end: int
    kind: UnitKind
    indent: int = 0
    number: int = -1
    marker: str = ""
    is_title: bool = False
    first_character: str = ""
    last_character: str = ""


def list_units(text: str, start: int, end: int) -> list[Unit]:
    """Cut `text[start:end]` into units that cover it without gaps, in order."""
    lines = list(_line_spans(text, start, end))
    return [
        _classify(text, span) for span in _join_rows(text, _join_blocks(lines, _block_spans(text, lines)))
    ]


def _line_spans(text: str, start: int, end: int) -> Iterator[Span]:
    line_start = start
    for line_end in LINE_END.finditer(text, start, end):
        yield line_start, line_end.end()
        line_start = line_end.end()
    if line_start < end:
        yield line_start, end


def _block_spans(text: str, lines: list[Span]) -> list[Span]:
    """Every closed block, sorted by start; blocks may overlap, and the caller joins them."""
    if not lines:
        return []
    fences = _fence_spans(text, lines)
    return sorted(fences + _math_spans(text, lines[0][0], lines[-1][1], fences))


def _fence_spans(text: str, lines: list[Span]) -> list[Span]:
    """Fenced code that closes (CommonMark 0.31, section 4.5, except that here an unclosed fence opens nothing)."""
    closers = [CLOSING_FENCE.match(text, *line) for line in lines]
    longest_ahead = _longest_closers_ahead(closers)
    spans: list[Span] = []
    at = 0
    while at < len(lines):
        opener = OPENING_FENCE.match(text, *lines[at])
        fence = opener["fence"] if opener else ""
        if not fence or longest_ahead[fence[0]][at + 1] < len(fence):
            at += 1
            continue
        first = lines[at][0]
        at += 1
        while not _closes(closers[at], fence):
            at += 1
        spans.append((first, lines[at][1]))
        at += 1
    return spans


def _closes(closer: re.Match[str] | None, fence: str) -> bool:
    return closer is not None and closer["fence"].startswith(fence)


def _longest_closers_ahead(closers: list[re.Match[str] | None]) -> dict[str, list[int]]:
    """For each fence character, at each line, the longest closing fence from that line on (0 for none)."""
    ahead = {character: [0] * (len(closers) + 1) for character in "`~"}
    for at in range(len(closers) - 1, -1, -1):
        closer = closers[at]
        for character, longest in ahead.items():
            found = len(closer["fence"]) if closer and closer["fence"][0] == character else 0
            longest[at] = max(longest[at + 1], found)
    return ahead


def _math_spans(text: str, start: int, end: int, fences: list[Span]) -> list[Span]:
    """Display mathematics outside code: `\\[…\\]` and `\\begin…\\end` by their names, `$$` by turns."""
    spans: list[Span] = []
    dollars: list[Span] = []
    bracket: int | None = None
    open_environments: list[tuple[str, int]] = []
    num_open: dict[str, int] = {}
    for token in _tokens_outside(text, start, end, fences):
        if token.group() == "$$":
            dollars.append(token.span())
        elif token.group() == "\\[":
            bracket = token.start()
        elif token.group() == "\\]" and bracket is not None:
            spans.append((bracket, token.end()))
            bracket = None
        elif name := token["begin"]:
            open_environments.append((name, token.start()))
            num_open[name] = num_open.get(name, 0) + 1
        elif (name := token["end"]) and num_open.get(name, 0):
            # What was opened inside and never closed is dropped with it: each opening is pushed and popped
            # once.
            opened, opened_at = open_environments.pop()
            num_open[opened] -= 1
            while opened != name:
                opened, opened_at = open_environments.pop()
                num_open[opened] -= 1
            spans.append((opened_at, token.end()))
    return spans + _dollar_spans(text, dollars)


def _tokens_outside(text: str, start: int, end: int, fences: list[Span]) -> Iterator[re.Match[str]]:
    at = start
    for fence_start, fence_end in [*fences, (end, end)]:
        yield from MATH_TOKEN.finditer(text, at, fence_start)
        at = fence_end


def _dollar_spans(text: str, dollars: list[Span]) -> list[Span]:
    may_cross_blank_lines = len(dollars) % 2 == 0
    spans: list[Span] = []
    at = 0
    while at + 1 < len(dollars):
        opener, closer = dollars[at], dollars[at + 1]
        if may_cross_blank_lines or not _has_blank_line(text, opener[1], closer[0]):
            spans.append((opener[0], closer[1]))
            at += 2
        else:
            at += 1
    return spans


def _has_blank_line(text: str, start: int, end: int) -> bool:
    inner = list(_line_spans(text, start, end))[1:-1]
    return any(text[line_start:line_end].isspace() for line_start, line_end in inner)


def _join_blocks(lines: list[Span], blocks: list[Span]) -> list[Span]:
    """Join the lines that a block touches; lines and blocks are sorted, so both are walked once."""
    joined: list[Span] = []
    next_block = 0
    reach = 0  # how far the blocks seen so far extend
    for start, end in lines:
        if joined and start < reach:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
        while next_block < len(blocks) and blocks[next_block][0] < end:
            reach = max(reach, blocks[next_block][1])
            next_block += 1
    return joined


def _join_rows(text: str, spans: list[Span]) -> list[Span]:
    """Join a table's rows: neighbouring lines that start with a bar."""
    joined: list[Span] = []
    after_row = False
    for start, end in spans:
        is_row = TABLE_ROW.match(text, start, end) is not None
        if is_row and after_row:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
        after_row = is_row
    return joined


def _classify(text: str, span: Span) -> Unit:
    start, end = span
    bare = text[start:end].strip()
    if not bare or RULE_LINE.match(text, start, end) or CLOSING_TAG.match(text, start, end):
        return Unit(start, end, UnitKind.SEPARATOR)
    indent = _indent(text, start, end)
    kind, number, marker = _opening(text, start, end)
    return Unit(
        start=start,
        end=end,
        kind=kind,
        indent=indent,
        number=number,
        marker=marker,
        is_title=kind is UnitKind.HEADING or _is_bold_title(text, start, end, len(bare)),
        first_character=bare[0],
        last_character=bare.rstrip("*_ ")[-1:],
    )


def _opening(text: str, start: int, end: int) -> tuple[UnitKind, int, str]:
    """The kind of a unit, with number and marker where it is a list item."""
    if STEP_HEADING.match(text, start, end):
        return UnitKind.STEP_HEADING, -1, ""
    if MARKDOWN_HEADING.match(text, start, end):
        return UnitKind.HEADING, -1, ""
    if item := NUMBERED_ITEM.match(text, start, end):
        return UnitKind.NUMBERED, int(item["number"]), item["open"] + item["close"]
    if item := BULLET_ITEM.match(text, start, end):
        return UnitKind.BULLET, -1, item["marker"]
    if BLOCK_OPENING.match(text, start, end) or TABLE_ROW.match(text, start, end):
        return UnitKind.BLOCK, -1, ""
    return UnitKind.TEXT, -1, ""


def _indent(text: str, start: int, end: int) -> int:
    columns = 0
    for at in range(start, end):
        if text[at] not in " \t":
            break
        columns += TAB_WIDTH if text[at] == "\t" else 1
    return columns


def _is_bold_title(text: str, start: int, end: int, length: int) -> bool:
    """A short line that is bold throughout and states nothing: "**Setting up**", "1. **Finding x:**"."""
    return length <= LONGEST_BOLD_TITLE and BOLD_LINE.match(text, start, end) is not None
