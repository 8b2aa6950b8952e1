"""What an export reads: streams over one finished merge run, a batch at a time; and which exports one may see.

Everything read is frozen with the merge run (traces, posteriors, ratings as they stood when it started), so reading it
twice gives the same rows in the same order.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar, cast

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Count,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)

from annotation.models import (
    Account,
    Choice,
    Comparison,
    GenerationBatch,
    JobState,
    Judge,
    JudgeScore,
    MergedPreference,
    MergedTrace,
    MergeRun,
    Outcome,
    Project,
    Prompt,
    Role,
    Ruling,
    Trace,
)
from annotation.queries.access import list_projects_with_role
from annotation.queries.decisions import list_decisions_as_of
from annotation.queries.merges import list_ratings_as_of
from annotation.rules.prompt_template import PLACEHOLDER, fill_template
from exports.models import Export
from exports.rows import AskedPrompt, Chat, JudgedPair, JudgedTrace

_ROWS_AT_ONCE = 500
MAKERS = (Role.ENGINEER, Role.ADMIN)
_Row = TypeVar("_Row")

_TRACE_COLUMNS = (
    "trace_id",
    "trace__prompt_id",
    "trace__prompt__text",
    "trace__batch__prompt_template",
    "trace__batch_id",
    "trace__completion",
    "trace__step_ends",
    "trace__model_name",
    "trace__segmenter",
    "posterior",
    "p_trace",
    "first_error",
    "provenance",
    "num_blind_raters",
    "trace__created_at",
    "trace__prompt__language",
)


class IsAnyOf(Func):
    """`column = ANY(ids)`: one parameter, where `__in` has one an id and takes longer to spell than to run."""

    template, arg_joiner = "(%(expressions)s))", " = ANY("
    output_field = BooleanField()

    def __init__(self, column: str, ids: Collection[int]) -> None:
        super().__init__(F(column), Value(list(ids), ArrayField(BigIntegerField())))


@dataclass(frozen=True, slots=True)
class SuspectPrompts:
    """Prompts that at least half of their raters called broken, or whose reference answer as many called wrong."""

    broken: frozenset[int]
    wrong_reference: frozenset[int]


def list_exports() -> QuerySet[Export]:
    """All exports, the newest first."""
    exports = cast("QuerySet[Export]", Export.objects.all())
    return exports.select_related("project", "created_by", "merge_run")


def list_exports_of(account: Account) -> QuerySet[Export]:
    """Exports all of whose projects the account is engineer or admin in, the newest first."""
    return list_exports_within(list_projects_with_role(account, MAKERS))


def list_exports_within(projects: QuerySet[Project]) -> QuerySet[Export]:
    """Exports with no label of any other project than these, the newest first."""
    foreign = Export.other_runs.through.objects.exclude(mergerun__project__in=projects)
    return list_exports().filter(project__in=projects).exclude(pk__in=foreign.values("export"))


def find_export_before(exports: QuerySet[Export], export: Export) -> Export | None:
    """Of these exports the finished one of the same project that was started last before this one."""
    earlier = exports.filter(project=export.project_id, state=JobState.FINISHED, pk__lt=export.pk)
    return earlier.order_by("-pk").first()


def stream_prompt_texts(project: Project) -> Iterator[tuple[int, str]]:
    """(id, text) of every prompt, for splitting."""
    rows = Prompt.objects.filter(project=project).order_by("pk").values_list("pk", "text")
    yield from rows.iterator(chunk_size=_ROWS_AT_ONCE)


def stream_prompts(project: Project) -> Iterator[AskedPrompt]:
    """Every prompt as it was last put to a model; as it stands where none was asked."""
    latest = Trace.objects.filter(prompt=OuterRef("pk"), batch__isnull=False).order_by("-pk")
    rows = Prompt.objects.filter(project=project).order_by("pk")
    rows = rows.annotate(template=Subquery(latest.values("batch__prompt_template")[:1]))
    names = ("pk", "text", "template", "ground_truth", "reference_answer", "verifier", "language")
    for row in rows.values_list(*names).iterator(chunk_size=_ROWS_AT_ONCE):
        pk, text, template, ground_truth, reference, verifier, language = row
        asked = fill_template(template or PLACEHOLDER, text)
        yield AskedPrompt(pk, asked, ground_truth or reference, verifier, language)


def stream_pairs(run: MergeRun, *, min_p: float) -> Iterator[JudgedPair]:
    """The preferences of a merge run from P = `min_p` on, with both traces, in the order of their ids."""
    rows = MergedPreference.objects.filter(run=run, probability__gte=min_p)
    ordered = rows.order_by("prompt_id", "chosen_id", "rejected_id")
    columns = ordered.values_list("chosen_id", "rejected_id", "probability", "margin", "provenance")
    num_choosing = _count_choosing(run)
    for pairs in _in_batches(columns.iterator(chunk_size=_ROWS_AT_ONCE)):
        traces = load_traces(run, {trace for pair in pairs for trace in pair[:2]})
        for chosen, rejected, probability, margin, provenance in pairs:
            num = num_choosing[min(chosen, rejected), max(chosen, rejected)]
            yield JudgedPair(traces[chosen], traces[rejected], probability, margin, provenance, num)


def load_pairs_among(run: MergeRun, traces: Mapping[int, JudgedTrace]) -> dict[tuple[int, int], JudgedPair]:
    """The preferences of a merge run between any two of these traces, by both ids, the lower one first."""
    among = MergedPreference.objects.filter(
        IsAnyOf("chosen_id", traces), IsAnyOf("rejected_id", traces), run=run
    )
    num_choosing = _count_choosing(run)
    found = {}
    columns = ("chosen_id", "rejected_id", "probability", "margin", "provenance")
    for chosen, rejected, probability, margin, provenance in among.values_list(*columns):
        two = (min(chosen, rejected), max(chosen, rejected))
        found[two] = JudgedPair(
            traces[chosen], traces[rejected], probability, margin, provenance, num_choosing[two]
        )
    return found


def _count_choosing(run: MergeRun) -> Counter[tuple[int, int]]:
    """How many raters had chosen between two traces, the lower id first, when the merge ran."""
    rows = Comparison.objects.filter(
        prompt__project=run.project_id, submitted_at__lte=run.started_at or run.queued_at
    )
    chosen = rows.exclude(choice=Choice.BOTH_BAD).order_by().values_list("trace_a", "trace_b")
    return Counter({(a, b): num for a, b, num in chosen.annotate(num=Count("pk"))})


def load_traces(run: MergeRun, trace_ids: Collection[int]) -> dict[int, JudgedTrace]:
    """Some traces of a merge run, by id."""
    chats = load_chats(run.project)
    rows = MergedTrace.objects.filter(IsAnyOf("trace_id", trace_ids), run=run).order_by()
    return {row[0]: _read_trace(chats, *row) for row in rows.values_list(*_TRACE_COLUMNS)}


def load_chats(project: Project) -> dict[int, Chat]:
    """The chat template of each batch whose model has one, by the batch's id."""
    batches = cast("QuerySet[GenerationBatch]", GenerationBatch.objects.filter(project=project))
    columns = batches.exclude(chat_template="").values_list(
        "pk", "chat_template", "special_tokens", "queued_at"
    )
    return {pk: Chat(template, tokens, queued_at) for pk, template, tokens, queued_at in columns}


