"""Which pairs of traces a rater may be asked to compare."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean

from django.db.models import Exists, F, OuterRef, QuerySet

from annotation.models import Account, Comparison, JudgeScore, Project, Prompt, Trace
from annotation.rules.comparing import pair_interest

NUM_CONSIDERED = 48  # pairs looked at for the most telling one

PairIds = tuple[int, int]  # the lower id first


@dataclass(frozen=True)
class Pair:
    """Two traces of one prompt, as they lie on the page."""

    prompt: Prompt
    left: Trace
    right: Trace

    @property
    def ids(self) -> PairIds:
        low, high = sorted((self.left.pk, self.right.pk))
        return low, high


def find_pair(
    *, rater: Account, project: Project, source: random.Random, put_off: Collection[PairIds] = ()
) -> PairIds | None:
    """The most telling of some pairs this rater has not compared, sides drawn at random: (left id, right id).

    Looks from a random prompt on, so that raters meet at different prompts. Pairs in `put_off` come back only
    when nothing else is left.
    """
    start = _draw_prompt(project, source)
    pairs = _list_uncompared(rater, project, from_prompt=start) or _list_uncompared(rater, project)
    fresh = [pair for pair in pairs if pair[:2] not in put_off]
    if not fresh and put_off:
        fresh = [pair for pair in _list_uncompared(rater, project) if pair[:2] not in put_off] or pairs
    if not fresh:
        return None
    ids = _most_telling(fresh)
    return ids if source.random() < 0.5 else (ids[1], ids[0])


def get_pair(*, rater: Account, project: Project, left_id: int, right_id: int) -> Pair | None:
    """The pair on these sides, if both are traces of one prompt of this project that this rater may judge, and not
    the same."""
    named = _list_judgeable(rater, project).filter(pk__in=(left_id, right_id)).select_related("prompt")
    traces = {trace.pk: trace for trace in named}
    left, right = traces.get(left_id), traces.get(right_id)
    if left is None or right is None or left.pk == right.pk or left.prompt_id != right.prompt_id:
        return None
    return Pair(prompt=left.prompt, left=left, right=right)


def _list_judgeable(rater: Account, project: Project) -> QuerySet[Trace]:
    """The project's current traces; without those of the rater's own prompts, where the project forbids them."""
    traces = Trace.objects.current().filter(project=project)
    return traces.exclude(prompt__created_by=rater) if project.forbids_own_prompts else traces


_Candidate = tuple[int, int, str | None, str | None]


def _draw_prompt(project: Project, source: random.Random) -> int:
    prompts = Prompt.objects.filter(project=project)
    first = prompts.order_by("pk").values_list("pk", flat=True).first()
    last = prompts.order_by("-pk").values_list("pk", flat=True).first()
    return source.randint(first, last) if first is not None and last is not None else 0


def _list_uncompared(rater: Account, project: Project, *, from_prompt: int = 0) -> list[_Candidate]:
    """(lower id, higher id, their final answers) of pairs with different texts, prompt by prompt."""
    done = Comparison.objects.filter(trace_a=OuterRef("pk"), trace_b=OuterRef("other_id"), rater=rater)
    other = "prompt__trace"
    pairs = (
        _list_judgeable(rater, project)
        .filter(prompt_id__gte=from_prompt)
        # Annotated first, so that every condition below speaks of the same joined trace.
        .annotate(
            other_id=F(f"{other}__pk"),
            other_answer=F(f"{other}__final_answer"),
            other_retired_at=F(f"{other}__retired_at"),
            other_completion=F(f"{other}__completion"),
        )
        .filter(~Exists(done), other_id__gt=F("pk"), other_retired_at__isnull=True)
        .exclude(completion=F("other_completion"))
        .order_by("prompt_id", "pk", "other_id")
        .values_list("pk", "other_id", "final_answer", "other_answer")
    )
    return list(pairs[:NUM_CONSIDERED])


def _most_telling(pairs: Sequence[_Candidate]) -> PairIds:
    scores = _trace_scores({trace_id for pair in pairs for trace_id in pair[:2]})
    best = max(
        pairs,
        key=lambda pair: pair_interest(
            answers=(pair[2], pair[3]), trace_scores=(scores.get(pair[0]), scores.get(pair[1]))
        ),
    )
    return best[0], best[1]


def _trace_scores(trace_ids: Collection[int]) -> dict[int, float]:
    """The judges' mean of each trace's lowest step probability."""
    found: dict[int, list[float]] = defaultdict(list)
    scores = JudgeScore.objects.filter(trace__in=trace_ids).values_list("trace_id", "probabilities")
    for trace_id, probabilities in scores:
        known = [p for p in probabilities if p is not None]
        if known:
            found[trace_id].append(min(known))
    return {trace_id: fmean(values) for trace_id, values in found.items()}
