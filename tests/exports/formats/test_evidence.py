"""Evidence is made in columns, many traces at a time; row by row it says what a plain loop would say."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from exports.formats import evidence
from tests.exports.candidates import make_trace
from tests.exports.said import JudgeScores, RaterLabels, TraceEvidence, as_columns

texts = st.text(max_size=6)


@st.composite
def evidence_of_a_trace(draw: st.DrawFn) -> TraceEvidence:
    steps = draw(st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=5))

    def one_a_step(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
        return st.tuples(*[values] * len(steps))

    remarks = st.dictionaries(st.integers(0, len(steps) - 1), texts, max_size=2)
    labels = one_a_step(st.sampled_from((-1, 0, 1, None)))
    probability = st.floats(0, 1)
    trace = make_trace(
        draw(st.just(()) | one_a_step(probability)),
        steps,
        trace_id=draw(st.integers(1, 10**12)),
        first_error=draw(st.none() | st.integers(-1, len(steps) - 1)),
        provenance=draw(st.sampled_from(("human", "hybrid", "ai", "gold", "none"))),
    )
    ratings = draw(
        st.lists(st.builds(RaterLabels, texts, labels, st.booleans(), remarks, remarks), max_size=3)
    )
    scores = draw(st.lists(st.builds(JudgeScores, texts, one_a_step(st.none() | probability)), max_size=2))
    decided = draw(st.just(()) | one_a_step(st.sampled_from((-1, 0, 1, None))))
    return TraceEvidence(trace, tuple(ratings), tuple(scores), decided)


def list_rows(found: TraceEvidence) -> list[dict[str, Any]]:
    """The definition: one row a step."""
    trace = found.trace
    return [
        {
            "prompt_id": str(trace.prompt_id),
            "trace_id": str(trace.trace_id),
            "step": index,
            "text": text,
            "posterior": trace.posterior[index] if trace.posterior else None,
            "provenance": trace.provenance,
            "is_first_error": None if trace.first_error is None else trace.first_error == index,
            "ratings": [
                {
                    "rater": said.rater,
                    "label": said.labels[index],
                    "is_assisted": said.is_assisted,
                    "error_category": said.error_categories.get(index),
                    "rewrite": said.rewrites.get(index),
                }
                for said in found.ratings
                if said.labels[index] is not None
            ],
            "judge_scores": [
                {"judge": said.judge, "probability": said.probabilities[index]} for said in found.scores
            ],
            "decision": found.decided[index] if found.decided else None,
            "model": trace.model,
        }
        for index, text in enumerate(trace.steps)
    ]


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(evidence_of_a_trace(), min_size=1, max_size=4, unique_by=lambda row: row.trace.trace_id))
def test_columns_hold_what_rows_would(found: list[TraceEvidence]) -> None:
    table = evidence.make_table(as_columns(found))

    assert table.schema == evidence.schema("standard")
    assert table.to_pylist() == [row for one in found for row in list_rows(one)]
    table.validate(full=True)
