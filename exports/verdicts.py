"""What becomes of many traces or pairs at once: the rules are asked once a case, and the answer holds for all of it.

`Chooser` (exports/candidates.py) says what becomes of one candidate. Here candidates come as columns; those that it
can't tell apart share a key, and for each key it is asked about a stand-in (exports/stand_ins.py). So the rules stand
in one place, and a row costs no Python object.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exports.blanks import find_blank
from exports.candidates import Chooser
from exports.formats.dataset import Row
from exports.labels import LeftOut
from exports.pair_columns import NO_FORK, Pairs, values_at
from exports.policy import ExportPolicy
from exports.stand_ins import (
    Fork,
    Openings,
    Source,
    sides_of,
    sides_of_traces,
    stand_in_for_pair,
    stand_in_for_trace,
)
from exports.trace_columns import column_of

_MOST_KEPT = 20_000
"""Cases whose verdict is kept: long traces that recover may each be a case of their own."""
Verdict = tuple[tuple[str, str, Row | LeftOut], ...]
"""(config, split, the stand-in's row or why there is none), for each config."""


@dataclass(slots=True)
class Taken:
    """What goes into one split of one config: places among the candidates, and the row of each one's stand-in."""

    places: list[int] = field(default_factory=list)
    stand_ins: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class Sorted:
    """Candidates by what becomes of them: taken, by config and split; or left out, by config and reason."""

    taken: dict[tuple[str, str], Taken] = field(default_factory=lambda: defaultdict(Taken))
    left_out: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, place: int, verdict: Verdict) -> None:
        for config, split, row in verdict:
            if isinstance(row, LeftOut):
                self.left_out[config][row.reason] += 1
            else:
                taken = self.taken[config, split]
                taken.places.append(place)
                taken.stand_ins.append(row)


class Verdicts:
    """Sorts the traces and the pairs of one merge run for these configs."""

    def __init__(self, chooser: Chooser, of_traces: Iterable[str], of_pairs: Iterable[str]) -> None:
        self._chooser = chooser
        self._of_traces, self._of_pairs = tuple(of_traces), tuple(of_pairs)
        self._known: dict[Hashable, Verdict] = {}

    def sort_traces(self, traces: pa.Table) -> Sorted:
        found, policy = Sorted(), self._chooser.policy
        prompts, p_traces = traces["prompt_id"].to_pylist(), traces["p_trace"].to_pylist()
        sides = sides_of_traces(traces["p_trace"], policy).to_pylist()
        cases = zip(
            _sources_of(traces),
            traces["provenance"].to_pylist(),
            np.minimum(traces["raters"].to_numpy(), policy.minimum_raters).tolist(),
            find_blank(column_of(traces, "completion")).tolist(),
            sides_of(column_of(traces, "posterior"), policy).to_pylist(),
            strict=True,
        )
        for place, case in enumerate(cases):
            key = (*self._read_prompt(prompts[place]), sides[place], case)
            if (verdict := self._known.get(key)) is None:
                trace = stand_in_for_trace(prompts[place], *case, p_trace=p_traces[place], policy=policy)
                verdict = self._keep(key, self._chooser.rows_of_trace(trace, self._of_traces))
            found.add(place, verdict)
        return found

    def sort_pairs(self, pairs: Pairs) -> Sorted:
        found, policy = Sorted(), self._chooser.policy
        prompts = pairs.chosen["prompt_id"].to_pylist()
        texts = [column_of(side, "completion") for side in (pairs.chosen, pairs.rejected)]
        asked = [column_of(side, "prompt") for side in (pairs.chosen, pairs.rejected)]
        cases = zip(
            _sources_of(pairs.chosen),
            _sources_of(pairs.rejected),
            pairs.provenance.to_pylist(),
            np.minimum(pairs.num_people, policy.minimum_raters).tolist(),
            find_blank(texts[0]).tolist(),
            find_blank(texts[1]).tolist(),
            pc.equal(*texts).to_pylist(),
            pc.equal(*asked).to_pylist(),
            self._list_forks(pairs),
            strict=True,
        )
        for place, case in enumerate(cases):
            key = (*self._read_prompt(prompts[place]), case)
            if (verdict := self._known.get(key)) is None:
                pair = stand_in_for_pair(prompts[place], *case, policy=policy)
                verdict = self._keep(key, self._chooser.rows_of_pair(pair, self._of_pairs))
            found.add(place, verdict)
        return found

    def _read_prompt(self, prompt_id: int) -> tuple[str, bool]:
        """What the rules want to know of a prompt."""
        return self._chooser.split_of[prompt_id], prompt_id in self._chooser.suspects.broken

    def _keep(self, key: Hashable, rows: Iterable[tuple[str, str, Row | LeftOut]]) -> Verdict:
        verdict = tuple(rows)
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[key] = verdict
        return verdict

    def _list_forks(self, pairs: Pairs) -> list[Fork | None]:
        """Where the traces of each pair part; None where they don't, or where no config asks."""
        if "step_preference" not in self._of_pairs:
            return [None] * len(pairs)
        sides, blanks = [], []
        for traces in (pairs.chosen, pairs.rejected):
            posterior = values_at(column_of(traces, "posterior"), pairs.forks)
            sides.append(_sides_or_none(posterior, self._chooser.policy))
            blanks.append(find_blank(values_at(column_of(traces, "steps"), pairs.forks)).tolist())
        forks = map(Fork, *sides, *blanks, _compare_openings(pairs))
        return [
            fork if place != NO_FORK else None
            for fork, place in zip(forks, pairs.forks.tolist(), strict=True)
        ]


def _sources_of(traces: pa.Table) -> list[Source]:
    batches = traces["batch"].fill_null(0)
    columns = (traces["model"], batches, traces["day"], traces["language"])
    return list(map(Source, *(column.to_pylist() for column in columns)))


def _sides_or_none(posterior: pa.Array, policy: ExportPolicy) -> list[int | None]:
    """On which side of the thresholds a step lies, for one step of each trace; None where there is no evidence."""
    one_each = pa.ListArray.from_arrays(pa.array(range(len(posterior) + 1), pa.int32()), posterior)
    sides = sides_of(one_each, policy).to_pylist()
    known = posterior.is_valid().to_pylist()
    return [side[0] if is_known else None for side, is_known in zip(sides, known, strict=True)]


def _compare_openings(pairs: Pairs) -> list[Openings]:
    if pairs.openings is None:  # prompts, which the rules compare themselves
        return ["same"] * len(pairs)
    return [
        "broken" if None in (chosen, rejected) else "same" if chosen == rejected else "different"
        for chosen, rejected in zip(*pairs.openings, strict=True)
    ]