def find_suspect_prompts(run: MergeRun) -> SuspectPrompts:
    """What raters said of the prompts themselves, until the merge ran; of a trace that was decided, the decision counts
    in place of its ratings: a bad problem that an adjudicator confirmed is broken, whatever others said."""
    at = run.started_at or run.queued_at
    decisions = list_decisions_as_of(run.project, at=at).order_by()
    confirmed = decisions.filter(ruling=Ruling.BAD_PROBLEM).values_list("trace__prompt", flat=True)
    overruled = Q(outcome=Outcome.BAD_PROBLEM, trace__in=decisions.values("trace"))
    ratings = list_ratings_as_of(run.project, at=at).order_by().exclude(overruled)
    # Few prompts are ever doubted: only of those is counted what else was said.
    doubts = ratings.filter(Q(outcome=Outcome.BAD_PROBLEM) | Q(is_reference_wrong=True))
    doubted = set(doubts.values_list("trace__prompt", flat=True))
    of_doubted = ratings.filter(IsAnyOf("trace__prompt", doubted)) if doubted else ratings.none()
    counted = of_doubted.values("trace__prompt").annotate(
        num=Count("pk"),
        num_broken=Count("pk", filter=Q(outcome=Outcome.BAD_PROBLEM)),
        num_wrong=Count("pk", filter=Q(is_reference_wrong=True)),
    )
    return SuspectPrompts(
        broken=frozenset(confirmed).union(
            row["trace__prompt"] for row in counted if 2 * row["num_broken"] >= row["num"]
        ),
        wrong_reference=frozenset(
            row["trace__prompt"] for row in counted if 2 * row["num_wrong"] >= row["num"]
        ),
    )


def count_merged_traces(run: MergeRun) -> int:
    return MergedTrace.objects.filter(run=run).count()


def count_steps(run: MergeRun) -> list[tuple[int, str, int]]:
    """(prompt, provenance, how many steps its traces of that provenance have) of a merge run."""
    length = Func(F("trace__step_ends"), function="cardinality", output_field=IntegerField())
    rows = MergedTrace.objects.filter(run=run).order_by().values_list("trace__prompt_id", "provenance")
    return list(rows.annotate(num_steps=Sum(length)))


def list_segmenters(run: MergeRun) -> list[str]:
    """The segmenters that cut the traces of a merge run."""
    rows = MergedTrace.objects.filter(run=run).order_by().values_list("trace__segmenter", flat=True)
    return sorted(rows.distinct())


def list_judges(run: MergeRun) -> list[tuple[str, str]]:
    """(name, version) of the judges whose scores the merge read."""
    scores = JudgeScore.objects.filter(trace__project=run.project, created_at__lte=run.started_at)
    rows = Judge.objects.filter(pk__in=scores.order_by().values("judge").distinct())
    return sorted(rows.values_list("name", "version"))


def _read_trace(
    chats: Mapping[int, Chat],
    trace_id: int,
    prompt_id: int,
    prompt: str,
    template: str | None,
    batch_id: int | None,
    completion: str,
    step_ends: Sequence[int],
    model: str,
    segmenter: str,
    posterior: Sequence[float | None],
    p_trace: float | None,
    first_error: int | None,
    provenance: str,
    num_blind_raters: int,
    created_at: dt.datetime,
    language: str,
) -> JudgedTrace:
    return JudgedTrace(
        trace_id=trace_id,
        prompt_id=prompt_id,
        prompt=fill_template(template or PLACEHOLDER, prompt),
        completion=completion,
        step_ends=tuple(step_ends),
        model=model,
        segmenter=segmenter,
        posterior=() if None in posterior else cast(tuple[float, ...], tuple(posterior)),  # all or none
        p_trace=p_trace,
        first_error=first_error,
        provenance=provenance,
        num_blind_raters=num_blind_raters,
        chat=chats.get(batch_id) if batch_id is not None else None,
        batch_id=batch_id,
        made_on=created_at.date(),
        language=language,
    )


def _in_batches(rows: Iterator[_Row], size: int = _ROWS_AT_ONCE) -> Iterator[list[Any]]:
    while batch := list(islice(rows, size)):
        yield batch
