"""A merge run's traces and pairs by case: one stand-in for all that a policy can't tell apart, and how many there are.

100,000 traces are some hundred cases (exports/stand_ins.py), and the snapshot's own rules, asked once each, count them
all in a second, without reading a text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from annotation.models import MergeRun
from exports.columns import read_columns
from exports.policy import ExportPolicy
from exports.queries import SuspectPrompts
from exports.rows import JudgedPair, JudgedTrace
from exports.stand_ins import Source, sides_of, sides_of_traces, stand_in_for_pair, stand_in_for_trace

NUM_EXAMPLES = 3
_WHITESPACE = "".join(character for character in map(chr, range(0x3001)) if character.isspace())
_TRACES = """
COPY (
  SELECT m.trace_id, t.prompt_id, t.model_name, coalesce(t.batch_id, 0),
    (t.created_at AT TIME ZONE 'UTC')::date, p.language, m.provenance, least(m.num_blind_raters, %(raters)s),
    m.p_trace, CASE WHEN m.p_trace IS NULL THEN 'nan' ELSE array_to_string(m.posterior, ' ') END,
    ascii(t.completion) NOT BETWEEN 33 AND 126 AND btrim(t.completion, %(whitespace)s) = ''
  FROM annotation_mergedtrace m JOIN annotation_trace t ON t.id = m.trace_id
  JOIN annotation_prompt p ON p.id = t.prompt_id
  WHERE m.run_id = %(run)s
) TO STDOUT WITH (FORMAT csv)
"""
_PAIRS = """
COPY (
  SELECT q.prompt_id, c.model_name, r.model_name, coalesce(c.batch_id, 0), coalesce(r.batch_id, 0),
    (c.created_at AT TIME ZONE 'UTC')::date, (r.created_at AT TIME ZONE 'UTC')::date, p.language, q.provenance,
    least(%(raters)s, greatest(coalesce(compared.num, 0), least(mc.num_blind_raters, mr.num_blind_raters))),
    ascii(c.completion) NOT BETWEEN 33 AND 126 AND btrim(c.completion, %(whitespace)s) = '',
    ascii(r.completion) NOT BETWEEN 33 AND 126 AND btrim(r.completion, %(whitespace)s) = '',
    c.completion = r.completion,
    coalesce(cb.prompt_template, '{prompt}') = coalesce(rb.prompt_template, '{prompt}')
  FROM annotation_mergedpreference q JOIN annotation_prompt p ON p.id = q.prompt_id
  JOIN annotation_trace c ON c.id = q.chosen_id JOIN annotation_trace r ON r.id = q.rejected_id
  JOIN annotation_mergedtrace mc ON mc.run_id = q.run_id AND mc.trace_id = c.id
  JOIN annotation_mergedtrace mr ON mr.run_id = q.run_id AND mr.trace_id = r.id
  LEFT JOIN (
    SELECT x.trace_a_id, x.trace_b_id, count(*) AS num
    FROM annotation_comparison x JOIN annotation_prompt y ON y.id = x.prompt_id
    WHERE y.project_id = %(project)s AND x.choice <> 'both_bad' AND x.submitted_at <= %(at)s
    GROUP BY x.trace_a_id, x.trace_b_id
  ) AS compared ON compared.trace_a_id = least(c.id, r.id) AND compared.trace_b_id = greatest(c.id, r.id)
  LEFT JOIN annotation_generationbatch cb ON cb.id = c.batch_id
  LEFT JOIN annotation_generationbatch rb ON rb.id = r.batch_id
  WHERE q.run_id = %(run)s AND q.probability >= %(min_p)s
) TO STDOUT WITH (FORMAT csv)
"""

_TRACE_TYPES = {
    "trace": pa.int64(),
    "prompt": pa.int64(),
    "model": pa.string(),
    "batch": pa.int64(),
    "day": pa.string(),
    "language": pa.string(),
    "provenance": pa.string(),
    "raters": pa.int64(),
    "p_trace": pa.float64(),
    "posterior": pa.string(),
    "blank": pa.string(),
}
_PAIR_TYPES = {
    "prompt": pa.int64(),
    "chosen_model": pa.string(),
    "rejected_model": pa.string(),
    "chosen_batch": pa.int64(),
    "rejected_batch": pa.int64(),
    "chosen_day": pa.string(),
    "rejected_day": pa.string(),
    "language": pa.string(),
    "provenance": pa.string(),
    "people": pa.int64(),
    "chosen_blank": pa.string(),
    "rejected_blank": pa.string(),
    "same_text": pa.string(),
    "same_prompt": pa.string(),
}


@dataclass(slots=True)
class TraceCase:
    """A stand-in with a real trace's ids and made-up texts; how many traces it stands for, and the ids of the first."""

    trace: JudgedTrace
    num_traces: int
    examples: list[int]


