"""What is believed of a trace of which nobody said anything: that it goes wrong as often as the others do.

For the command line alone, which writes a probability for every step. A project stores no posterior there, so that no
export takes the prior for a label (docs/adr/merge-people-alone.md).
"""

from collections.abc import Iterable
from dataclasses import replace

from annotation.merging.data import MergedTrace
from annotation.merging.starts import FIRST_HAZARD


def estimate_hazard(traces: Iterable[MergedTrace]) -> float:
    """Expected first errors over steps at risk, of all traces that have a posterior; the first guess without any."""
    errors = at_risk = 0.0
    for trace in traces:
        before = 1.0
        for p in trace.posterior if trace.provenance != "gold" else ():
            errors += max(before - p, 0.0)
            at_risk += before
            before = p
    return errors / at_risk if at_risk else FIRST_HAZARD


def believe_unheard(trace: MergedTrace, num_steps: int, hazard: float) -> MergedTrace:
    """The trace with the prior in place of the posterior that it lacks; unchanged where it has one.

    The first error is the likeliest place, or -1 where no error is likelier than any single one.
    """
    if trace.posterior:
        return trace
    stands = tuple((1.0 - hazard) ** (step + 1) for step in range(num_steps))
    return replace(
        trace,
        posterior=stands,
        p_trace=stands[-1],
        first_error=-1 if stands[-1] >= hazard else 0,  # the first step is the likeliest single place
    )
