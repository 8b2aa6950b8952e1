"""The table of a project's prompts."""

from __future__ import annotations

from operator import attrgetter

from django.urls import reverse

from annotation.models import Project, Prompt
from annotation.queries.prompts import list_prompts, list_verifiers, search_prompts
from annotation.tables.table import Column, Filter, Kind, Table


def build_prompt_table(project: Project) -> Table[Prompt]:
    def link_to(prompt: Prompt) -> str:
        return reverse("annotation:show_prompt", args=[project.slug, prompt.pk])

    verifiers = [(name, name) for name in list_verifiers(project)]
    return Table(
        name="prompts",
        noun="prompt",
        rows=list_prompts(project),
        order="id",
        columns=[
            Column("id", "No.", lambda prompt: prompt.pk, sort="pk", link=link_to),
            Column(
                "text", "Prompt", lambda prompt: prompt.text, Kind.EXCERPT, is_sortable=False, link=link_to
            ),
            Column(
                "answer",
                "Answer",
                lambda prompt: prompt.reference_answer,
                Kind.EXCERPT,
                sort="reference_answer",
                template="prompts/answer_cell.html",
            ),
            Column("priority", "Handed out", lambda prompt: prompt.get_priority_display()),
            Column("verifier", "Verifier", lambda prompt: prompt.verifier),
            Column("traces", "Traces", attrgetter("num_traces"), Kind.NUMBER, sort="num_traces"),
            Column("added", "Added", lambda prompt: prompt.created_at, Kind.TIME, sort="created_at"),
        ],
        filters=[
            Filter("q", "Search the prompts", search_prompts),
            Filter("verifier", "Verifier", lambda prompts, name: prompts.filter(verifier=name), verifiers),
        ],
        empty_template="prompts/no_prompts.html",
    )