@dataclass(slots=True)
class PairCase:
    """A stand-in for pairs of one case, and how many there are."""

    pair: JudgedPair
    num_pairs: int


def count_trace_cases(
    run: MergeRun, policy: ExportPolicy, split_of: Mapping[int, str], suspects: SuspectPrompts
) -> list[TraceCase]:
    """The cases of a run's traces, in the order of their first traces."""
    table = read_columns(
        _TRACES, {"whitespace": _WHITESPACE, "run": run.pk, "raters": policy.minimum_raters}, _TRACE_TYPES
    )
    table = _add_prompt_facts(table, split_of, suspects)
    table = table.append_column("side", sides_of_traces(table["p_trace"], policy))
    posteriors = _split_posteriors(table["posterior"].combine_chunks())
    table = table.append_column("sides", sides_of(posteriors, policy))
    keys = ["split", "is_broken", "model", "batch", "day", "language", "provenance", "raters", "blank"]
    cases = _group(table, [*keys, "side", "sides"], "trace", ["prompt", "p_trace"])
    return [
        TraceCase(
            stand_in_for_trace(
                case["prompt"],
                Source(case["model"], case["batch"], case["day"], case["language"]),
                case["provenance"],
                case["raters"],
                case["blank"] == "t",
                case["sides"],
                p_trace=case["p_trace"],
                policy=policy,
                trace_id=min(case["trace"]),
            ),
            len(case["trace"]),
            sorted(case["trace"])[:NUM_EXAMPLES],
        )
        for case in cases
    ]


def count_pair_cases(
    run: MergeRun, policy: ExportPolicy, split_of: Mapping[int, str], suspects: SuspectPrompts
) -> list[PairCase]:
    """The cases of a run's preferences from the policy's probability on; without their steps, so not for forks."""
    values = {
        "whitespace": _WHITESPACE,
        "run": run.pk,
        "project": run.project_id,
        "at": run.started_at or run.queued_at,
        "raters": policy.minimum_raters,
        "min_p": policy.min_p_preference,
    }
    table = read_columns(_PAIRS, values, _PAIR_TYPES)
    keys = [name for name in _PAIR_TYPES if name != "prompt"]
    cases = _group(_add_prompt_facts(table, split_of, suspects), ["split", "is_broken", *keys], "prompt", [])
    return [
        PairCase(
            stand_in_for_pair(
                case["prompt"][0],
                Source(case["chosen_model"], case["chosen_batch"], case["chosen_day"], case["language"]),
                Source(
                    case["rejected_model"], case["rejected_batch"], case["rejected_day"], case["language"]
                ),
                case["provenance"],
                case["people"],
                *(
                    case[name] == "t"
                    for name in ("chosen_blank", "rejected_blank", "same_text", "same_prompt")
                ),
                policy=policy,
            ),
            len(case["prompt"]),
        )
        for case in cases
    ]


def _add_prompt_facts(table: pa.Table, split_of: Mapping[int, str], suspects: SuspectPrompts) -> pa.Table:
    """The table with what its prompts bring: their split, and whether raters called them broken."""
    prompts = table["prompt"].to_pylist()
    table = table.append_column("split", pa.array([split_of[prompt] for prompt in prompts], pa.string()))
    is_broken = [prompt in suspects.broken for prompt in prompts]
    return table.append_column("is_broken", pa.array(is_broken, pa.bool_()))


def _group(table: pa.Table, keys: Sequence[str], counted: str, facts: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each set of values of the keys: with the values of `counted`, and the `facts` of one of its rows."""
    wanted = [(counted, "list"), *((name, "first") for name in facts)]
    grouped = table.group_by(list(keys), use_threads=False).aggregate(wanted)
    renamed = grouped.rename_columns({f"{name}_{how}": name for name, how in wanted})
    return sorted(renamed.to_pylist(), key=lambda row: min(row[counted]))


def _split_posteriors(texts: pa.Array) -> pa.ListArray:
    lists = pc.split_pattern(texts, " ")
    return pa.ListArray.from_arrays(lists.offsets, pc.cast(lists.flatten(), pa.float64()))
