"""Finds the equations that a step states: "3 + 4 = 7", "<<48/2=24>>", "6 * 7 = 40 + 2 = 42", "10/3 ≈ 3.33".

Rather none than a wrong one: a side of which a letter, a unit in the middle or an unknown sign is part is left out, for
it is not known what it comes to. Linear in the step's length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_ANNOTATION = re.compile(r"<<([^<>\n]{1,400})>>")  # GSM8K's calculator marks
_LIST_MARK = re.compile(r"^[ \t]*(?:[-*+•][ \t]+|\(?\d{1,3}[.)][ \t]+|#{1,6}[ \t]+)", re.MULTILINE)
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]{1,200})\}\s*\{([^{}]{1,200})\}")
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf)\s*\{([^{}]{0,200})\}")
_MODULO = re.compile(r"\(\s*mod\b|\\[pb]?mod\b")
_TIMES = re.compile(r"(?<=\d)\s?[xX]\s?(?=\d)")
_REWRITES = (
    ("\\times", "*"), ("\\cdot", "*"), ("\\div", "/"), ("\\approx", "≈"), ("\\left", ""), ("\\right", ""), ("\\%", "%"),
    ("\\$", " "), ("\\,", ""), ("\\;", " "), ("\\!", ""), ("\\boxed", ""), ("\\(", "\n"), ("\\)", "\n"), ("\\[", "\n"),
    ("\\]", "\n"), ("**", "\n"), ("==", "="), ("=>", "\n"), ("×", "*"), ("·", "*"), ("⋅", "*"), ("÷", "/"), ("−", "-"),
    ("–", "-"), ("²", "^2"), ("³", "^3"), ("≅", "≈"), ("≃", "≈"), ("$", " "), ("€", " "), ("£", " "), ("{", "("),
    ("}", ")"),
)  # fmt: skip
_WORD_SIGNS = re.compile(
    r"(?<![\w-])(?:(?P<equals>equals|is equal to)|(?P<about>is approximately|is about equal to)|(?P<plus>plus)"
    r"|(?P<minus>minus)|(?P<times>times|multiplied by)|(?P<by>divided by)|(?P<share>(?<=%)\s+of))(?![\w-])",
    re.IGNORECASE,
)
_SIGN_OF = {"equals": "=", "about": "≈", "plus": "+", "minus": "-", "times": "*", "by": "/", "share": "*"}
_TOKEN = re.compile(
    # 10:30, 1.2.3, 3,5 (a decimal to some, two numbers to others), 2x, apples.
    # Every repetition is bounded, or a long row of digits would take quadratic time.
    r"(?P<opaque>\d{1,20}(?::\d{1,20}){1,9}|\d{1,20}(?:\.\d{1,20}){2,9}"
    r"|(?!\d{1,3}(?:,\d{3}){1,12}(?!,?\d))\d{1,20}(?:,\d{1,20}){1,9}"
    r"|\d[\d.,]{0,40}[^\W\d_]\w*|[^\W\d]\w*)"
    r"|(?P<number>\d{1,3}(?:,\d{3}){1,12}(?!,?\d)(?:\.\d{1,40})?|\d{1,40}(?:\.\d{1,40})?|\.\d{1,40})"
    r"|(?P<relation>[=≈])"
    r"|(?P<operator>[-+*/^%()])"
    r"|(?P<boundary>[.,;:!?\"'`\[\]\n\r<>≤≥≠→⇒…“”‘’])"
    r"|(?P<blank>[^\S\n\r]+)"
    r"|(?P<sign>.)",
    re.DOTALL,
)
# Next to these a number is not what it seems: "half of 48", "3 remainder 2", "2 thousand".
_ALTERS_WHAT_FOLLOWS = re.compile(
    r"of|half|twice|thrice|double|triple|sqrt|root|log|ln|sin|cos|tan|mod|gcd|lcm|max|min|squared?|cube",
    re.IGNORECASE,
)
_ALTERS_WHAT_PRECEDES = re.compile(
    r"remainder|rem|r\d*|and|mod|hundred|thousand|[mbtr]+illion|dozen|percent|cents?|squared|cubed",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Link:
    """Two neighbouring sides of an equation, as tokens, and the sign between them: "=" or "≈"."""

    left: tuple[str, ...]
    relation: str
    right: tuple[str, ...]


@dataclass(frozen=True)
class _Token:
    kind: str  # opaque, number, relation, operator, boundary, blank or sign
    text: str


def find_links(step: str) -> list[Link]:
    """Every link of every equation in a step; a chain a = b = c has two."""
    marks = _ANNOTATION.findall(step)
    texts = [_rewrite(mark) for mark in marks] + [_rewrite(_ANNOTATION.sub("", step))]
    links = [link for text in texts for run in _list_runs(_tokenize(text)) for link in _list_links(run)]
    return list(dict.fromkeys(links))


def _rewrite(text: str) -> str:
    """LaTeX, words and typographic signs as plain ones."""
    text = _MODULO.sub(" mod ", _LIST_MARK.sub("\n", _TEXT.sub(r" \1 ", text)))
    for _ in range(3):  # a fraction within a fraction within a fraction
        text = _FRACTION.sub(r"((\1)/(\2))", text)
    for old, new in _REWRITES:
        text = text.replace(old, new)
    return _WORD_SIGNS.sub(lambda match: f" {_SIGN_OF[match.lastgroup or '']} ", _TIMES.sub("*", text))


def _tokenize(text: str) -> list[_Token]:
    tokens = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "sign"
        is_number = kind == "number"
        tokens.append(_Token(kind, match.group().replace(",", "") if is_number else match.group()))
    return _part_at_lone_brackets(tokens)


def _part_at_lone_brackets(tokens: list[_Token]) -> list[_Token]:
    """A bracket without its partner, as in "(so 3 + 4 = 7)", belongs to the prose, as does one around prose."""
    parted = list(tokens)
    open_at: list[int] = []
    for index, token in enumerate(tokens):
        if token.text == "(":
            open_at.append(index)
        elif token.text == ")":
            if open_at:
                start = open_at.pop()
                inside = {inner.kind for inner in tokens[start:index]}
                if inside <= {"number", "operator", "blank"}:
                    continue
                parted[start] = _Token("boundary", "(")
            parted[index] = _Token("boundary", ")")
        elif token.kind == "boundary" and token.text in "\n\r":
            for start in open_at:
                parted[start] = _Token("boundary", "(")
            open_at.clear()
    for start in open_at:
        parted[start] = _Token("boundary", "(")
    return parted


@dataclass(frozen=True)
class _Run:
    """Numbers, operators and relations without anything between them, and what stands next to them."""

    tokens: tuple[_Token, ...]
    before: _Token | None
    touches_before: bool
    after: _Token | None


def _list_runs(tokens: Sequence[_Token]) -> Iterator[_Run]:
    run: list[_Token] = []
    before: _Token | None = None
    last: _Token | None = None
    touches = was_blank = False
    for token in [*tokens, _Token("boundary", "\n")]:
        if token.kind == "blank":
            was_blank = True
            continue
        if token.kind in ("number", "operator", "relation"):
            if not run:
                before, touches = last, not was_blank
            run.append(token)
        else:
            if run:
                yield _Run(tuple(run), before, touches, token)
            run = []
        last, was_blank = token, False


def _list_links(run: _Run) -> Iterator[Link]:
    sides: list[list[str]] = [[]]
    relations: list[str] = []
    for token in run.tokens:
        if token.kind == "relation":
            relations.append(token.text)
            sides.append([])
        else:
            sides[-1].append(token.text)
    if _is_altered_before(run, sides[0]):
        sides[0] = []
    if _is_altered_after(run):
        sides[-1] = []
    for left, relation, right in zip(sides, relations, sides[1:], strict=False):
        if left and right:
            yield Link(tuple(left), relation, tuple(right))


def _is_altered_before(run: _Run, side: list[str]) -> bool:
    """Whether what stands before the first side is, or may be, part of it."""
    if run.before is None or run.before.kind == "boundary":
        return False
    is_letter = run.before.kind == "sign" or len(run.before.text) == 1 or run.before.text[0].isdigit()
    continues = bool(side) and side[0] in "+-*/^%"
    calls = bool(side) and side[0] == "(" and run.touches_before
    return is_letter or continues or calls or bool(_ALTERS_WHAT_FOLLOWS.fullmatch(run.before.text))


def _is_altered_after(run: _Run) -> bool:
    if run.after is None or run.after.kind == "boundary":
        return False
    is_letter = run.after.kind == "sign" or len(run.after.text) == 1 or run.after.text[0].isdigit()
    return is_letter or bool(_ALTERS_WHAT_PRECEDES.fullmatch(run.after.text))
