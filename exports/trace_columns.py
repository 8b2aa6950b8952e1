"""Traces of a merge run as columns: what an export is made of, many at a time and without an object a trace.

A table of N traces, by prompt and id, has the columns

    trace_id, prompt_id, batch, raters   int64; `batch` null where no batch made it; `raters` saw no judge score
    prompt, completion                   string; `prompt` is what the model was given
    model, day, language, provenance     string; `day` (UTC) as an ISO date
    p_trace, first_error                 float64, int32; null where there was no evidence; first_error -1 for none
    steps                                list[string]: the exact steps; joined they are the completion
    posterior                            list[float64]: P(step stands); nulls where there was no evidence

and holds what `JudgedTrace` (exports/rows.py) says of one trace.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from annotation.models import MergeRun
from annotation.rules.prompt_template import PLACEHOLDER, fill_template
from exports.columns import read_columns, split_numbers

Ints = npt.NDArray[np.int64]
_TRACES = """
COPY (
  SELECT m.trace_id, t.prompt_id, t.batch_id, m.num_blind_raters, p.text, b.prompt_template, t.completion,
    t.model_name, (t.created_at AT TIME ZONE 'UTC')::date, p.language, m.provenance, m.p_trace, m.first_error,
    array_to_string(t.step_ends, ' '), array_to_string(m.posterior, ' ', '')
  FROM annotation_mergedtrace m JOIN annotation_trace t ON t.id = m.trace_id
  JOIN annotation_prompt p ON p.id = t.prompt_id
  LEFT JOIN annotation_generationbatch b ON b.id = t.batch_id
  WHERE m.run_id = %(run)s AND m.trace_id = ANY(%(ids)s::bigint[]) ORDER BY t.prompt_id, m.trace_id
) TO STDOUT WITH (FORMAT csv)
"""
_PLAIN_TYPES = {
    "trace_id": pa.int64(),
    "prompt_id": pa.int64(),
    "batch": pa.int64(),
    "raters": pa.int64(),
    "prompt": pa.string(),
    "template": pa.string(),
    "completion": pa.string(),
    "model": pa.string(),
    "day": pa.string(),
    "language": pa.string(),
    "provenance": pa.string(),
    "p_trace": pa.float64(),
    "first_error": pa.int32(),
    "step_ends": pa.string(),
    "posterior": pa.string(),
}


def load_trace_columns(run: MergeRun, trace_ids: Collection[int]) -> pa.Table:
    """Some traces of a merge run."""
    found = read_columns(_TRACES, {"run": run.pk, "ids": list(trace_ids)}, _PLAIN_TYPES, has_long_texts=True)
    found = found.combine_chunks()
    completions = column_of(found, "completion")
    ends, lengths = split_numbers(column_of(found, "step_ends"), pa.int64())
    posterior, num_posterior = split_numbers(column_of(found, "posterior"), pa.float64())
    steps = cut_all(completions, ends.to_numpy(zero_copy_only=False), lengths)
    return (
        found.set_column(
            found.column_names.index("prompt"),
            "prompt",
            _fill_templates(column_of(found, "template"), column_of(found, "prompt")),
        )
        .drop_columns(["template", "step_ends", "posterior"])
        .append_column("steps", steps)
        .append_column("posterior", _nest(posterior, num_posterior))
    )


def cut_all(completions: pa.Array, ends: Ints, lengths: Ints) -> pa.ListArray:
    """The steps of completions that have `lengths` of them, ending at `ends`: characters of their completion.

    No text is copied: a step's bytes are those of its completion.
    """
    _, offset_buffer, content_buffer = completions.buffers()
    bounds = np.frombuffer(offset_buffer, np.int32)[
        completions.offset : completions.offset + len(completions) + 1
    ].astype(np.int64)
    content = np.frombuffer(content_buffer or b"", np.uint8)[bounds[0] : bounds[-1]]
    if (content < 0x80).all():  # a byte a character, as in most texts
        places = np.repeat(bounds[:-1], lengths) + ends
    else:
        begins = np.append(np.flatnonzero((content & 0xC0) != 0x80), len(content))  # of each character: UTF-8
        first_characters = np.searchsorted(begins, bounds[:-1] - bounds[0])
        places = begins[np.repeat(first_characters, lengths) + ends] + bounds[0]
    offsets = pa.py_buffer(np.concatenate([bounds[:1], places]).astype(np.int32))
    steps = pa.StringArray.from_buffers(len(places), offsets, content_buffer or pa.py_buffer(b""))
    return _nest(steps, lengths)


def column_of(table: pa.Table, name: str) -> pa.Array:
    """A column in one piece."""
    return table[name].combine_chunks()


def id_columns(traces: pa.Table) -> dict[str, pa.Array]:
    """Where rows come from, as every dataset says it."""
    return {
        "prompt_id": traces["prompt_id"].cast(pa.string()),
        "trace_id": traces["trace_id"].cast(pa.string()),
        "provenance": traces["provenance"],
    }


def _nest(values: pa.Array, lengths: Ints) -> pa.ListArray:
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def _fill_templates(templates: pa.Array, prompts: pa.Array) -> pa.Array:
    """What the models were given; most batches hand on the prompt as it is."""
    is_plain = pc.is_in(templates, value_set=pa.array(["", PLACEHOLDER]))
    if pc.all(is_plain).as_py() or not len(prompts):
        return prompts
    pairs = zip(templates.to_pylist(), prompts.to_pylist(), strict=True)
    return pa.array([fill_template(template or PLACEHOLDER, text) for template, text in pairs], pa.string())
