"""The tables of review: open disagreements, appeals that wait, decisions; and a rater's own."""

from __future__ import annotations

from operator import attrgetter

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from annotation.models import (
    Account,
    Appeal,
    AppealState,
    Assignment,
    Between,
    Decision,
    Disagreement,
    Gold,
    Project,
    Rating,
    Ruling,
)
from annotation.queries.decisions import list_decisions_for
from annotation.queries.disagreements import list_appeals, list_disagreements
from annotation.queries.traces import list_model_names
from annotation.rules.rating import first_error
from annotation.tables.table import Column, Filter, Kind, Table, Value

_SHOWN = ("trace", "between", "bits", "found_at", "held_by", "trace__model_name", "trace__prompt__text")


def build_disagreement_table(project: Project) -> Table[Disagreement]:
    """Open disagreements, the most informative first."""

    def link_to(row: Disagreement) -> str:
        return reverse("annotation:decide_trace", args=[project.slug, row.trace_id])

    ratings = Rating.objects.current().filter(trace=OuterRef("trace")).order_by().values("trace")
    num_ratings = Coalesce(Subquery(ratings.annotate(num=Count("pk")).values("num")), 0)
    shown = list_disagreements(project).only(*_SHOWN).filter(is_open=True)
    return Table(
        name="disagreements",
        noun="disagreement",
        rows=shown.annotate(num_ratings=num_ratings),
        order="-bits",
        columns=[
            Column("trace", "Trace", lambda row: row.trace_id, link=link_to),
            Column("prompt", "Prompt", lambda row: row.trace.prompt.text, Kind.EXCERPT, is_sortable=False),
            Column("between", "Between", lambda row: row.get_between_display()),
            Column("bits", "Information (bits)", lambda row: row.bits, Kind.DECIMAL),
            Column("ratings", "Ratings", attrgetter("num_ratings"), Kind.NUMBER, sort="num_ratings"),
            Column(
                "model", "Model", lambda row: row.trace.model_name, Kind.EXCERPT, sort="trace__model_name"
            ),
            Column("found", "Found", lambda row: row.found_at, Kind.TIME, sort="found_at"),
        ],
        filters=[
            Filter(
                "d", "Search the prompts", lambda rows, text: rows.filter(trace__prompt__text__icontains=text)
            ),
            Filter("between", "Between", lambda rows, said: rows.filter(between=said), Between.choices),
            Filter(
                "model",
                "Model",
                lambda rows, name: rows.filter(trace__model_name=name),
                [(name, name) for name in list_model_names(project)],
            ),
        ],
        empty="No disagreement is waiting. Traces come here when their raters, or raters and the merge, "
        "find the first error in different places.",
    )


def build_appeal_table(project: Project) -> Table[Appeal]:
    """Appeals, the oldest first; at first those that wait for an answer."""

    def link_to(row: Appeal) -> str:
        return reverse("annotation:decide_trace", args=[project.slug, row.trace_id]) + "#appeals"

    return Table(
        name="appeals",
        noun="appeal",
        rows=list_appeals(project),
        order="filed",
        prefix="a-",
        columns=[
            Column("trace", "Trace", lambda row: row.trace_id, link=link_to),
            Column("rater", "Rater", lambda row: str(row.rater), sort="rater__username"),
            Column("reason", "Reason", lambda row: row.reason, Kind.EXCERPT, is_sortable=False),
            Column("filed", "Filed", lambda row: row.filed_at, Kind.TIME, sort="filed_at"),
            Column("state", "State", lambda row: row.get_state_display()),
            Column("answer", "Answer", lambda row: row.answer, Kind.EXCERPT, is_sortable=False),
            Column(
                "answered",
                "Answered",
                lambda row: row.answered_at,
                Kind.TIME,
                sort="answered_at",
                is_nullable=True,
            ),
            Column("by", "Answered by", _name_answerer, on_page=False),
        ],
        filters=[
            Filter(
                "find",
                "Search rater, reason and answer",
                lambda rows, text: rows.filter(
                    Q(rater__username__icontains=text)
                    | Q(rater__display_name__icontains=text)
                    | Q(reason__icontains=text)
                    | Q(answer__icontains=text)
                ),
            ),
            Filter(
                "state",
                "State",
                lambda rows, state: rows.filter(state=state),
                AppealState.choices,
                default=AppealState.OPEN,
            ),
        ],
        empty="No appeal is waiting.",
    )


def _name_answerer(row: Appeal) -> str | None:
    return str(row.answered_by) if row.answered_by else None


