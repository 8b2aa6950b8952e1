"""Which units open a step: one function for each way of writing steps down.

Each takes a region's units (see `text_units`) and returns the indices of those at which a step starts. They
only propose: the caller puts leading separators, and whatever has no substance of its own, where they belong.
"""

from collections.abc import Sequence
from itertools import dropwhile, pairwise

from annotation.rules.text_patterns import ANSWER_LINE
from annotation.rules.text_units import Unit, UnitKind

TERMINAL = frozenset(".!?。！？।؟…:;")
SENTENCE_END = frozenset(".!?。！？।؟…")
ITEMS = frozenset({UnitKind.NUMBERED, UnitKind.BULLET})
HEADINGS = frozenset({UnitKind.STEP_HEADING, UnitKind.HEADING})

NESTED_BY = 2  # columns: " 9." above "10." is alignment, two columns and more are nesting
MOST_UNITS_OF_AN_ITEM = (
    12  # between items 1 and 2; more than that is text that happens to lie between two numbers
)
SHORTEST_WRAPPED = 40  # characters: a line that a margin broke is at least this long
WRAPPED_SHARE = (
    0.5  # of single line breaks that fall inside a sentence: from here on lines are typesetting, not steps
)


def start_automatically(text: str, units: Sequence[Unit]) -> list[int]:
    """Headings where there are two or more "Step N"; else lists, and around them blank lines or lines."""
    if sum(unit.kind is UnitKind.STEP_HEADING for unit in units) >= 2:
        return start_at_headings(text, units)
    return _start_at_items(units, by_line=_is_one_step_a_line(text, units))


def start_at_headings(text: str, units: Sequence[Unit]) -> list[int]:
    """At each "Step N" and markdown heading, and at the final answer after the last "Step N"."""
    last_step = max(
        (at for at, unit in enumerate(units) if unit.kind is UnitKind.STEP_HEADING), default=len(units)
    )
    return [
        at
        for at, unit in enumerate(units)
        if unit.kind in HEADINGS
        or (at > last_step and ANSWER_LINE.match(text, unit.start, unit.end))
        or at == 0
    ]


def start_at_items(text: str, units: Sequence[Unit]) -> list[int]:
    """At each top-level list item, and at each paragraph outside the lists."""
    return _start_at_items(units, by_line=False)


def start_at_paragraphs(text: str, units: Sequence[Unit]) -> list[int]:
    """After each blank line."""
    return [
        at
        for at, unit in enumerate(units)
        if unit.kind is not UnitKind.SEPARATOR and _follows_blank(units, at)
    ]


def start_at_lines(text: str, units: Sequence[Unit]) -> list[int]:
    """At each line that is not blank; blocks stay whole."""
    return [at for at, unit in enumerate(units) if unit.kind is not UnitKind.SEPARATOR]


def _follows_blank(units: Sequence[Unit], at: int) -> bool:
    return at == 0 or units[at - 1].kind is UnitKind.SEPARATOR


def _is_one_step_a_line(text: str, units: Sequence[Unit]) -> bool:
    """Whether single line breaks outnumber blank lines 2:1 and seldom fall inside a sentence."""
    num_single = num_wrapped = num_blank = 0
    for before, after in pairwise(dropwhile(lambda unit: unit.kind is UnitKind.SEPARATOR, units)):
        if before.kind is UnitKind.SEPARATOR:
            num_blank += after.kind is not UnitKind.SEPARATOR
        elif after.kind is not UnitKind.SEPARATOR:
            num_single += 1
            num_wrapped += _continues_sentence(before, after)
    return num_single >= 2 * num_blank and num_single > 0 and num_wrapped < WRAPPED_SHARE * num_single


def _continues_sentence(before: Unit, after: Unit) -> bool:
    """A lower-case start after a line that ends no sentence; scripts without case never look wrapped."""
    if after.kind is not UnitKind.TEXT or before.end - before.start < SHORTEST_WRAPPED:
        return False
    return after.first_character.islower() and before.last_character not in TERMINAL


def _start_at_items(units: Sequence[Unit], *, by_line: bool) -> list[int]:
    items = _list_items(units)
    owned = _owned_by_items(units, items)
    starts: list[int] = []
    item: Unit | None = None  # the top-level item that is still open
    before: Unit | None = None  # the last unit that is no separator
    for at, unit in enumerate(units):
        if unit.kind is UnitKind.SEPARATOR:
            continue
        after_blank = _follows_blank(units, at)
        is_inside = owned[at] or (item is not None and _is_inside(unit, item, after_blank=after_blank))
        if before is None:
            begins = True
        elif before.is_title:
            begins = unit.kind is UnitKind.STEP_HEADING or (
                at in items and before.kind in ITEMS and not is_inside
            )
        elif unit.kind in HEADINGS:
            begins = True
        elif is_inside or _belongs_to_sentence(before, unit):
            begins = False
        elif at in items:
            begins = True
        else:
            begins = after_blank or (by_line and not (item is not None and _continues_sentence(before, unit)))
        if begins:
            starts.append(at)
        if at in items and not is_inside:
            item = unit
        elif begins:
            item = None
        before = unit
    return starts


def _is_inside(unit: Unit, item: Unit, *, after_blank: bool) -> bool:
    """Nested by its indent, or bullets directly under a numbered item, as models often write them."""
    if unit.indent >= item.indent + NESTED_BY:
        return True
    return item.kind is UnitKind.NUMBERED and unit.kind is UnitKind.BULLET and not after_blank


def _belongs_to_sentence(before: Unit, unit: Unit) -> bool:
    """A display that an unfinished sentence leads up to, or the rest of the sentence after the display."""
    if unit.kind is UnitKind.BLOCK:
        return before.last_character not in SENTENCE_END
    return before.kind is UnitKind.BLOCK and unit.kind is UnitKind.TEXT and unit.first_character.islower()


def _list_items(units: Sequence[Unit]) -> dict[int, int | None]:
    """The units that are list items, each with the next number's unit if that follows it in order.

    A lone "1." or "-" is prose (a year, a minus, a result at the start of a wrapped line): a number counts
    only beside its neighbour (n and n + 1, or a list that says "1." throughout), a bullet only if there is
    another at its indent.
    """
    found: dict[int, int | None] = {}
    last: dict[tuple[UnitKind, int, str], int] = {}
    for at, unit in enumerate(units):
        if unit.kind not in ITEMS:
            continue
        # Indents are compared in steps of two columns, so that right-aligned numbers are one list.
        style = (unit.kind, (unit.indent + 1) // (NESTED_BY + 1), unit.marker)
        before = last.get(style)
        last[style] = at
        if before is None or not _follow_each_other(units[before], unit):
            continue
        found[before] = at if unit.number == units[before].number + 1 else None
        found[at] = None
    return found


def _follow_each_other(before: Unit, after: Unit) -> bool:
    if after.kind is UnitKind.BULLET:
        return True
    return after.number == before.number + 1 or after.number == before.number == 1


def _owned_by_items(units: Sequence[Unit], items: dict[int, int | None]) -> list[bool]:
    """Which units lie between items n and n + 1, and so belong to item n even where nothing indents them."""
    change = [0] * (len(units) + 1)
    for at, following in items.items():
        if following is None or following - at > MOST_UNITS_OF_AN_ITEM:
            continue
        if not any(units[between].kind in HEADINGS for between in range(at + 1, following)):
            change[at + 1] += 1
            change[following] -= 1
    owned: list[bool] = []
    depth = 0
    for step in change[:-1]:
        depth += step
        owned.append(depth > 0)
    return owned
