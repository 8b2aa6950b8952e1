"""Filters: which sources an export takes, in the rules, the form, the preview and the files alike."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.models import Prompt
from exports import actions
from exports.cases import count_pair_cases, count_trace_cases
from exports.choices import list_batch_choices, list_languages
from exports.labels import LeftOut, refuse_pair, refuse_source
from exports.models import Export
from exports.policy import CONFIGS, BadPolicy, ExportPolicy, read_policy
from exports.preview import preview_export
from exports.queries import SuspectPrompts
from tests.annotation.api.callers import make_caller, send
from tests.exports.candidates import make_pair, make_trace
from tests.exports.test_forms import fill
from tests.exports.worlds import World, make_world, merge_world, start_export, write_export
from tests.factories import NOW, make_batch, make_rating
from tests.factories import make_trace as store_trace

ALL_TRAIN: dict[str, Any] = {"validation_share": 0.0, "test_share": 0.0}
DAY = dt.date(2026, 3, 1)


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"batches": (7,)}, None),
        ({"batches": (8, 9)}, "other_batch"),
        ({"languages": ("en", "de")}, None),
        ({"languages": ("de", "")}, "other_language"),
        ({"made_from": "2026-03-01", "made_to": "2026-03-01"}, None),
        ({"made_from": "2026-03-02"}, "other_day"),
        ({"made_to": "2026-02-28"}, "other_day"),
        ({"models": ("tiny",), "batches": (7,), "made_to": "2026-03-01"}, None),
    ],
)
def test_a_source_is_wanted_or_left_out_for_a_reason(policy: dict[str, Any], reason: str | None) -> None:
    trace = make_trace(batch_id=7, made_on=DAY, language="en")

    refused = refuse_source(trace, ExportPolicy(**policy))

    assert refused == (LeftOut(reason) if reason else None)


def test_a_trace_without_a_batch_is_of_none_of_them() -> None:
    assert refuse_source(make_trace(batch_id=None), ExportPolicy(batches=(7,))) == LeftOut("other_batch")


def test_both_traces_of_a_pair_must_be_wanted() -> None:
    pair = make_pair(make_trace(batch_id=7), make_trace((0.9, 0.1, 0.1), batch_id=8, trace_id=2))

    assert refuse_pair(pair, ExportPolicy(batches=(7,))) == LeftOut("other_batch")
    assert refuse_pair(pair, ExportPolicy(batches=(7, 8))) != LeftOut("other_batch")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"made_from": "yesterday"}, "is no day"),
        ({"made_from": "2026-03-02", "made_to": "2026-03-01"}, "The first day lies after the last one."),
        ({"batches": ("seven",)}, "by their numbers"),
        ({"made_to": 5}, "is no day"),
    ],
)
def test_a_filter_that_can_not_be_is_refused_with_a_sentence(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadPolicy, match=message):
        read_policy(values)


@given(st.lists(st.integers(1, 99)), st.lists(st.sampled_from(["en", "de", ""])))
def test_filters_are_stored_sorted_and_read_back(batches: list[int], languages: list[str]) -> None:
    stored = ExportPolicy(batches=tuple(batches), languages=tuple(languages)).as_json()

    assert stored["batches"] == sorted(set(batches))
    assert read_policy(stored).as_json() == stored  # type: ignore[arg-type]


def make_mixed_world() -> tuple[World, int]:
    """Two batches on two days, and a prompt in German; returns the second batch's id."""
    world = make_world(6)
    late = make_batch(world.project, prompt_template="Solve it.\n{prompt}\n")
    for prompt in world.prompts[:3]:
        trace = store_trace(
            prompt, steps=("7.",), batch=late, sample_index=0, created_at=NOW + dt.timedelta(days=2)
        )
        for rater in world.raters:
            make_rating(trace, rater, labels=(1,))
    Prompt.objects.filter(pk=world.prompts[0].pk).update(language="de")
    return world, late.pk


def rows_of(export: Export, config: str = "stepwise") -> set[str]:
    folder = actions.folder_of(export)
    tables = [pq.read_table(path) for path in (folder / config).glob("*.parquet")]
    column = "trace_id" if config == "stepwise" else "prompt_id"
    return {value for table in tables for value in table[column].to_pylist()}