def build_decision_table(project: Project) -> Table[Decision]:
    """What holds of each decided trace, the latest decision first."""

    def link_to(row: Decision) -> str:
        return reverse("annotation:decide_trace", args=[project.slug, row.trace_id])

    rows: QuerySet[Decision] = Decision.objects.current().filter(trace__project=project)
    is_gold = Exists(Gold.objects.filter(trace=OuterRef("trace")))
    return Table(
        name="decisions",
        noun="decision",
        rows=rows.select_related("trace__prompt", "adjudicator").annotate(is_gold=is_gold),
        order="-decided",
        prefix="c-",
        columns=[
            Column("trace", "Trace", lambda row: row.trace_id, link=link_to),
            Column("prompt", "Prompt", lambda row: row.trace.prompt.text, Kind.EXCERPT, is_sortable=False),
            Column("ruling", "Decided", say_ruling, sort="ruling"),
            Column("gold", "Gold", attrgetter("is_gold"), sort="is_gold"),
            Column("revision", "Revision", lambda row: row.revision, Kind.NUMBER),
            Column(
                "adjudicator", "Adjudicator", lambda row: str(row.adjudicator), sort="adjudicator__username"
            ),
            Column("decided", "When", lambda row: row.decided_at, Kind.TIME, sort="decided_at"),
        ],
        filters=[
            Filter(
                "find",
                "Search the prompts",
                lambda rows, text: rows.filter(trace__prompt__text__icontains=text),
            ),
            Filter(
                "gold",
                "Gold",
                lambda rows, said: rows.filter(is_gold=said == "yes"),
                [("yes", "Gold"), ("no", "Not gold")],
            ),
        ],
        empty="Nothing has been decided yet.",
    )


def build_own_decision_table(project: Project, rater: Account) -> Table[Decision]:
    """A rater's own traces that were decided. Neither the adjudicator nor another rater is in it."""
    own = Assignment.objects.filter(trace=OuterRef("trace"), rater=rater).values("pk")
    appeal = Appeal.objects.filter(trace=OuterRef("trace"), rater=rater).values("state")
    rows = list_decisions_for(rater, project).select_related("trace__prompt")
    return Table(
        name="decisions",
        noun=gettext("decision"),
        nouns=gettext("decisions"),
        rows=rows.annotate(own_assignment=Subquery(own), own_appeal=Subquery(appeal)),
        order="-decided",
        columns=[
            Column(
                "prompt",
                gettext("Prompt"),
                lambda row: row.trace.prompt.text,
                Kind.EXCERPT,
                is_sortable=False,
                link=_link_to_own_rating,
            ),
            Column("decision", gettext("Decided"), _say_ruling_in_their_language, is_sortable=False),
            Column("appeal", gettext("Your appeal"), _say_appeal, sort="own_appeal", is_nullable=True),
            Column("decided", gettext("When"), lambda row: row.decided_at, Kind.TIME, sort="decided_at"),
        ],
        filters=[
            Filter(
                "find",
                gettext("Search the prompts"),
                lambda rows, text: rows.filter(trace__prompt__text__icontains=text),
            ),
            Filter(
                "appeal",
                gettext("Your appeal"),
                lambda rows, said: (
                    rows.filter(own_appeal=said) if said != "none" else rows.filter(own_appeal=None)
                ),
                [
                    ("none", gettext("Not appealed")),
                    *((state, str(words)) for state, words in _APPEALS.items()),
                ],
            ),
        ],
        empty=gettext("None of your traces has been decided yet."),
    )


def say_ruling(row: Decision) -> Value:
    """A decision in three words."""
    if row.ruling != "steps":
        return row.get_ruling_display()
    error = first_error(row.labels)
    return "No error" if error is None else f"First error in step {error + 1}"


def _link_to_own_rating(row: Decision) -> str:
    assignment_id: int = row.own_assignment  # type: ignore[attr-defined]  # annotated
    return reverse("annotation:show_rating", args=[assignment_id])


_APPEALS = {
    "open": gettext_lazy("Waiting for an answer"),
    "changed": gettext_lazy("Decision changed"),
    "kept": gettext_lazy("Decision kept"),
}


def _say_appeal(row: Decision) -> Value:
    words = _APPEALS.get(row.own_appeal or "")  # type: ignore[attr-defined]  # annotated
    return str(words) if words else None


def _say_ruling_in_their_language(row: Decision) -> Value:
    if row.ruling != Ruling.STEPS:
        return gettext("The problem itself is broken.")
    error = first_error(row.labels)
    if error is None:
        return gettext("No error")
    return gettext("First error in step %(number)d") % {"number": error + 1}
