"""Pairs of a merge run as columns: the traces of each side, and where the two part.

Both traces of a pair stand in tables of exports/trace_columns.py, a row a pair.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from annotation.models import MergeRun
from annotation.rules.chat_template import BadChatTemplate, render_user_turn
from exports.columns import read_columns
from exports.queries import load_chats
from exports.rows import Chat
from exports.trace_columns import Ints, column_of, load_trace_columns

NO_FORK = -1
_PAIRS = """
COPY (
  SELECT chosen_id, rejected_id, margin, provenance, coalesce(compared.num, 0)
  FROM annotation_mergedpreference LEFT JOIN (
    SELECT trace_a_id, trace_b_id, count(*) AS num FROM annotation_comparison
    WHERE prompt_id = ANY(%(prompts)s::bigint[]) AND choice <> 'both_bad' AND submitted_at <= %(at)s
    GROUP BY trace_a_id, trace_b_id
  ) AS compared ON trace_a_id = least(chosen_id, rejected_id) AND trace_b_id = greatest(chosen_id, rejected_id)
  WHERE run_id = %(run)s AND prompt_id = ANY(%(prompts)s::bigint[]) AND probability >= %(min_p)s
  ORDER BY prompt_id, chosen_id, rejected_id
) TO STDOUT WITH (FORMAT csv)
"""
_PAIR_TYPES = {
    "chosen": pa.int64(),
    "rejected": pa.int64(),
    "margin": pa.float64(),
    "provenance": pa.string(),
    "num_choosing": pa.int64(),
}


@dataclass(frozen=True, slots=True)
class Pairs:
    """N pairs by prompt and traces. `forks`: the first step in which the two differ, NO_FORK where they share none or
    all. `openings`: what each side continues, text by text; None where its chat template can't be used."""

    chosen: pa.Table
    rejected: pa.Table
    margin: pa.Array
    provenance: pa.Array
    num_choosing: pa.Array  # raters who chose between the two
    forks: Ints
    openings: (
        tuple[Sequence[str | None], Sequence[str | None]] | None
    )  # None: both sides' prompts, as they are

    def __len__(self) -> int:
        return len(self.margin)

    def take(self, places: Sequence[int]) -> Pairs:
        """Some of the pairs, in this order."""
        where = pa.array(places, pa.int64())
        openings = self.openings and tuple([side[place] for place in places] for side in self.openings)
        return Pairs(
            self.chosen.take(where),
            self.rejected.take(where),
            self.margin.take(where),
            self.provenance.take(where),
            self.num_choosing.take(where),
            self.forks[np.asarray(places, np.int64)],
            openings,  # type: ignore[arg-type]  # two sides, as before
        )

    @property
    def num_people(self) -> Ints:
        """`JudgedPair.num_people` of each."""
        rated = np.minimum(self.chosen["raters"].to_numpy(), self.rejected["raters"].to_numpy())
        people: Ints = np.maximum(rated, self.num_choosing.to_numpy())
        return people

    @property
    def prompts(self) -> pa.Array:
        """What the chosen side continues."""
        if self.openings is None:
            return column_of(self.chosen, "prompt")
        return pa.array(self.openings[0], pa.string())


def load_pairs(run: MergeRun, prompts: Collection[int], traces: pa.Table, *, min_p: float) -> Pairs:
    """The preferences of these prompts; a trace that is not among the `traces` in hand is read once more."""
    values = {
        "run": run.pk,
        "prompts": list(prompts),
        "min_p": min_p,
        "at": run.started_at or run.queued_at,
    }
    found = read_columns(_PAIRS, values, _PAIR_TYPES).combine_chunks()
    wanted = [column_of(found, side).to_pylist() for side in ("chosen", "rejected")]
    place_of = {trace: place for place, trace in enumerate(traces["trace_id"].to_pylist())}
    if missing := {trace for side in wanted for trace in side} - place_of.keys():
        more = load_trace_columns(run, sorted(missing))
        place_of |= {trace: len(traces) + n for n, trace in enumerate(more["trace_id"].to_pylist())}
        traces = pa.concat_tables([traces, more])
    chosen, rejected = (
        traces.take(pa.array([place_of[trace] for trace in side], pa.int64())).combine_chunks()
        for side in wanted
    )
    said = [column_of(found, name) for name in ("margin", "provenance", "num_choosing")]
    return make_pairs(chosen, rejected, *said, chats=load_chats(run.project))


def make_pairs(
    chosen: pa.Table,
    rejected: pa.Table,
    margin: pa.Array,
    provenance: pa.Array,
    num_choosing: pa.Array,
    *,
    chats: Mapping[int, Chat],
) -> Pairs:
    """Pairs of these traces. `chats`: by batch, where its model has a chat template."""
    forks = find_forks(column_of(chosen, "steps"), column_of(rejected, "steps"))
    openings = (_open_all(chosen, chats), _open_all(rejected, chats)) if chats else None
    return Pairs(chosen, rejected, margin, provenance, num_choosing, forks, openings)


def find_forks(chosen: pa.ListArray, rejected: pa.ListArray) -> Ints:
    """For N pairs of lists of texts, the first place at which they differ; NO_FORK where one begins with the other."""
    lengths = [pc.list_value_length(side).to_numpy().astype(np.int64) for side in (chosen, rejected)]
    shared = np.minimum(*lengths)
    owner = np.repeat(np.arange(len(shared)), shared)
    place = np.arange(len(owner)) - (np.cumsum(shared) - shared)[owner]
    texts = [
        side.flatten().take(pa.array((np.cumsum(length) - length)[owner] + place))
        for side, length in zip((chosen, rejected), lengths, strict=True)
    ]
    differing = np.flatnonzero(pc.not_equal(*texts).to_numpy(zero_copy_only=False))
    pairs, first = np.unique(owner[differing], return_index=True)
    forks = np.full(len(shared), NO_FORK, np.int64)
    forks[pairs] = place[differing[first]]
    return forks


def values_at(lists: pa.ListArray, places: Ints) -> pa.Array:
    """Of each list the value at a place; null where the place is NO_FORK."""
    lengths = pc.list_value_length(lists).to_numpy().astype(np.int64)
    flat = np.cumsum(lengths) - lengths + places
    return lists.flatten().take(pa.array(flat, mask=places == NO_FORK))


def join_before(lists: pa.ListArray, places: Ints) -> pa.Array:
    """Of each list of texts what comes before a place, as one text."""
    lengths = pc.list_value_length(lists).to_numpy().astype(np.int64)
    owner = np.repeat(np.arange(len(places)), places)
    within = np.arange(len(owner)) - (np.cumsum(places) - places)[owner]
    parts = lists.flatten().take(pa.array((np.cumsum(lengths) - lengths)[owner] + within))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(places)])
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), parts), "")


def _open_all(traces: pa.Table, chats: Mapping[int, Chat]) -> list[str | None]:
    """As `JudgedTrace.opening` has it, for each trace."""
    rendered: dict[tuple[Any, str], str | None] = {}
    keys = list(zip(traces["batch"].to_pylist(), traces["prompt"].to_pylist(), strict=True))
    for batch, prompt in keys:
        if (batch, prompt) not in rendered:
            rendered[batch, prompt] = _open(chats.get(batch), prompt)
    return [rendered[key] for key in keys]


def _open(chat: Chat | None, prompt: str) -> str | None:
    if chat is None:
        return prompt
    try:
        return render_user_turn(chat.template, chat.special_tokens, prompt, asked_at=chat.asked_at)
    except BadChatTemplate:
        return None
