"""Why rows of two exports differ: what was said of their traces between the merges, and what the rules made of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from exports.candidates import PAIR_FORMATS
from exports.comparison import RowChange, find_without
from exports.models import Export
from exports.refusals import Sources, list_runs, load_sources
from exports.rows import JudgedTrace
from exports.said_between import Said, list_said, list_spans

_UNEXPLAINED = (
    "Nobody spoke of it in between: the thresholds, the merge or what was said of other traces moved it."
)


@dataclass(frozen=True, slots=True)
class Explained:
    """A row that differs, with the reasons that can be named."""

    row: RowChange
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Reasons:
    """Finds the reasons for rows of one config: what both exports had before them, and what was said in between."""

    config: str
    old: Sources
    new: Sources
    said: Said

    def explain(self, row: RowChange) -> tuple[str, ...]:
        if self.config == "prompts":
            found = self._explain_prompt(row)
        elif self.config in PAIR_FORMATS:
            found = self._explain_pair(row)
        else:
            found = chain(self._explain_trace(row, int(row.key[0])), self._explain_by_prompt(row))
        return tuple(dict.fromkeys((*found, *_explain_split(row)))) or (_UNEXPLAINED,)

    def _explain_prompt(self, row: RowChange) -> Iterator[str]:
        prompt = int(row.key[0])
        yield from self.said.of_prompt.get(prompt, ())
        yield from _say_left_out(row, self.old.refuse_prompt(prompt), self.new.refuse_prompt(prompt))
        if row.kind == "added" and prompt not in self.old.choosers:
            yield "It came into the project after the earlier export."
        if row.before and row.after and row.before.label != row.after.label:
            yield "Its ground truth or its verifier was changed."

    def _explain_pair(self, row: RowChange) -> Iterator[str]:
        first, second = (int(part) for part in row.key[:2])
        for two, sentences in self.said.of_two.items():
            if first in two or second in two:
                yield from sentences
        yield from _say_left_out(
            row,
            self.old.refuse_pair(first, second, self.config),
            self.new.refuse_pair(first, second, self.config),
        )
        yield from self._explain_by_prompt(row)
        for trace in dict.fromkeys((first, second)):
            yield from (f"Trace {trace}: {reason}" for reason in self._explain_trace(row, trace))

    def _explain_by_prompt(self, row: RowChange) -> Iterator[str]:
        """What was said of the prompt moves no label; it takes rows away, or brings them back."""
        state = row.before or row.after
        if state is not None and row.kind != "changed":
            yield from (
                f"Of its prompt: {words}" for words in self.said.of_prompt.get(int(state.prompt_id), ())
            )

    def _explain_trace(self, row: RowChange, trace: int) -> Iterator[str]:
        yield from self.said.of_trace.get(trace, ())
        refused = (source.refuse_trace(trace, self.config) for source in (self.old, self.new))
        yield from _say_left_out(row, *refused)
        earlier, later = self.old.traces.get(trace), self.new.traces.get(trace)
        if earlier is None:
            yield "it was not in the earlier merge."
        if later is None:
            yield "it is not in the later merge: another segmentation replaced it, or its project is not in the export."
        if earlier and later:
            yield from _list_moves(earlier, later)


def explain_rows(before: Export, after: Export, config: str, rows: Iterable[RowChange]) -> list[Explained]:
    """Reasons for each row, most telling first. Reads the database once for all of them."""
    rows = list(rows)
    if not rows:
        return []
    if (without := find_without(before, after, config)) is not None:
        reason = f"Export {without.pk} was made without this dataset."
        return [Explained(row, (reason,)) for row in rows]
    ids = {int(part) for row in rows for part in row.key}
    traces, asked = (set(), ids) if config == "prompts" else (ids, set())
    old, new = (load_sources(export, traces, asked, config) for export in (before, after))
    prompts = {int(state.prompt_id) for row in rows for state in (row.before, row.after) if state}
    said = list_said(list_spans(list_runs(before), list_runs(after)), traces, prompts)
    reasons = _Reasons(config, old, new, said)
    return [Explained(row, reasons.explain(row)) for row in rows]


def _say_left_out(row: RowChange, old: str | None, new: str | None) -> Iterator[str]:
    if row.kind == "removed" and new:
        yield f"left out now because {new}."
    if row.kind == "added" and old:
        yield f"left out before because {old}."


def _explain_split(row: RowChange) -> tuple[str, ...]:
    if row.before and row.after and row.before.split != row.after.split:
        return (f"Its prompt moved from {row.before.split} to {row.after.split}.",)
    return ()


def _list_moves(earlier: JudgedTrace, later: JudgedTrace) -> Iterable[str]:
    if earlier.provenance != later.provenance:
        yield f"it rested on {earlier.provenance}, then on {later.provenance}."
    if earlier.p_trace is not None and later.p_trace is not None:
        if abs(earlier.p_trace - later.p_trace) >= 0.005:
            yield f"P(trace) went from {earlier.p_trace:.2f} to {later.p_trace:.2f}."
        moved = [
            (abs(a - b), index, a, b)
            for index, (a, b) in enumerate(zip(earlier.posterior, later.posterior, strict=True))
        ]
        if moved and (most := max(moved))[0] >= 0.005:
            yield f"step {most[1] + 1} moved most: {most[2]:.2f}, then {most[3]:.2f}."