@pytest.mark.django_db
def test_the_files_hold_what_the_filters_let_through() -> None:
    world, late = make_mixed_world()
    run = merge_world(world)

    def export(**policy: Any) -> Export:
        configs = ("stepwise", "prompts")
        return write_export(start_export(world, run, configs, policy=ExportPolicy(**ALL_TRAIN, **policy)))

    assert len(rows_of(export())) == 15
    assert len(rows_of(export(batches=(late,)))) == 3
    assert len(rows_of(export(made_from="2026-03-02"))) == 3
    assert len(rows_of(export(made_to="2026-03-01"))) == 12
    german = export(languages=("de",))
    assert rows_of(german, "prompts") == {str(world.prompts[0].pk)}
    assert german.manifest["loss_report"]["dropped"]["prompts"] == {"other_language": 5}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "policy",
    [
        {"languages": ("de",)},
        {"made_from": "2026-03-02", "validation_share": 0.3, "test_share": 0.3},
        {"made_to": "2026-03-01", "minimum_raters": 1, "sft_from": 0.999},
        {"models": ("nobody",)},
    ],
)
def test_the_preview_counts_what_the_filters_let_through(policy: dict[str, Any]) -> None:
    world, _ = make_mixed_world()
    run = merge_world(world)

    seen = preview_export(world.project, run, ExportPolicy(**policy), CONFIGS, "standard")

    written = write_export(start_export(world, run, policy=ExportPolicy(**policy)))
    counts, dropped = written.manifest["counts"]["configs"], written.manifest["loss_report"]["dropped"]
    for config in seen.configs:
        assert {split: num for split, num in config.splits if num} == counts[config.config]["rows"]
        assert dict(config.labels) == counts[config.config]["labels"]
        assert sorted(n for n, _ in config.left_out) == sorted(dropped.get(config.config, {}).values())


@pytest.mark.django_db
def test_many_traces_are_few_cases() -> None:
    world = make_world(12)
    run = merge_world(world)
    splits = {prompt.pk: "train" for prompt in world.prompts}
    suspects = SuspectPrompts(frozenset(), frozenset())

    cases = count_trace_cases(run, ExportPolicy(), splits, suspects)
    pairs = count_pair_cases(run, ExportPolicy(), splits, suspects)

    assert sum(case.num_traces for case in cases) == 26
    assert len(cases) <= 6
    assert all(len(case.examples) == min(3, case.num_traces) for case in cases)
    assert (len(pairs), sum(case.num_pairs for case in pairs)) == (1, 12)


@pytest.mark.django_db
def test_the_form_offers_what_there_is_and_takes_it() -> None:
    world, late = make_mixed_world()

    form = fill(world, batches=[late], languages=["de", ""], made_from="2026-03-01", made_to="2026-03-09")

    assert form.is_valid(), form.errors
    policy = form.policy()
    assert (policy.batches, policy.languages) == ((late,), ("de", ""))
    assert (policy.made_from, policy.made_to) == ("2026-03-01", "2026-03-09")
    assert next(pk for pk, _ in list_batch_choices(world.project)) == late
    assert "de" in list_languages(world.project)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changed", [{"batches": ["99999999"]}, {"languages": ["xx"]}, {"made_from": "31.12.2026"}]
)
def test_the_form_refuses_what_there_is_not(changed: dict[str, Any]) -> None:
    form = fill(make_world(1), **changed)

    assert list(form.errors) == list(changed)


@pytest.mark.django_db
def test_the_api_takes_the_same_filters() -> None:
    world, late = make_mixed_world()
    filters = {"batches": [late], "languages": ["en", ""], "made_from": "2026-03-01", "made_to": "2026-03-31"}
    body = {"project": world.project.slug, "configs": ["sft"], "policy": filters}

    made = send(make_caller(world.engineer), "/api/v1/exports/", body).json()
    refused = send(make_caller(world.engineer), "/api/v1/exports/", {**body, "policy": {"made_from": "soon"}})

    assert {name: made["policy"][name] for name in filters} == {**filters, "languages": ["", "en"]}
    assert refused.status_code == 400
