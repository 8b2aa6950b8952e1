"""Two exports compared: every kind of difference, and the reason for it."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotation.actions import merges
from annotation.merging.data import MergePolicy
from annotation.models import Choice, MergedTrace, MergeRun, Outcome, Rating
from exports import actions
from exports.comparison import (
    ConfigComparison,
    FilesGone,
    RowChange,
    RowState,
    compare_config,
    describe_differences,
    index_rows,
    list_compared_configs,
)
from exports.explanations import explain_rows
from exports.models import Export
from exports.policy import ExportPolicy
from tests.annotation.api.callers import make_caller
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.exports.test_views import expected_status
from tests.exports.worlds import LATER, World, make_world, merge_world, start_export, write_export
from tests.factories import NOW, make_comparison, make_decision, make_judge_score, make_rating, make_trace

pytestmark = pytest.mark.django_db
POLICY = ExportPolicy(validation_share=0.0, test_share=0.0)
HOURS = dt.timedelta(hours=6)
CONFIGS = ("stepwise", "unpaired_preference", "preference", "prompts")


def merge_again(world: World, policy: MergePolicy | None = None) -> MergeRun:
    """A merge a day after the first."""
    tomorrow = LATER + dt.timedelta(days=1)
    run = merges.start_merge(
        project=world.project, policy=policy or MergePolicy(), actor=world.engineer, now=tomorrow
    )
    merges.run_merge(run_id=run.pk, clock=lambda: tomorrow)
    run.refresh_from_db()
    return run


def export(world: World, run: MergeRun, policy: ExportPolicy = POLICY, **more: Any) -> Export:
    return write_export(start_export(world, run, CONFIGS, policy=policy, **more))


def amend(rating: Rating, labels: list[int | None]) -> None:
    """A second revision, some hours after the first merge."""
    Rating.objects.filter(pk=rating.pk).update(is_current=False)
    make_rating(
        rating.trace,
        rating.rater,
        labels=labels,
        assignment=rating.assignment,
        revision=2,
        submitted_at=NOW + dt.timedelta(hours=6),
    )


def explain(before: Export, after: Export, found: ConfigComparison) -> dict[str, str]:
    rows = explain_rows(before, after, found.config, found.rows)
    return {row.row.key[0]: " ".join(row.reasons) for row in rows}


def test_the_same_export_differs_in_nothing() -> None:
    world = make_world(3)
    run = merge_world(world)
    one, other = export(world, run), export(world, run)

    for config in list_compared_configs(one, other):
        found = compare_config(one, other, config)
        assert (found.num_added, found.num_removed, found.num_changed, found.rows) == (0, 0, 0, ())
    assert describe_differences(one, other) == []


def test_an_amended_rating_changes_a_label_and_is_named() -> None:
    world = make_world(6)
    before = export(world, merge_world(world))
    for rating in world.right[0].ratings.all():
        amend(rating, [1, -1, None])
    after = export(world, merge_again(world))

    found = compare_config(before, after, "stepwise")

    assert (found.num_changed, found.num_added, found.num_removed) == (1, 0, 0)
    row = found.rows[0]
    assert row.key == (str(world.right[0].pk),)
    assert (row.before and row.before.label, row.after and row.after.label) == ("✓ ✓ ✓", "✓ ✕ ✕")
    why = explain(before, after, found)[row.key[0]]
    assert f"{world.raters[0].username} amended their rating (revision 2)." in why
    assert "step 3 moved most" in why or "step 2 moved most" in why


def test_a_row_that_is_new_says_what_made_it_and_why_it_was_left_out() -> None:
    world = make_world(6)
    before = export(world, merge_world(world))
    for rater in world.raters:
        make_rating(world.silent, rater, labels=(1,), submitted_at=NOW + dt.timedelta(hours=6))
    after = export(world, merge_again(world))

    found = compare_config(before, after, "stepwise")

    assert (found.num_added, found.num_removed, found.num_changed) == (1, 0, 0)
    why = explain(before, after, found)[str(world.silent.pk)]
    assert f"{world.raters[0].username} rated it." in why
    assert "left out before because nobody rated them" in why


def test_a_decision_is_named() -> None:
    world = make_world(3)
    before = export(world, merge_world(world))
    decision = make_decision(world.right[0], (1, 1, 1), decided_at=NOW + HOURS, is_current=False)
    make_decision(
        world.right[0], (1, -1, None), adjudicator=decision.adjudicator, revision=2, decided_at=NOW + HOURS
    )
    after = export(world, merge_again(world))

    why = explain(before, after, compare_config(before, after, "stepwise"))[str(world.right[0].pk)]

    assert f"{decision.adjudicator.username} decided it." in why
    assert "amended their decision (revision 2)." in why


def test_comparisons_are_named_where_they_moved_a_preference_and_nowhere_else() -> None:
    world = make_world(3)
    before = export(world, merge_world(world))
    right, wrong = world.right[1], world.wrong[1]
    said = [
        make_comparison(right, wrong, choice=choice, submitted_at=NOW + HOURS)
        for choice in (Choice.BOTH_BAD, Choice.BOTH_BAD, Choice.TIE, Choice.A)
    ]
    after = export(world, merge_again(world))
    key = (str(right.pk), str(wrong.pk))

    found = compare_config(before, after, "preference")
    (removed,) = (row for row in found.rows if row.key == key)
    (explained,) = explain_rows(before, after, "preference", [removed])
    (of_trace,) = explain_rows(before, after, "stepwise", [RowChange((key[0],), None, None)])

    who = [comparison.rater.username for comparison in said]
    two = f"traces {right.pk} and {wrong.pk}"
    assert f"{who[0]} compared {two}, and called both bad." in explained.reasons
    assert f"{who[2]} compared {two}, and called them a tie." in explained.reasons
    assert f"{who[3]} compared {two}, and preferred {right.pk}." in explained.reasons
    assert any("left out now because the merge wrote no preference" in reason for reason in explained.reasons)
    assert not any("compared" in reason for reason in of_trace.reasons)


def test_a_prompt_that_was_called_broken_in_between_is_the_reason_for_all_that_is_made_of_it() -> None:
    world = make_world(3)
    before = export(world, merge_world(world))
    for rater in world.raters:
        for _ in range(2):
            make_rating(
                make_trace(world.prompts[0], steps=("What?",)),
                rater,
                outcome=Outcome.BAD_PROBLEM,
                reason="No number",
                labels=(None,),
                submitted_at=NOW + HOURS,
            )
    after = export(world, merge_again(world))

    found = {config: compare_config(before, after, config) for config in CONFIGS}

    why = {config: " ".join(explain(before, after, rows).values()) for config, rows in found.items()}
    assert all(
        "left out now because at least half of its raters called the prompt broken" in w for w in why.values()
    )
    called = f"{world.raters[0].username} called it broken."
    assert why["prompts"].count(called) == 1  # though of two traces
    assert all(f"Of its prompt: {called}" in why[config] for config in CONFIGS if config != "prompts")


def test_a_row_that_a_judge_swayed_may_train_and_not_evaluate_and_that_is_said() -> None:
    world = make_world(6)
    run = merge_world(world)
    MergedTrace.objects.filter(run=run, trace=world.right[0]).update(provenance="hybrid")
    before = export(world, run)
    after = export(world, run, ExportPolicy(validation_share=0.0, test_share=0.999))

    why = explain(before, after, compare_config(before, after, "stepwise"))[str(world.right[0].pk)]

    assert (
        "left out now because they fall into validation or test, where only people's word and gold count"
        in why
    )


def test_what_was_said_after_the_second_exports_merge_is_said_to_be_unread() -> None:
    world = make_world(3)
    older = merge_world(world)
    for rating in world.right[0].ratings.all():
        amend(rating, [1, -1, None])
    before = export(world, merge_again(world))
    after = export(world, older)

    why = explain(before, after, compare_config(before, after, "stepwise"))[str(world.right[0].pk)]

    assert "(revision 2). The second export's merge is the older one: it had not read that." in why


def test_a_row_that_nobody_spoke_of_is_said_to_have_moved_by_itself() -> None:
    world = make_world(2)
    run = merge_world(world)
    before, after = export(world, run), export(world, run)

    (explained,) = explain_rows(before, after, "stepwise", [RowChange((str(world.right[1].pk),), None, None)])

    (reason,) = explained.reasons
    assert reason.startswith("Nobody spoke of it in between")


def test_of_several_projects_each_ones_merges_and_ratings_are_looked_at() -> None:
    world, other = make_world(3), make_world(3)
    both = {"other_projects": [other.project]}
    merge_world(other)
    before = export(world, merge_world(world), **both)
    for rating in other.right[0].ratings.all():
        amend(rating, [1, -1, None])
    for rater in other.raters:
        make_rating(other.silent, rater, labels=(1,), submitted_at=NOW + HOURS)
    merge_again(other)
    after = export(world, before.merge_run, **both)

    why = explain(before, after, compare_config(before, after, "stepwise"))
    said = describe_differences(before, after)

    assert f"{other.raters[0].username} amended their rating (revision 2)." in why[str(other.right[0].pk)]
    assert f"{other.raters[1].username} rated it." in why[str(other.silent.pk)]
    assert said == [f"2 ratings more behind the labels of {other.project.slug}."]


def test_a_stricter_policy_removes_rows_and_is_named() -> None:
    world = make_world(6)
    run = merge_world(world)
    before, after = (
        export(world, run),
        export(world, run, replace(POLICY, evidence=("human",), minimum_raters=3, good_from=0.9)),
    )
    loose = write_export(start_export(world, run, ("stepwise", "prompts"), policy=POLICY))

    assert after.state == "finished"
    found = compare_config(loose, after, "stepwise")
    pairs = compare_config(before, after, "preference")
    assert (found.num_removed, found.num_same) == (12, 0)
    assert pairs.num_removed == 6
    assert all("on fewer raters than asked for" in words for words in explain(before, after, pairs).values())
    why = set(explain(loose, after, found).values())
    assert any(
        "left out now because they rest on people alone, and on fewer raters" in words for words in why
    )
    said = describe_differences(before, after)
    assert "The policy: minimum_raters was 2, then 3." in said
    assert "The policy: good_from was 0.8, then 0.9." in said
    assert "The policy: evidence was ai, human, hybrid, then human." in said


def test_another_seed_moves_prompts_between_splits() -> None:
    world = make_world(12)
    run = merge_world(world)
    shares = {"validation_share": 0.3, "test_share": 0.3}
    before, after = (export(world, run, ExportPolicy(seed=seed, **shares)) for seed in (1, 2))

    found = compare_config(before, after, "prompts")

    assert found.num_changed > 0
    assert all("Its prompt moved from" in words for words in explain(before, after, found).values())
    assert describe_differences(before, after) == ["The policy: seed was 1, then 2."]


def test_a_preference_that_turned_round_is_one_change() -> None:
    world = make_world(4)
    before = export(world, merge_world(world))
    for rating in world.right[0].ratings.all():
        amend(rating, [-1, None, None])
    for rating in world.wrong[0].ratings.all():
        amend(rating, [1, 1, 1])
    after = export(world, merge_again(world))

    found = compare_config(before, after, "preference")

    right, wrong = str(world.right[0].pk), str(world.wrong[0].pk)
    turned = next(row for row in found.rows if row.key == tuple(sorted((right, wrong), key=int)))
    assert turned.before and turned.after
    assert (turned.before.label, turned.after.label) == (f"{right} over {wrong}", f"{wrong} over {right}")


def test_judges_merges_and_versions_are_named() -> None:
    world = make_world(4)
    before = export(world, merge_world(world))
    make_judge_score(world.right[1], created_at=NOW + dt.timedelta(hours=6))
    after = export(world, merge_again(world, MergePolicy(name="majority")))
    after.manifest["version"], after.manifest["merge"]["version"] = "9.9", "chain@99"
    after.manifest["merge"]["calibrated_judges"] = ["oracle@1"]

    said = describe_differences(before, after)

    assert "The merge: policy was chain, then majority." in said
    assert any("version 0.1.0 made the one, 9.9 the other" in words for words in said)
    assert any("then chain@99." in words for words in said)
    assert "A calibrated judge more: oracle@1." in said
    rows = [RowChange((str(world.right[1].pk),), None, None)]
    (explained,) = explain_rows(before, after, "stepwise", rows)
    assert any("scored it" in reason for reason in explained.reasons)


@pytest.mark.parametrize("formats", [("parquet", "jsonl"), ("jsonl", "jsonl")])
def test_formats_and_forms_are_no_difference_between_labels(formats: tuple[str, str]) -> None:
    world = make_world(3)
    run = merge_world(world)
    before = write_export(start_export(world, run, CONFIGS, policy=POLICY, file_format=formats[0]))
    after = write_export(
        start_export(world, run, CONFIGS, "conversational", policy=POLICY, file_format=formats[1])
    )

    for config in CONFIGS:
        found = compare_config(before, after, config)
        assert (found.num_added, found.num_removed, found.num_changed) == (0, 0, 0)


def test_two_rewrites_of_one_trace_are_two_rows() -> None:
    states = [RowState("train", "7 over 7", "human", "1"), RowState("train", "7 over 7", "hybrid", "1")]

    found = index_rows((("7", "7"), state) for state in states)

    assert list(found.values()) == states
    assert list(found) == [("7", "7"), ("7", "7", "7")]


def test_files_that_are_gone_are_said_to_be() -> None:
    world = make_world(2)
    run = merge_world(world)
    one, other = export(world, run), export(world, run, replace(POLICY, seed=5))
    shutil.rmtree(actions.folder_of(one))

    with pytest.raises(FilesGone, match="no longer on the disk"):
        compare_config(one, other, "stepwise")
    client = make_visitor("admin", world.project).client
    page = client.get(reverse("exports:compare_exports", args=[world.project.slug, other.pk]))
    assert "no longer on the disk" in page.content.decode()


@pytest.mark.parametrize("kind", VISITORS)
def test_the_page_is_for_engineers_and_admins(kind: str) -> None:
    world = make_world(2)
    run = merge_world(world)
    export(world, run)
    after = export(world, run, replace(POLICY, seed=5))

    page = make_visitor(kind, world.project).client.get(
        reverse("exports:compare_exports", args=[world.project.slug, after.pk])
    )

    assert page.status_code == expected_status(kind)


def test_the_page_compares_with_the_export_before_and_with_any_other() -> None:
    world = make_world(6)
    first = export(world, merge_world(world))
    for rating in world.right[0].ratings.all():
        amend(rating, [1, -1, None])
    second = export(world, merge_again(world))
    client = Client()
    client.force_login(world.engineer)
    path = reverse("exports:compare_exports", args=[world.project.slug, second.pk])

    page = client.get(path).content.decode()
    other = client.get(path, {"with": first.pk, "config": "preference"}).content.decode()

    assert f"What changed from export {first.pk} to {second.pk}" in page
    assert "Changed <span" in page
    assert "amended their rating" in page
    assert "<option selected>preference</option>" in other
    for wrong in ({"with": "x"}, {"with": "999999"}, {"with": "9" * 40}, {"config": "poems"}):
        assert client.get(path, wrong).status_code == 404


def test_rows_are_added_to_the_older_export_whichever_of_the_two_one_comes_from() -> None:
    world = make_world(3)
    run = merge_world(world)
    first, second = export(world, run), export(world, run)
    client = make_visitor("admin", world.project).client
    links = [
        client.get(reverse("exports:show_export", args=[world.project.slug, one.pk])).content.decode()
        for one in (first, second)
    ]
    assert "Compare with a later export" in links[0]
    assert f"What changed since export {first.pk}" in links[1]

    for one in (first, second):
        page = client.get(reverse("exports:compare_exports", args=[world.project.slug, one.pk]))
        assert f"What changed from export {first.pk} to {second.pk}" in page.content.decode()


def test_a_dataset_that_one_of_the_two_was_not_asked_for_is_the_reason_and_not_what_is_shown_first() -> None:
    world = make_world(4)
    run = merge_world(world)
    before = write_export(start_export(world, run, ("unpaired_preference",), policy=POLICY))
    after = export(world, run)

    rows = explain_rows(before, after, "stepwise", compare_config(before, after, "stepwise").rows)
    client = make_visitor("engineer", world.project).client
    page = client.get(reverse("exports:compare_exports", args=[world.project.slug, after.pk]))

    assert {row.reasons for row in rows} == {(f"Export {before.pk} was made without this dataset.",)}
    assert "A dataset more: stepwise." in describe_differences(before, after)
    assert "<option selected>unpaired_preference</option>" in page.content.decode()


def test_two_exports_of_evidence_alone_are_told_to_have_no_labels_to_compare() -> None:
    world = make_world(2)
    run = merge_world(world)
    one, other = (write_export(start_export(world, run, ("evidence",), policy=POLICY)) for _ in range(2))
    client = make_visitor("admin", world.project).client
    path = reverse("exports:compare_exports", args=[world.project.slug, other.pk])

    page = client.get(path)
    program = make_caller(world.engineer).get(f"/api/v1/exports/{other.pk}/comparison/")

    assert "there is no row to compare" in page.content.decode()
    assert client.get(path, {"config": "sft"}).status_code == 404
    assert (program.status_code, program.json()["before"], program.json()["configs"]) == (200, one.pk, [])


def test_a_first_export_has_nothing_to_be_compared_with() -> None:
    world = make_world(2)
    only = export(world, merge_world(world))
    client = make_visitor("admin", world.project).client

    page = client.get(reverse("exports:compare_exports", args=[world.project.slug, only.pk]))

    assert "no other finished export" in page.content.decode()


def test_a_program_reads_what_differs_and_why() -> None:
    world = make_world(6)
    before = export(world, merge_world(world))
    for rating in world.right[0].ratings.all():
        amend(rating, [1, -1, None])
    after = export(world, merge_again(world))
    caller = make_caller(world.engineer)

    path = f"/api/v1/exports/{after.pk}/comparison/"
    found = caller.get(path, {"before": before.pk, "config": "stepwise"}).json()

    (stepwise,) = found["configs"]
    (row,) = [row for row in stepwise["rows"] if row["key"] == [str(world.right[0].pk)]]
    assert (found["before"], found["after"], stepwise["num_added"]) == (before.pk, after.pk, 0)
    assert (row["kind"], row["before"]["label"], row["after"]["label"]) == ("changed", "✓ ✓ ✓", "✓ ✕ ✕")
    assert any("amended their rating (revision 2)" in reason for reason in row["reasons"])
    assert {config["config"] for config in caller.get(path, {"before": before.pk}).json()["configs"]} == set(
        CONFIGS
    )


def test_a_comparison_that_cannot_be_is_refused_in_words() -> None:
    world = make_world(3)
    one, foreign = export(world, merge_world(world)), make_world(1)
    other = export(foreign, merge_world(foreign))
    waiting = start_export(world)
    caller, path = make_caller(world.engineer), f"/api/v1/exports/{one.pk}/comparison/"

    assert caller.get(path).json()["detail"] == "The project has no such other export."
    assert caller.get(path, {"before": other.pk}).status_code == 404
    assert caller.get(path, {"before": "x"}).status_code == 400
    assert (
        caller.get(path, {"before": waiting.pk}).json()["detail"] == "Only finished exports can be compared."
    )
    assert make_caller(foreign.engineer).get(path, {"before": one.pk}).status_code == 404
    shutil.rmtree(actions.folder_of(one))
    assert caller.get(path, {"before": one.pk}).status_code == 404
