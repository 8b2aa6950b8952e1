"""The tables of traces: a project's, and a prompt's."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from django.urls import reverse

from annotation.models import GenerationBatch, Project, Prompt, Trace
from annotation.queries.prompts import list_prompt_traces
from annotation.queries.traces import keep_answered, keep_judged, keep_rated, list_model_names, list_traces
from annotation.tables.table import Column, Filter, Kind, Table

_MOST_BATCHES_OFFERED = 1000


def build_trace_table(project: Project) -> Table[Trace]:
    """The project's current traces, the newest first."""
    return Table(
        name="traces",
        noun="trace",
        rows=list_traces(project),
        order="-id",
        columns=_list_columns(project, has_prompt=True),
        filters=_list_filters(project),
        empty="There are no traces yet. An engineer or admin makes them by launching a batch.",
    )


def build_prompt_trace_table(prompt: Prompt) -> Table[Trace]:
    """The current traces of one prompt, the oldest first."""
    return Table(
        name="traces",
        noun="trace",
        rows=list_prompt_traces(prompt),
        order="id",
        columns=_list_columns(prompt.project, has_prompt=False),
        filters=[one for one in _list_filters(prompt.project) if one.key != "q"],
        empty_template="prompts/no_traces.html",
    )


def _list_columns(project: Project, *, has_prompt: bool) -> Sequence[Column[Trace]]:
    def link_to(trace: Trace) -> str:
        return reverse("annotation:show_trace", args=[project.slug, trace.pk])

    prompt: list[Column[Trace]] = [
        Column("prompt", "Prompt", lambda trace: trace.prompt.text, Kind.EXCERPT, is_sortable=False)
    ]
    return [
        Column("id", "Trace", lambda trace: trace.pk, sort="pk", link=link_to),
        *(prompt if has_prompt else []),
        Column("completion", "Completion", lambda trace: trace.completion, Kind.EXCERPT, is_sortable=False),
        Column("model", "Model", lambda trace: trace.model_name, Kind.EXCERPT, sort="model_name"),
        Column("steps", "Steps", lambda trace: trace.num_steps, Kind.NUMBER, sort="step_ends__len"),
        Column("final_answer", "Final answer", lambda trace: trace.final_answer, on_page=False),
        Column(
            "is_answer_correct",
            "Answer",
            lambda trace: trace.is_answer_correct,
            is_nullable=True,
            template="traces/answer_cell.html",
        ),
        Column("judges", "Judges", attrgetter("num_scores"), Kind.NUMBER, sort="num_scores"),
        Column("ratings", "Ratings", attrgetter("num_ratings"), Kind.NUMBER, sort="num_ratings"),
        Column("made", "Made", lambda trace: trace.created_at, Kind.TIME, sort="created_at", on_page=False),
    ]


def _list_filters(project: Project) -> Sequence[Filter[Trace]]:
    batches = GenerationBatch.objects.filter(project=project).order_by("-pk")
    batch_ids = batches.values_list("pk", flat=True)[:_MOST_BATCHES_OFFERED]
    return [
        Filter("q", "Search the prompts", lambda traces, text: traces.filter(prompt__text__icontains=text)),
        Filter(
            "batch",
            "Batch",
            lambda traces, pk: traces.filter(batch=int(pk)),
            [(str(pk), f"Batch {pk}") for pk in batch_ids],
        ),
        Filter(
            "model",
            "Model",
            lambda traces, name: traces.filter(model_name=name),
            [(name, name) for name in list_model_names(project)],
        ),
        Filter(
            "judged",
            "Judged",
            lambda traces, said: keep_judged(traces, said == "yes"),
            [("yes", "Judged"), ("no", "Not judged")],
        ),
        Filter(
            "rated",
            "Rated",
            lambda traces, said: keep_rated(traces, said == "yes"),
            [("yes", "Rated"), ("no", "Not rated")],
        ),
        Filter(
            "answer",
            "Answer",
            keep_answered,
            [("right", "Right answer"), ("wrong", "Wrong answer"), ("unknown", "Not checked")],
        ),
    ]
