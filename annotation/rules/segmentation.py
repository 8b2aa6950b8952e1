"""Cuts a completion into steps without losing a character.

A step is a span of the completion. Steps are stored as their ends, exclusive and strictly increasing, so that
joining the spans gives the completion back byte for byte. Separators (line ends, blank lines, rules, a
closing </think>) belong to the step before them, leading white space to the first step; no step is white
space only unless the whole text is.

A segmenter is named with a version (`auto@1`) and stored on the trace. A change that moves any cut gets a new
version.

How a text is cut: `<think>…</think>` splits it into regions, so that thinking and answer may be written in
different ways; each region becomes units (`text_units`); the segmenter says which units open a step
(`step_starts`); cuts that would leave a step without substance, or fall inside what a reader sees as one
character, are dropped.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

from annotation.rules.step_starts import (
    start_at_headings,
    start_at_items,
    start_at_lines,
    start_at_paragraphs,
    start_automatically,
)
from annotation.rules.text_patterns import LINE_END, RULE_LINE, THINK_TAG
from annotation.rules.text_units import Unit, UnitKind, list_units

DEFAULT_SEGMENTER = "auto@1"
ZERO_WIDTH_JOINER = "\u200d"
SKIN_TONES = range(0x1F3FB, 0x1F400)

Region = tuple[int, int]
FindStarts = Callable[[str, Sequence[Unit]], list[int]]


class UnknownSegmenter(ValueError):
    """There is no segmenter of this name and version."""


@dataclass(frozen=True)
class Segmenter:
    """A versioned rule that cuts a completion into steps; `description` is what an admin reads when choosing one."""

    name: str
    description: str
    find_starts: FindStarts | None  # None: the whole text is one step


_ALL = [
    Segmenter(
        "auto@1",
        "Looks at each text and cuts at “Step N” headings, else at list items and blank lines, else at line ends.",
        start_automatically,
    ),
    Segmenter("headings@1", "Cuts only at “Step N” and markdown headings.", start_at_headings),
    Segmenter("lists@1", "Cuts at top-level list items, and at blank lines outside lists.", start_at_items),
    Segmenter("paragraphs@1", "Cuts only at blank lines.", start_at_paragraphs),
    Segmenter("lines@1", "Every line is a step; code and displayed formulas stay whole.", start_at_lines),
    Segmenter("whole@1", "The whole completion is a single step.", None),
]
SEGMENTERS: Mapping[str, Segmenter] = MappingProxyType({segmenter.name: segmenter for segmenter in _ALL})


def segment(completion: str, segmenter: str = DEFAULT_SEGMENTER) -> list[int]:
    """The step ends of a completion: exclusive, strictly increasing, the last one `len(completion)`.

    Offsets count Python characters (code points). An empty completion has no steps. Linear in the
    completion's length. Raises UnknownSegmenter.
    """
    if segmenter not in SEGMENTERS:
        raise UnknownSegmenter(f"There is no segmenter “{segmenter}”; there are {', '.join(SEGMENTERS)}.")
    if not completion:
        return []
    find_starts = SEGMENTERS[segmenter].find_starts
    if find_starts is None:
        return [len(completion)]
    return _end_steps(completion, _propose_cuts(completion, find_starts))


def step_spans(step_ends: Sequence[int]) -> list[tuple[int, int]]:
    """The spans `[start, end)` of the steps that end at `step_ends`."""
    return list(pairwise([0, *step_ends]))


def split_steps(completion: str, step_ends: Sequence[int]) -> list[str]:
    """The steps' texts; joined they are the completion."""
    return [completion[start:end] for start, end in step_spans(step_ends)]


def is_lossless(completion: str, step_ends: Sequence[int]) -> bool:
    """Whether `step_ends` cut the completion into non-empty steps that cover it exactly."""
    grows = all(start < end for start, end in step_spans(step_ends))
    return grows and (step_ends[-1] if step_ends else 0) == len(completion)


def _propose_cuts(text: str, find_starts: FindStarts) -> list[int]:
    """Where steps may start, in order: at each region, and at the units that open a step."""
    cuts: list[int] = []
    for start, end in _list_regions(text):
        units = list_units(text, start, end)
        first = next((unit.start for unit in units if unit.kind is not UnitKind.SEPARATOR), None)
        if first is None:
            continue  # only separators: they stay with the step before
        cuts.append(first)
        cuts.extend(units[at].start for at in find_starts(text, units) if units[at].start > first)
    return cuts


def _list_regions(text: str) -> Iterator[Region]:
    """Split before each <think> that opens a line and after the </think> that closes it.

    A closing tag without an opening one counts where it opens or ends a line: chat templates often write the
    opening tag into the prompt. An unclosed <think> reaches to the end. The tags stay in the text.
    """
    start = 0
    is_thinking = False
    for tag in THINK_TAG.finditer(text):
        if tag["slash"] and (is_thinking or _opens_line(text, tag.start()) or _ends_line(text, tag.end())):
            yield start, tag.end()
            start = tag.end()
            is_thinking = False
        elif not tag["slash"] and not is_thinking and _opens_line(text, tag.start()):
            if tag.start() > start:
                yield start, tag.start()
            start = tag.start()
            is_thinking = True
    if start < len(text):
        yield start, len(text)


# Looking this far is enough: more white space than this before a tag is no layout that a model writes.
_LINE_LOOK = 40


def _opens_line(text: str, at: int) -> bool:
    before = text[max(0, at - _LINE_LOOK) : at].rstrip(" \t")
    return not before or before[-1] in "\n\r\u2028\u2029"


def _ends_line(text: str, at: int) -> bool:
    after = text[at : at + _LINE_LOOK].lstrip(" \t")
    return not after or LINE_END.match(after) is not None


def _end_steps(text: str, cuts: Sequence[int]) -> list[int]:
    """Keep the cuts that leave substance on both sides and split no character."""
    ends: list[int] = []
    has_substance = False
    for start, cut in pairwise([0, *cuts, len(text)]):
        has_substance = has_substance or _has_substance(text, start, cut)
        if has_substance and cut < len(text) and _may_cut(text, cut):
            ends.append(cut)
            has_substance = False
    if ends and not has_substance:
        ends.pop()
    ends.append(len(text))
    return ends


_NOT_SUBSTANCE = re.compile(r"(?:\s++|</?think(?:ing)?>)*+\Z", re.IGNORECASE)


def _has_substance(text: str, start: int, end: int) -> bool:
    """Whether there is anything to rate: more than white space, think tags, or a lone rule."""
    if start == end or _NOT_SUBSTANCE.match(text, start, end):
        return False
    return not RULE_LINE.match(text, start, end)


def _may_cut(text: str, at: int) -> bool:
    """Whether a reader sees a character boundary here.

    Stricter than Unicode's grapheme clusters (UAX 29), which do break after a line end: a mark at the start
    of a step would be drawn on nothing.
    """
    before, after = text[at - 1], text[at]
    if before == ZERO_WIDTH_JOINER or after == ZERO_WIDTH_JOINER or before + after == "\r\n":
        return False
    return not unicodedata.category(after).startswith("M") and ord(after) not in SKIN_TONES
