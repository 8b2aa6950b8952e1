"""A merge run's traces and pairs by case: one stand-in for all that a policy can't tell apart, and how many there are.

The verdict on a trace depends on little: its source, its evidence, its prompt's split, and on which side of the
thresholds its posteriors lie. So 100,000 traces are some hundred cases, and the snapshot's own rules, asked once each,
count them all in a second, without reading a text.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
from django.db import connection

from annotation.models import MergeRun
from exports.policy import ExportPolicy
from exports.queries import SuspectPrompts
from exports.rows import JudgedPair, JudgedTrace

NUM_EXAMPLES = 3
_WHITESPACE = "".join(character for character in map(chr, range(0x3001)) if character.isspace())
_TRACES = """
COPY (
  SELECT m.trace_id, t.prompt_id, t.model_name, coalesce(t.batch_id, 0),
    to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), p.language, m.provenance, m.num_blind_raters,
    m.p_trace, CASE WHEN m.p_trace IS NULL THEN 'nan' ELSE array_to_string(m.posterior, ' ') END,
    btrim(t.completion, %(whitespace)s) = ''
  FROM annotation_mergedtrace m JOIN annotation_trace t ON t.id = m.trace_id
  JOIN annotation_prompt p ON p.id = t.prompt_id
  WHERE m.run_id = %(run)s ORDER BY m.trace_id
) TO STDOUT WITH (FORMAT csv)
"""
_PAIRS = """
COPY (
  SELECT q.prompt_id, c.model_name, r.model_name, coalesce(c.batch_id, 0), coalesce(r.batch_id, 0),
    to_char(c.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), to_char(r.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
    p.language, q.provenance, q.probability, btrim(c.completion, %(whitespace)s) = '',
    btrim(r.completion, %(whitespace)s) = '', c.completion = r.completion,
    coalesce(cb.prompt_template, '{prompt}') = coalesce(rb.prompt_template, '{prompt}')
  FROM annotation_mergedpreference q JOIN annotation_prompt p ON p.id = q.prompt_id
  JOIN annotation_trace c ON c.id = q.chosen_id JOIN annotation_trace r ON r.id = q.rejected_id
  LEFT JOIN annotation_generationbatch cb ON cb.id = c.batch_id
  LEFT JOIN annotation_generationbatch rb ON rb.id = r.batch_id
  WHERE q.run_id = %(run)s AND q.probability >= %(min_p)s
) TO STDOUT WITH (FORMAT csv)
"""


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
    types = [
        pa.int64(),
        pa.int64(),
        pa.string(),
        pa.int64(),
        pa.string(),
        pa.string(),
        pa.string(),
        pa.int64(),
    ]
    table = _read(_TRACES, {"run": run.pk}, [*types, pa.float64(), pa.string(), pa.string()])
    columns = [column.to_pylist() for column in table.columns]
    sides = _sides_of(table.column(9).combine_chunks(), policy)
    cases: dict[tuple[object, ...], TraceCase] = {}
    for trace, prompt, model, batch, day, language, provenance, raters, p_trace, _, blank, steps in zip(
        *columns, sides, strict=True
    ):
        key = (
            split_of[prompt],
            prompt in suspects.broken,
            model,
            batch,
            day,
            language,
            provenance,
            min(raters, policy.minimum_raters),
            _side_of_trace(p_trace, policy),
            blank,
            steps,
        )
        case = cases.get(key)
        if case is None:
            stand_in = _make_trace(
                trace,
                prompt,
                model,
                batch,
                day,
                language,
                provenance,
                raters,
                p_trace,
                blank == "t",
                steps,
                policy,
            )
            case = cases[key] = TraceCase(stand_in, 0, [])
        case.num_traces += 1
        if len(case.examples) < NUM_EXAMPLES:
            case.examples.append(trace)
    return list(cases.values())


def count_pair_cases(
    run: MergeRun, policy: ExportPolicy, split_of: Mapping[int, str], suspects: SuspectPrompts
) -> list[PairCase]:
    """The cases of a run's preferences from the policy's probability on; without their steps, so not for forks."""
    text = pa.string()
    types = [pa.int64(), text, text, pa.int64(), pa.int64(), *[text] * 4, pa.float64(), *[text] * 4]
    table = _read(_PAIRS, {"run": run.pk, "min_p": policy.min_p_preference}, types)
    cases: dict[tuple[object, ...], PairCase] = {}
    for prompt, *rest in zip(*(column.to_pylist() for column in table.columns), strict=True):
        probability = rest.pop(8)
        key = (split_of[prompt], prompt in suspects.broken, *rest)
        case = cases.get(key)
        if case is None:
            case = cases[key] = PairCase(_make_pair(prompt, probability, *rest), 0)
        case.num_pairs += 1
    return list(cases.values())


def _read(sql: str, values: Mapping[str, object], types: Sequence[pa.DataType]) -> pa.Table:
    """The rows of a COPY as columns: a tenth of the time that rows of Python objects take."""
    sink = io.BytesIO()
    with connection.cursor() as cursor:
        raw = cursor.cursor
        raw.copy_expert(raw.mogrify(sql, {"whitespace": _WHITESPACE, **values}), sink)
    names = [str(number) for number in range(len(types))]
    if not sink.tell():
        return pa.table({name: pa.array([], kind) for name, kind in zip(names, types, strict=True)})
    sink.seek(0)
    return pc_csv.read_csv(
        sink,
        pc_csv.ReadOptions(column_names=names),
        pc_csv.ParseOptions(newlines_in_values=True),
        pc_csv.ConvertOptions(column_types=dict(zip(names, types, strict=True)), strings_can_be_null=False),
    )


def _sides_of(posteriors: pa.Array, policy: ExportPolicy) -> Iterator[bytes]:
    """For each trace, on which side of the thresholds each step lies: 0 bad, 1 between, 2 good; one byte a step."""
    if not len(posteriors):
        return
    lists = pc.split_pattern(posteriors, " ")
    p = pc.cast(lists.flatten(), pa.float64()).to_numpy(zero_copy_only=False)
    sides = (p > policy.bad_to).astype(np.uint8) + (p >= policy.good_from).astype(np.uint8)
    content = sides.tobytes()
    for start, end in pairwise(lists.offsets.to_pylist()):
        yield content[start:end]


def _side_of_trace(p_trace: float | None, policy: ExportPolicy) -> int | None:
    if p_trace is None:
        return None
    return (p_trace > policy.bad_to) + (p_trace >= policy.good_from) + 4 * (p_trace >= policy.sft_from)


def _make_trace(
    trace_id: int,
    prompt_id: int,
    model: str,
    batch: int,
    day: str,
    language: str,
    provenance: str,
    num_raters: int,
    p_trace: float | None,
    is_blank: bool,
    sides: bytes,
    policy: ExportPolicy,
) -> JudgedTrace:
    values = (policy.bad_to, (policy.bad_to + policy.good_from) / 2, policy.good_from)
    return JudgedTrace(
        trace_id=trace_id,
        prompt_id=prompt_id,
        prompt="?",
        completion=(" " if is_blank else "x") * len(sides),
        step_ends=tuple(range(1, len(sides) + 1)),
        model=model,
        segmenter="",
        posterior=() if p_trace is None else tuple(values[side] for side in sides),
        p_trace=p_trace,
        first_error=None if p_trace is None else -1,
        provenance=provenance,
        num_blind_raters=num_raters,
        batch_id=batch or None,
        made_on=dt.date.fromisoformat(day),
        language=language,
    )


def _make_pair(
    prompt_id: int,
    probability: float,
    chosen_model: str,
    rejected_model: str,
    chosen_batch: int,
    rejected_batch: int,
    chosen_day: str,
    rejected_day: str,
    language: str,
    provenance: str,
    chosen_blank: str,
    rejected_blank: str,
    same_text: str,
    same_prompt: str,
) -> JudgedPair:
    def make(model: str, batch: int, day: str, prompt: str, completion: str) -> JudgedTrace:
        return JudgedTrace(
            trace_id=0,
            prompt_id=prompt_id,
            prompt=prompt,
            completion=completion,
            step_ends=(len(completion),),
            model=model,
            segmenter="",
            posterior=(),
            p_trace=None,
            first_error=None,
            provenance=provenance,
            num_blind_raters=0,
            batch_id=batch or None,
            made_on=dt.date.fromisoformat(day),
            language=language,
        )

    chosen = " " if chosen_blank == "t" else "chosen"
    rejected = " " if rejected_blank == "t" else "rejected"
    return JudgedPair(
        make(chosen_model, chosen_batch, chosen_day, "?", chosen),
        make(
            rejected_model,
            rejected_batch,
            rejected_day,
            "?" if same_prompt == "t" else "another?",
            chosen if same_text == "t" else rejected,
        ),
        probability,
        0.0,
        provenance,
    )
