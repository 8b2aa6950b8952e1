"""What the hazard reads: for each judge four numbers a step, the relative position, and the verdict if it may.

A judge's probability p becomes z = logit(clip(p, .02, .98)). Its features are z, the change from the previous step and
the value at the next step, which at the ends of a trace (or beside a step that was not scored) are 0 and z itself. A
step the judge did not score has nan, which standardising turns into the mean, and 1 in a fourth feature that says so.
All but the last change sign when p becomes 1 - p, which a linear model does not notice.
"""

from dataclasses import dataclass

import numpy as np

from annotation.merging.chain import Floats, Ints
from annotation.merging.corpus import Bools, Corpus, row_steps

POSITION = "relative position"


@dataclass(frozen=True, slots=True)
class View:
    """Some traces of a corpus, whole or cut short: their flat `steps` in the corpus, and their own starts."""

    traces: Ints
    lengths: Ints
    steps: Ints

    @property
    def owner(self) -> Ints:
        """Which of `traces` each step belongs to, (S,)."""
        return np.repeat(np.arange(len(self.traces)), self.lengths)


def view_traces(corpus: Corpus, traces: Ints, lengths: Ints | None = None) -> View:
    """The given traces, each cut to its first `lengths` steps (default: whole)."""
    sizes = corpus.lengths[traces] if lengths is None else lengths
    return View(traces, sizes, row_steps(corpus.starts[traces], sizes))


def narrow_view(corpus: Corpus, view: View, keep: Bools) -> View:
    """The traces of a view that `keep` (T,) marks, cut as they were."""
    return view_traces(corpus, view.traces[keep], view.lengths[keep])


def name_features(judges: tuple[str, ...], use_verdict: bool) -> tuple[str, ...]:
    """Names of the columns of `compute_features`, in their order."""
    verdict = ("verdict on the final answer", "no verdict") if use_verdict else ()
    parts = ("log-odds", "change", "next", "not scored")
    return (POSITION, *verdict, *(f"{judge}: {part}" for judge in judges for part in parts))


def compute_features(corpus: Corpus, view: View, judges: tuple[str, ...], use_verdict: bool) -> Floats:
    """Raw features of a view's steps, (S, F); nan where a judge or a verifier is silent."""
    # A view may cut a trace short, but the next step's score is the trace's, so neighbours come from the corpus.
    owner = view.traces[view.owner]
    first, last = corpus.starts[owner], corpus.starts[owner + 1] - 1
    columns = [(view.steps - first + 0.5) / (last - first + 1)]
    if use_verdict:
        verdict = corpus.verdicts[owner]
        columns += [2.0 * verdict - 1.0, np.isnan(verdict).astype(np.float64)]
    for judge in judges:
        score = corpus.log_odds[corpus.judges.index(judge)]
        columns += _judge_columns(score, view.steps, view.steps == first, view.steps == last)
    return np.stack(columns, axis=1)


def _judge_columns(score: Floats, steps: Ints, is_first: Bools, is_last: Bools) -> list[Floats]:
    now = score[steps]
    before = np.where(is_first, np.nan, score[steps - 1])
    after = np.where(is_last, np.nan, score[np.where(is_last, steps, steps + 1)])
    before = np.where(np.isnan(before), now, before)
    after = np.where(np.isnan(after), now, after)
    return [now, now - before, after, np.isnan(now).astype(np.float64)]
