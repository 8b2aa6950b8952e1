"""What becomes of a trace that an adjudicator decided (docs/adr/decisions.md).

The decision is its posterior, ones and zeros. On what it rests: the adjudicator is one person more, blind where no
judge score was in sight. With two blind people it is `human`; where scores were in sight it is `hybrid`, so that no
judge is ever evaluated on a label it may have swayed.
"""

from dataclasses import replace

from annotation.merging.data import MergedTrace, Provenance, TraceRow

MIN_BLIND_PEOPLE = 2


def apply_decision(merged: MergedTrace, row: TraceRow) -> MergedTrace:
    """The trace as it was decided. Raises ValueError for a trace without a decision."""
    if row.decided is None:
        raise ValueError(f"trace {row.trace_id!r} was not decided")
    posterior = tuple(float(stands) for stands in row.decided)
    return replace(
        merged,
        posterior=posterior,
        p_trace=posterior[-1],
        first_error=row.decided.index(0) if 0 in row.decided else -1,
        provenance=_judge_provenance(merged, row),
        judges=(),
        num_raters=merged.num_raters + 1,
        num_blind_raters=merged.num_blind_raters + int(row.decided_blind),
        fold=None,
    )


def _judge_provenance(merged: MergedTrace, row: TraceRow) -> Provenance:
    if not row.decided_blind:
        return "hybrid"
    return "human" if merged.num_blind_raters + 1 >= MIN_BLIND_PEOPLE else "none"
