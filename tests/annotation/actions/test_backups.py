"""A project goes into a file and comes back the same."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from annotation.actions import backups
from annotation.actions.backup_tables import TABLES
from annotation.models import (
    Account,
    AssignmentState,
    AuditEvent,
    Choice,
    GenerationBatch,
    JobState,
    Priority,
    Project,
    Rating,
    Role,
    Trace,
)
from annotation.rules.error_categories import DEFAULT_ERROR_CATEGORIES
from tests.factories import (
    NOW,
    make_account,
    make_appeal,
    make_assignment,
    make_batch,
    make_comparison,
    make_decision,
    make_disagreement,
    make_gold,
    make_judge,
    make_judge_score,
    make_member,
    make_project,
    make_prompt,
    make_rating,
    make_site_admin,
    make_trace,
)

pytestmark = pytest.mark.django_db


def make_full_project() -> Project:
    project = make_project(slug="original", name="Original", guidelines="Be fair.\nBe kind.")
    batch = make_batch(project, state=JobState.FINISHED, finished_at=NOW)
    author = make_account("author")  # who has left the project
    prompt = make_prompt(project, source={"file": "a.jsonl", "line": 3}, created_by=author)
    trace = make_trace(
        prompt, batch=batch, sample_index=0, sampling={"seed": 7}, mean_logprob=-0.25, queue_key=0.1
    )
    other = make_trace(prompt, steps=["日本\r\n", "e\u0301 🙂 \\boxed{7}"], queue_key=1 / 3)
    simulated = make_member(project, username="sim-1", display_name="Simulated rater 1", is_simulated=True)
    make_rating(
        trace,
        simulated,
        labels=[1, -1, None],
        notes={"1": "3 + 4 is 7"},
        error_categories={"1": "Calculation"},
        rewrites={"1": "3 + 4 = 7."},
    )
    make_rating(other, labels=[0, 1])
    judge = make_judge(name="arithmetic", version="3")
    make_judge_score(trace, judge, [1.0, 0.1 + 0.2, None])
    make_gold(other, [True, False])
    make_comparison(other, trace, rater=simulated, note="Shorter.", is_swapped=True)
    make_comparison(trace, other, choice=Choice.TIE)
    adjudicator = make_account("adjudicator")  # who has left, too
    make_decision(trace, labels=[1, 1, 1], adjudicator=adjudicator, is_current=False)
    decision = make_decision(
        trace,
        labels=[1, -1, None],
        adjudicator=adjudicator,
        revision=2,
        step_notes={"1": "No."},
        note="See step 2.",
    )
    make_appeal(decision, simulated)
    make_disagreement(trace, bits=0.1 + 0.2, is_open=False)
    return project


def write(project: Project) -> list[str]:
    return list(backups.write_backup(project=project, made_by={"command": "a test"}))


def with_slug(lines: list[str], slug: str) -> list[str]:
    head = json.loads(lines[0])
    return [json.dumps({**head, "slug": slug}) + "\n", *lines[1:]]


def restore(lines: list[str]) -> Project:
    return backups.restore_backup(lines=lines, actor=None, now=NOW)


def without_ids(lines: list[str]) -> list[dict[str, Any]]:
    """Ids as ranks: what they are is chance, how they refer to each other is not."""
    ranks: dict[str, dict[int, int]] = defaultdict(dict)
    references = {
        "account": "account", "rater": "account", "created_by": "account", "prompt": "prompt", "trace": "trace",
        "trace_a": "trace", "trace_b": "trace",
        "adjudicator": "account", "answered_by": "account", "decision": "decision",
        "batch": "generationbatch", "assignment": "assignment", "judge": "judge", "model_spec": "modelspec",
    }  # fmt: skip
    records = []
    for line in lines:
        record = json.loads(line)
        if "id" in record:
            record["id"] = ranks[record["table"]].setdefault(record["id"], len(ranks[record["table"]]))
        for field, table in references.items():
            if record.get(field) is not None:
                record[field] = ranks[table][record[field]]
        records.append(
            {key: value for key, value in record.items() if key not in {"project", "slug", "idempotency_key"}}
        )
    return records


def renew_keys(lines: list[str]) -> list[str]:
    """A second copy beside the first needs submissions of its own."""
    renewed = []
    for number, line in enumerate(lines):
        record = json.loads(line)
        if record["table"] in ("rating", "decision"):
            record["idempotency_key"] = f"00000000-0000-0000-0000-{number:012d}"
        renewed.append(json.dumps(record))
    return renewed


def test_a_restored_project_is_the_one_that_was_written() -> None:
    written = write(make_full_project())

    copy = restore(renew_keys(with_slug(written, "copy")))

    assert without_ids(write(copy)) == without_ids(written)
    assert Rating.objects.filter(trace__project=copy).count() == 2


def test_fields_that_came_after_a_backup_was_made_get_their_defaults() -> None:
    newer = {"gold_share", "gold_threshold", "priority", "created_by", "pause_reason", "resumed_at"}
    written = []
    for line in renew_keys(with_slug(write(make_full_project()), "copy")):
        record = json.loads(line)
        kept = record["table"] in ("gold", "generationbatch")  # there, created_by is old
        written.append(json.dumps({k: v for k, v in record.items() if kept or k not in newer}))

    copy = restore(written)

    assert (copy.gold_share, copy.gold_threshold) == (0.05, None)
    assert {prompt.priority for prompt in copy.prompt_set.all()} == {Priority.USUAL}


def test_the_same_rows_give_the_same_bytes() -> None:
    project = make_full_project()

    assert write(project) == write(project)


def test_a_file_from_before_error_categories_restores_with_the_default_ones() -> None:
    records = [json.loads(line) for line in write(make_full_project())]
    for record in records:
        for field in ("error_categories", "rewrites", "key_bindings"):
            record.pop(field, None)

    copy = restore(renew_keys(with_slug([json.dumps(record) for record in records], "copy")))

    assert copy.error_categories == list(DEFAULT_ERROR_CATEGORIES)
    ratings = Rating.objects.filter(trace__project=copy)
    assert {(str(row.error_categories), str(row.rewrites)) for row in ratings} == {("{}", "{}")}


def test_an_empty_installation_gets_the_people_without_their_passwords_or_powers() -> None:
    project = make_full_project()
    admin = make_site_admin(username="boss")
    admin.set_password("a long secret")
    admin.save()
    make_rating(make_trace(make_prompt(project)), admin)
    written = write(project)
    wipe()

    restore(written)

    boss = Account.objects.get(username="boss")
    assert not boss.is_superuser
    assert not boss.is_staff
    assert not boss.has_usable_password()
    assert Account.objects.get(username="sim-1").is_simulated
    assert "secret" not in "".join(written)


def wipe() -> None:
    for table in reversed(TABLES):
        if table.model is not Account:
            table.model._default_manager.all().delete()
    AuditEvent.objects.all().delete()
    Project.objects.all().delete()
    Account.objects.all().delete()


def test_open_leases_and_drafts_stay_behind() -> None:
    project = make_full_project()
    make_assignment(make_trace(make_prompt(project)), draft={"labels": [1]})

    tables = [json.loads(line) for line in write(project)]

    states = {record["state"] for record in tables if record["table"] == "assignment"}
    assert states == {AssignmentState.SUBMITTED}
    assert not any("draft" in record for record in tables)


def test_a_batch_that_was_under_way_comes_back_cancelled() -> None:
    project = make_project(slug="original")
    make_batch(project)
    written = write(project)

    copy = restore(with_slug(written, "copy"))

    assert GenerationBatch.objects.get(project=copy).state == JobState.CANCELLED


def test_people_of_the_same_name_are_taken_for_the_same() -> None:
    project = make_full_project()

    copy = restore(renew_keys(with_slug(write(project), "copy")))

    assert Account.objects.filter(username="sim-1").count() == 1
    assert copy.membership_set.filter(account__username="sim-1", role=Role.RATER).exists()


def replacing(old: str, new: str) -> Callable[[list[str]], list[str]]:
    return lambda lines: [line.replace(old, new) for line in lines]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda lines: [], "The file is empty"),
        (lambda lines: lines[1:], "Line 1: a backup begins with its project"),
        (lambda lines: [*lines[:2], "{not json"], "Line 3: not JSON"),
        (replacing('"format":1', '"format":9'), "format 9 is not 1"),
        (lambda lines: [line for line in lines if '"table":"prompt"' not in line], "is missing, or stands"),
        (replacing('"step_ends":[', '"step_ends":[1,1,'), "trace_steps_are_lossless"),
        (replacing('"labels":[1,-1,null]', '"labels":[1,-3,null]'), "labels_in_range"),
        (replacing(NOW.isoformat(), "yesterday"), "yesterday"),
        (lambda lines: lines[:-2], "breaks off after line"),
        (lambda lines: [*lines[:-2], lines[-1]], r"Of the \d+ lines of this backup, \d+ are there"),
        (lambda lines: [*lines, lines[-2]], "the backup ended on the line before"),
    ],
    ids=[
        "empty",
        "headless",
        "not JSON",
        "newer",
        "dangling",
        "not lossless",
        "bad label",
        "bad time",
        "broken off",
        "gap",
        "longer",
    ],
)
def test_a_bad_backup_says_where_and_leaves_nothing(spoil: Any, reason: str) -> None:
    written = write(make_full_project())
    wipe()

    with pytest.raises(backups.BadBackup, match=reason):
        restore(spoil(written))

    assert not Project.objects.exists()
    assert not Trace.objects.exists()


def without_fields(lines: list[str], table: str, *names: str) -> list[str]:
    """The backup as a version that did not know these fields would have written it."""
    records = [json.loads(line) for line in lines]
    return [
        json.dumps({k: v for k, v in r.items() if r["table"] != table or k not in names}) for r in records
    ]


def test_a_backup_from_before_they_had_an_end_is_taken_as_it_is() -> None:
    written = write(make_full_project())
    wipe()

    restore(without_fields(written[:-1], "project", "has_end"))

    assert Rating.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_what_is_rated_while_a_backup_is_written_is_in_it_with_all_it_rests_on_or_not_at_all() -> None:
    project = make_full_project()
    before = write(project)
    lines = backups.write_backup(project=project, made_by={"command": "a test"})
    first = next_of(lines, "trace")

    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(_rate_elsewhere, project).result()

    assert [*first, *lines] == before
    assert Rating.objects.filter(trace__project=project).count() == 3


def next_of(lines: Iterator[str], table: str) -> list[str]:
    """Lines up to and with the first of a table."""
    read = [next(lines)]
    while f'"table":"{table}"' not in read[-1]:
        read.append(next(lines))
    return read


def _rate_elsewhere(project: Project) -> None:
    make_rating(make_trace(make_prompt(project)), make_member(project))
    connection.close()


def test_a_backup_of_an_older_version_gets_the_defaults_of_what_it_did_not_know() -> None:
    written = write(make_full_project())
    wipe()

    older = without_fields(written, "generationbatch", "chat_template", "special_tokens")
    project = restore(without_fields(older, "project", "assisted_share"))

    batch = GenerationBatch.objects.get(project=project)
    assert (batch.chat_template, batch.special_tokens, project.assisted_share) == ("", {}, 0.0)


def test_a_field_that_has_no_default_must_be_there() -> None:
    written = write(make_full_project())
    wipe()

    with pytest.raises(backups.BadBackup, match="'completion' is missing"):
        restore(without_fields(written, "trace", "completion"))


def test_an_empty_installation_gets_the_very_same_rows_ids_and_all() -> None:
    written = write(make_full_project())
    wipe()

    assert write(restore(written)) == written


def test_rows_that_come_later_get_ids_behind_the_restored_ones() -> None:
    written = write(make_full_project())
    wipe()
    with connection.cursor() as cursor:
        for table in ("annotation_project", "annotation_prompt", "annotation_account"):
            cursor.execute(f"ALTER SEQUENCE {table}_id_seq RESTART WITH 1")  # as a new installation begins

    restored = restore(written)

    assert make_prompt(restored).pk > Trace.objects.first().prompt_id  # type: ignore[union-attr]
    assert make_member(restored).pk > Account.objects.get(username="sim-1").pk


def test_ids_that_are_taken_are_given_anew_in_the_same_order() -> None:
    written = write(make_full_project())
    old = list(Trace.objects.order_by("pk").values_list("pk", "completion"))

    copy = restore(renew_keys(with_slug(written, "copy")))

    new = list(Trace.objects.filter(project=copy).order_by("pk").values_list("pk", "completion"))
    assert [text for _, text in new] == [text for _, text in old]
    assert min(new) > max(old)


def test_a_project_is_not_restored_beside_itself_and_the_reason_is_a_sentence() -> None:
    project = make_full_project()
    written = write(project)
    Project.objects.filter(pk=project.pk).update(slug="renamed")

    with pytest.raises(
        backups.BadBackup, match="A project can't be restored beside the one that its backup"
    ) as error:
        restore(written)

    assert "constraint" not in str(error.value)
    assert Project.objects.count() == 1


def test_a_project_is_not_restored_over_itself() -> None:
    project = make_full_project()

    with pytest.raises(backups.BadBackup, match="There is a project “original” already"):
        restore(write(project))
