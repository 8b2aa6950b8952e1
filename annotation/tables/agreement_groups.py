"""The tables behind the charts of agreement: every group in full, what raters call things, and every pair of raters."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from annotation.measuring.agreement import Agreement, Group, ValueAgreement
from annotation.measuring.raters import MIN_SHARED_TRACES, RaterPair
from annotation.measuring.reports import AgreementReport
from annotation.rules.gold_accuracy import share_of
from annotation.tables.estimates import list_estimate_columns
from annotation.tables.group_filters import filter_by_sort, find_by_words
from annotation.tables.table import Column, Filter, Kind, Table


@dataclass(frozen=True)
class GroupRow:
    """Agreement on some traces. `by`: what they have in common; `name`: which of it, a day as 2026-03-02."""

    by: str
    name: str
    agreement: Agreement


@dataclass(frozen=True)
class SaidRow:
    """A label, or a kind of error, and how surely another rater says it too."""

    by: str
    said: ValueAgreement


@dataclass(frozen=True)
class PairRow:
    """Two raters; the share and its interval are None where they have too few traces in common."""

    one: str
    other: str
    pair: RaterPair
    share: float | None
    low: float | None
    high: float | None


def list_group_rows(report: AgreementReport) -> list[GroupRow]:
    """All traces, then each model, each length, and each period, the latest first."""
    return [
        GroupRow("All", "all traces", report.overall),
        *(GroupRow("Model", group.name, group.agreement) for group in report.by_model),
        *(GroupRow("Length", group.name, group.agreement) for group in report.by_length),
        *(GroupRow(*_name_period(group), group.agreement) for group in reversed(report.over_time)),
    ]


def _name_period(group: Group) -> tuple[str, str]:
    return group.name.capitalize(), dt.date.fromordinal(group.day or 1).isoformat()


def build_agreement_group_table(report: AgreementReport) -> Table[GroupRow]:
    """Every measure of every group, with its interval."""
    rows = list_group_rows(report)
    return Table(
        name="groups",
        noun="group",
        rows=rows,
        order="",
        prefix="g-",
        page_size=12,
        columns=[
            Column("by", "By", lambda row: row.by),
            Column("group", "Group", lambda row: row.name, Kind.EXCERPT),
            Column("traces", "Traces", lambda row: row.agreement.num_traces, Kind.NUMBER),
            Column("double", "Rated twice", lambda row: row.agreement.num_double, Kind.NUMBER),
            *list_measure_columns(lambda row: row.agreement),
        ],
        filters=[find_by_words("Find a group", lambda row: row.name), filter_by_sort(rows)],
        empty="Nobody has rated a trace blind yet.",
    )


Row = TypeVar("Row")


def list_measure_columns(of: Callable[[Row], Agreement]) -> Iterator[Column[Row]]:
    """The measures of agreement, beside the prevalence."""
    yield from list_estimate_columns("errors", "Errors found", lambda row: of(row).prevalence)
    yield from list_estimate_columns("agreed", "Verdict agreed", lambda row: of(row).agreed)
    yield from list_estimate_columns("ac1", "AC1", lambda row: of(row).ac1, Kind.DECIMAL)
    yield from list_estimate_columns("alpha", "Alpha", lambda row: of(row).alpha, Kind.DECIMAL)
    yield from list_estimate_columns("place", "Same first error", lambda row: of(row).first_error)
    yield from list_estimate_columns("steps", "Alpha on steps", lambda row: of(row).step_alpha, Kind.DECIMAL)


def build_said_table(report: AgreementReport) -> Table[SaidRow]:
    """Labels and kinds of error: how often each is said, and how surely another rater says it too."""
    rows = [SaidRow("Label", one) for one in report.by_label]
    rows += [SaidRow("Kind of error", one) for one in report.by_category]
    return Table(
        name="said",
        noun="label or kind",
        nouns="labels and kinds",
        rows=rows,
        order="",
        prefix="s-",
        page_size=12,
        columns=[
            Column("by", "By", lambda row: row.by),
            Column("name", "Said", lambda row: row.said.name, Kind.EXCERPT),
            Column("times", "Times said", lambda row: row.said.num_said, Kind.NUMBER),
            *list_estimate_columns("share", "Share of all", lambda row: row.said.share),
            Column("traces", "Traces", lambda row: row.said.agreed.num_traces, Kind.NUMBER),
            *list_estimate_columns("same", "Another says it too", lambda row: row.said.agreed),
        ],
        filters=[find_by_words("Find a label or kind", lambda row: row.said.name), filter_by_sort(rows)],
        empty="No step was judged by two raters yet.",
    )


def build_pair_table(pairs: Sequence[RaterPair], names: Mapping[int, str]) -> Table[PairRow]:
    """Every two raters who rated a trace both, those with the most in common first."""
    return Table(
        name="pairs",
        noun="pair of raters",
        nouns="pairs of raters",
        rows=[_describe_pair(pair, names) for pair in pairs],
        order="-traces",
        prefix="p-",
        page_size=12,
        columns=[
            Column("one", "Rater", lambda row: row.one),
            Column("other", "And", lambda row: row.other),
            Column("traces", "Traces in common", lambda row: row.pair.num_shared, Kind.NUMBER),
            Column(
                "agreed",
                "Same verdict",
                lambda row: row.share,
                Kind.SHARE,
                interval=lambda row: (row.low, row.high),
            ),
            Column("agreed_low", "", lambda row: row.low, Kind.SHARE, on_page=False),
            Column("agreed_high", "", lambda row: row.high, Kind.SHARE, on_page=False),
        ],
        filters=[
            find_by_words("Find a rater", lambda row: f"{row.one}\n{row.other}"),
            Filter(
                "told",
                "In common",
                lambda rows, said: [row for row in rows if (row.share is not None) == (said == "enough")],
                [("enough", f"{MIN_SHARED_TRACES} traces or more"), ("few", "fewer")],
            ),
        ],
        empty="No two raters have rated the same trace blind.",
    )


def _describe_pair(pair: RaterPair, names: Mapping[int, str]) -> PairRow:
    one, other = (names.get(rater, "a former rater") for rater in (pair.one, pair.other))
    if pair.num_shared < MIN_SHARED_TRACES:
        return PairRow(one, other, pair, None, None, None)
    share = share_of(pair.num_agreed, pair.num_shared)
    return PairRow(one, other, pair, *share)
