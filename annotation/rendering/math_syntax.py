r"""How mathematics is delimited in Markdown: `$…$`, `$$…$$`, `\(…\)`, `\[…\]`, `\begin{…}…\end{…}`.

Rules for markdown-it. A single dollar follows Pandoc's convention, so that prices stay prices: no space just
inside, no digit just outside. The rules are ours because mdit-py-plugins 0.7 looks at the text's last
character when it asks what stands before its first (so `$x=2$ gives 4` is no formula) and searches to the end
again for every opener that never closes.

An opener without its closer is ordinary text. No closer is looked for further away than the longest formula
we convert, hence linear time.
"""

import re
from bisect import bisect_left

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from annotation.rendering.formula_limits import MOST_CHARACTERS

_BEGIN = re.compile(r"\\begin\{([A-Za-z]{1,20}\*?)\}")
_CLOSERS = {"$$": "$$", r"\[": r"\]", r"\(": r"\)"}


def add_mathematics(markdown: MarkdownIt) -> None:
    """Make `markdown` know formulas: tokens `formula` (inline) and `formula_block`, with the delimiters in `info`.

    A token's `content` is the LaTeX, its `markup` the whole source as written, its `info` "display" or
    "inline".
    """
    markdown.inline.ruler.before("escape", "formula", _read_inline)
    markdown.block.ruler.before(
        "fence", "formula_block", _read_block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )


def _read_inline(state: StateInline, silent: bool) -> bool:
    text, start = state.src, state.pos
    if text[start] not in "$\\":
        return False
    opener = text[start : start + 2]
    is_single_dollar = opener[0] == "$" and opener != "$$"
    span = _single_dollars(text, start) if is_single_dollar else _delimited(text, start)
    if span is None:
        return False
    inner_start, inner_end, end = span
    if not text[inner_start:inner_end].strip():
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content = text[inner_start:inner_end]
        token.markup = text[start:end]
        token.info = "inline" if is_single_dollar or opener == r"\(" else "display"
    state.pos = end
    return True


def _delimited(text: str, start: int) -> tuple[int, int, int] | None:
    """Start and end of the LaTeX, and where the closer ends, for a formula with a closer of its own."""
    if begin := _BEGIN.match(text, start):
        end = _environment_end(text, begin)
        return None if end is None else (start, end, end)  # the environment is part of the LaTeX
    opener = text[start : start + 2]
    closer = _CLOSERS.get(opener)
    end = -1 if closer is None else text.find(closer, start + 2, start + MOST_CHARACTERS)
    if end < 0 or (opener != closer and text.find(opener, start + 2, end) >= 0):
        return None
    return start + 2, end, end + 2


def _environment_end(text: str, begin: re.Match[str]) -> int | None:
    """Behind the `\\end` that belongs to this `\\begin`, counting those of the same name in between."""
    tokens = re.compile(rf"\\(begin|end)\{{{re.escape(begin[1])}\}}")
    depth = 1
    for token in tokens.finditer(text, begin.end(), begin.end() + MOST_CHARACTERS):
        depth += 1 if token[1] == "begin" else -1
        if depth == 0:
            return token.end()
    return None


def _single_dollars(text: str, start: int) -> tuple[int, int, int] | None:
    before, after = text[start - 1 : start] if start else "", text[start + 1 : start + 2]
    if before.isdigit() or not after or after.isspace():
        return None
    end = _next_dollar(text, start + 1)
    if end < 0 or text[end - 1].isspace() or text[end + 1 : end + 2].isdigit():
        return None
    return start + 1, end, end + 1


def _next_dollar(text: str, start: int) -> int:
    """The next dollar that no backslash escapes, −1 if there is none near enough."""
    furthest = start + MOST_CHARACTERS
    end = text.find("$", start, furthest)
    while end >= 0 and _is_escaped(text, end):
        end = text.find("$", end + 1, furthest)
    return end


def _is_escaped(text: str, at: int) -> bool:
    bare = at
    while bare and text[bare - 1] == "\\":
        bare -= 1
    return (at - bare) % 2 == 1


def _read_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    start = state.bMarks[start_line] + state.tShift[start_line]
    if state.src.startswith(r"\(", start):
        return False
    span = _delimited(state.src, start) if state.src[start : start + 1] in ("$", "\\") else None
    if span is None:
        return False
    inner_start, inner_end, end = span
    last_line = bisect_left(state.eMarks, end, lo=start_line, hi=end_line)
    # Text behind the closer makes it a formula inside a paragraph.
    if last_line >= end_line or state.src[end : state.eMarks[last_line]].strip():
        return False
    if not state.src[inner_start:inner_end].strip() or _leaves_container(state, start_line, last_line):
        return False
    if not silent:
        source = state.getLines(start_line, last_line + 1, state.blkIndent, False).strip()
        token = state.push("formula_block", "math", 0)
        token.block = True
        token.map = [start_line, last_line + 1]
        token.markup = source
        token.content = source if inner_start == start else source[2:-2]
        token.info = "display"
        state.line = last_line + 1
    return True


def _leaves_container(state: StateBlock, start_line: int, last_line: int) -> bool:
    """Whether a line in between ends the list item or quotation that the formula began in."""
    return any(
        state.sCount[line] < state.blkIndent and not state.isEmpty(line)
        for line in range(start_line + 1, last_line + 1)
    )
