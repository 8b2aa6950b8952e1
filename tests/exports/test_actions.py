"""Exports: the whole way from ratings to files, and every way it can end otherwise."""

from __future__ import annotations

import errno
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow.parquet as pq
import pytest

from annotation.actions import merges
from annotation.actions.jobs import JobLost, JobNotStartable, NotOpen
from annotation.merging.data import MergePolicy
from annotation.models import AuditEvent, JobState, MergedPreference, MergedTrace, MergeRun
from exports import actions
from exports.checks import CheckFailed
from exports.files import HashingFile
from exports.manifest import hash_manifest
from exports.models import Export
from exports.policy import CONFIGS, ExportPolicy
from exports.tasks import write_export as write_export_task
from tests.exports.worlds import (
    LATER,
    RIGHT,
    TEMPLATE,
    World,
    call_broken,
    make_world,
    merge_world,
    start_export,
    write_export,
)
from tests.factories import NOW, make_member, make_project, make_rating, make_trace

pytestmark = pytest.mark.django_db
ALL_TRAIN = ExportPolicy(validation_share=0.0, test_share=0.0)


def read_rows(export: Export, config: str, split: str | None = None) -> list[dict[str, Any]]:
    folder = actions.folder_of(export)
    names = [
        name
        for name, entry in sorted(export.manifest["files"].items())
        if entry["config"] == config and split in (None, entry["split"])
    ]
    return [row for name in names for row in pq.read_table(folder / name, partitioning=None).to_pylist()]


def read_bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_one_click_goes_from_ratings_to_files() -> None:
    world = make_world()

    export = write_export(start_export(world, policy=ALL_TRAIN))

    assert (export.state, export.error) == (JobState.FINISHED, "")
    assert export.merge_run.state == JobState.FINISHED
    rows = read_rows(export, "stepwise")
    assert len(rows) == 24
    assert {tuple(row["labels"]) for row in rows} == {(1, 1, 1), (1, 0, 0)}
    assert {row["provenance"] for row in rows} == {"human"}
    assert len(read_rows(export, "preference")) == 12
    assert len(read_rows(export, "step_preference")) == 12
    assert {row["label"] for row in read_rows(export, "unpaired_preference")} == {True, False}
    assert {row["completion"] for row in read_rows(export, "sft")} == {"".join(RIGHT)}
    assert len(read_rows(export, "prompts")) == 12
    assert len(read_rows(export, "evidence")) == 12 * 6 + 2


def test_prompts_are_what_the_model_was_given() -> None:
    world = make_world(3)

    export = write_export(start_export(world, policy=ALL_TRAIN))

    asked = {TEMPLATE.replace("{prompt}", prompt.text) for prompt in world.prompts}
    assert {row["prompt"] for row in read_rows(export, "sft")} == asked
    assert {row["prompt"] for row in read_rows(export, "prompts")} == asked


def test_a_trace_without_a_batch_was_given_its_prompt_as_it_stands() -> None:
    world = make_world(1)
    imported = make_trace(world.prompts[0], steps=("It is 7.",))
    for rater in world.raters:
        make_rating(imported, rater, labels=(1,))

    export = write_export(start_export(world, policy=ALL_TRAIN, configs=("sft",)))

    found = {row["trace_id"]: row["prompt"] for row in read_rows(export, "sft")}
    assert found[str(imported.pk)] == world.prompts[0].text


def test_the_manifest_holds_hashes_counts_versions_and_losses() -> None:
    world = make_world()

    export = write_export(start_export(world, policy=ALL_TRAIN))

    content = (actions.folder_of(export) / "manifest.json").read_bytes()
    assert json.loads(content) == export.manifest
    assert hash_manifest(content) == export.content_hash
    manifest = export.manifest
    assert (manifest["format"], manifest["product"], manifest["project"]) == (1, "gradus", world.project.slug)
    assert manifest["merge"]["version"] == "chain-2"
    assert manifest["segmenters"] == ["lines@1"]
    assert [judge["is_used"] for judge in manifest["judges"]] == [False]
    assert manifest["counts"]["configs"]["stepwise"]["rows"] == {"train": 24}
    assert manifest["counts"]["configs"]["stepwise"]["labels"] == {"0": 24, "1": 48}
    assert manifest["loss_report"]["dropped"]["stepwise"] == {"gold": 1, "no_evidence": 1}
    assert manifest["loss_report"]["mean_chosen_length"] == len("".join(RIGHT))


@pytest.mark.parametrize("form", ["standard", "conversational"])
def test_the_same_export_twice_is_the_same_bytes(form: Any, exports_dir: Path) -> None:
    world = make_world()
    run = merge_world(world)

    first = write_export(start_export(world, run, form=form))
    before = read_bytes(actions.folder_of(first))
    actions.folder_of(first).rename(exports_dir / "aside")
    second = write_export(start_export(world, run, form=form))

    assert first.content_hash == second.content_hash
    assert read_bytes(actions.folder_of(second)) == before


def test_a_second_merge_of_the_same_ratings_gives_the_same_export() -> None:
    world = make_world()

    first = write_export(start_export(world))
    second = write_export(start_export(world))

    assert first.merge_run_id != second.merge_run_id
    assert first.content_hash == second.content_hash
    assert actions.folder_of(second).is_dir()


def test_ratings_that_come_later_do_not_change_an_export_of_an_older_merge() -> None:
    world = make_world()
    run = merge_world(world)
    first = write_export(start_export(world, run))
    make_rating(world.silent, make_member(world.project), labels=(1,), submitted_at=LATER.replace(hour=20))

    second = write_export(start_export(world, run))

    assert first.content_hash == second.content_hash


@pytest.mark.parametrize("dies_after", [1, 40, 400])
def test_a_worker_killed_on_the_way_is_followed_by_identical_files(
    dies_after: int, exports_dir: Path
) -> None:
    world = make_world()
    run = merge_world(world)
    whole = read_bytes(actions.folder_of(write_export(start_export(world, run))))
    policy = ExportPolicy()
    export = start_export(world, run, policy=policy)
    for path in exports_dir.iterdir():
        path.rename(exports_dir.parent / "whole")

    dying = patch.object(HashingFile, "write", _fail_after(dies_after, KeyboardInterrupt))
    with dying, pytest.raises(KeyboardInterrupt):
        actions.write_export(export_id=export.pk, clock=lambda: NOW)
    export.refresh_from_db()
    assert (export.state, export.manifest) == (JobState.RUNNING, None)

    again = write_export(export)

    assert again.num_attempts == 2
    assert read_bytes(actions.folder_of(again)) == whole
    assert [path.name for path in exports_dir.iterdir()] == [again.content_hash]


def test_what_a_killed_worker_left_on_the_disk_is_removed(exports_dir: Path) -> None:
    world = make_world(2)
    export = start_export(world)
    leftover = exports_dir / f".draft-{export.pk}-1"
    leftover.mkdir(parents=True)
    (leftover / "half.parquet").write_bytes(b"PAR1")

    export = write_export(export)

    assert [path.name for path in exports_dir.iterdir()] == [export.content_hash]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_fails_the_export_with_a_sentence_and_leaves_nothing(
    code: int, exports_dir: Path
) -> None:
    world = make_world(3)
    export = start_export(world)

    with patch.object(HashingFile, "write", _fail_after(5, lambda: OSError(code, "No room"))):
        export = write_export(export)

    assert export.state == JobState.FAILED
    assert export.error.startswith("The disk is full, so nothing was exported.")
    assert (export.manifest, export.content_hash) == (None, "")
    assert list(exports_dir.iterdir()) == []


def test_a_disk_that_fills_at_the_very_end_leaves_nothing_either(exports_dir: Path) -> None:
    world = make_world(3)
    export = start_export(world)

    with patch("exports.snapshot.write_file", side_effect=OSError(errno.ENOSPC, "No room")):
        export = write_export(export)

    assert export.state == JobState.FAILED
    assert list(exports_dir.iterdir()) == []


def test_another_disk_error_is_no_result() -> None:
    export = start_export(make_world(2))

    breaking = patch.object(HashingFile, "write", _fail_after(5, lambda: OSError(errno.EIO, "Broken")))
    with breaking, pytest.raises(OSError, match="Broken"):
        write_export(export)

    export.refresh_from_db()
    assert export.state == JobState.RUNNING  # the reaper gives it to another worker


def test_a_failed_check_fails_the_export_with_the_row(exports_dir: Path) -> None:
    export = start_export(make_world(2))

    with patch("exports.snapshot.check_files", side_effect=CheckFailed("sft/train, row 3: it is blank.")):
        export = write_export(export)

    assert (export.state, export.error) == (JobState.FAILED, "sft/train, row 3: it is blank.")
    assert list(exports_dir.iterdir()) == []


def test_an_export_without_a_row_says_why() -> None:
    world = make_world(2)

    export = write_export(start_export(world, configs=("stepwise",), policy=ExportPolicy(minimum_raters=5)))

    assert export.state == JobState.FAILED
    assert "4 of them because they rest on people alone, and on fewer raters" in export.error


def test_a_config_without_rows_is_left_out_with_its_reason() -> None:
    world = make_world(2)
    MergedPreference.objects.all().delete()
    run = merge_world(world)
    MergedPreference.objects.filter(run=run).delete()

    export = write_export(start_export(world, run, configs=("sft", "preference")))

    assert {entry["config"] for entry in export.manifest["files"].values()} == {"sft"}
    assert export.manifest["loss_report"]["empty_configs"] == {
        "preference": "There was nothing to make a row of."
    }
    assert "config_name: preference" not in (actions.folder_of(export) / "README.md").read_text()


def test_gold_evaluates_and_never_trains() -> None:
    world = make_world()

    trains = write_export(start_export(world, configs=("stepwise",), policy=ALL_TRAIN))
    tests = write_export(
        start_export(
            world, configs=("stepwise",), policy=ExportPolicy(test_share=0.99, validation_share=0.0, seed=3)
        )
    )

    gold = str(world.gold.pk)
    assert gold not in {row["trace_id"] for row in read_rows(trains, "stepwise")}
    assert gold in {row["trace_id"] for row in read_rows(tests, "stepwise", "test")}


def test_one_rater_is_enough_only_where_it_is_asked_for() -> None:
    world = make_world(1)
    make_rating(world.silent, make_member(world.project), labels=(1,))

    strict = write_export(start_export(world, configs=("stepwise",), policy=ALL_TRAIN))
    loose = write_export(
        start_export(
            world,
            configs=("stepwise",),
            policy=ExportPolicy(minimum_raters=1, validation_share=0.0, test_share=0.0),
        )
    )

    silent = str(world.silent.pk)
    assert silent not in {row["trace_id"] for row in read_rows(strict, "stepwise")}
    found = {row["trace_id"]: row["provenance"] for row in read_rows(loose, "stepwise")}
    assert found[silent] == "none"


def test_what_judges_alone_labelled_trains_and_never_evaluates() -> None:
    world = make_world(30)
    run = merge_world(world)
    MergedTrace.objects.filter(run=run, trace__in=world.right).update(provenance="ai", num_blind_raters=0)
    policy = ExportPolicy(validation_share=0.2, test_share=0.2)

    export = write_export(start_export(world, run, configs=("stepwise",), policy=policy))

    assert {row["provenance"] for row in read_rows(export, "stepwise", "train")} == {"ai", "human"}
    assert {row["provenance"] for row in read_rows(export, "stepwise", "test")} <= {"human", "gold"}
    assert export.manifest["loss_report"]["dropped"]["stepwise"]["not_for_evaluation"] > 0


def test_prompts_that_raters_call_broken_are_left_out() -> None:
    world = make_world(3)
    call_broken(world, world.prompts[2])
    call_broken(world, world.prompts[2])

    taken = write_export(start_export(world, policy=ALL_TRAIN))
    kept = write_export(
        start_export(
            world,
            policy=ExportPolicy(validation_share=0.0, test_share=0.0, leaves_out_bad_prompts=False),
        )
    )

    broken = str(world.prompts[2].pk)
    for config in ("stepwise", "preference", "prompts"):
        assert broken not in {row["prompt_id"] for row in read_rows(taken, config)}
        assert broken in {row["prompt_id"] for row in read_rows(kept, config)}


def test_a_wrong_reference_keeps_a_prompt_from_rewards_only() -> None:
    world = make_world(2)
    for trace in (world.right[1], world.wrong[1]):
        trace.ratings.update(is_reference_wrong=True)

    export = write_export(start_export(world, policy=ALL_TRAIN))

    suspect = str(world.prompts[1].pk)
    assert suspect not in {row["prompt_id"] for row in read_rows(export, "prompts")}
    assert suspect in {row["prompt_id"] for row in read_rows(export, "stepwise")}


def test_only_the_models_asked_for_are_exported() -> None:
    world = make_world(1)
    other = make_trace(world.prompts[0], steps=("It is 7.",), model_name="other model")
    for rater in world.raters:
        make_rating(other, rater, labels=(1,))
    policy = ExportPolicy(validation_share=0.0, test_share=0.0, models=("other model",))

    export = write_export(start_export(world, policy=policy, configs=("stepwise",)))

    assert [row["trace_id"] for row in read_rows(export, "stepwise")] == [str(other.pk)]


def test_odd_characters_survive_to_the_byte() -> None:
    world = make_world(1)
    steps = ("\u202eשלום\r\n", "e\u0301 = é?\n\n", "  \U0001f9ee \u00a0x ")
    trace = make_trace(world.prompts[0], steps=steps)
    for rater in world.raters:
        make_rating(trace, rater, labels=(1, 1, 1))

    export = write_export(start_export(world, policy=ALL_TRAIN))

    row = next(r for r in read_rows(export, "stepwise") if r["trace_id"] == str(trace.pk))
    assert tuple(row["completions"]) == steps


def test_a_merge_under_way_is_taken_instead_of_a_second_one() -> None:
    world = make_world(2)
    queued = merges.start_merge(project=world.project, policy=MergePolicy(), actor=world.engineer, now=NOW)

    export = write_export(start_export(world))

    assert export.merge_run_id == queued.pk
    assert export.state == JobState.FINISHED
    assert MergeRun.objects.count() == 1


@pytest.mark.parametrize(
    "other", [MergePolicy("majority"), MergePolicy(recovery="learned"), MergePolicy(use_verdict=True)]
)
def test_a_merge_under_way_by_another_policy_is_never_taken_for_the_one_asked_for(other: MergePolicy) -> None:
    world = make_world(2)
    queued = merges.start_merge(project=world.project, policy=other, actor=world.engineer, now=NOW)

    with pytest.raises(actions.MergeUnfit, match=f"Merge {queued.pk} .* by {other.words}.* the policy chain"):
        start_export(world)

    assert not Export.objects.exists()


def test_the_manifest_says_whether_the_verdict_entered_and_not_whether_it_was_asked_for() -> None:
    world = make_world(2)
    run = merge_world(world, MergePolicy(use_verdict=True))
    no_judge = write_export(start_export(world, run, configs=("sft",), policy=ALL_TRAIN))
    run.diagnostics["calibrations"] = [{"judges": ["oracle@1"], "is_calibrated": True}]
    run.save()

    judged = write_export(start_export(world, run, configs=("sft",), policy=ALL_TRAIN))

    assert no_judge.manifest["merge"]["uses_verdict"] is False
    assert judged.manifest["merge"]["uses_verdict"] is True


def test_an_export_waits_for_a_merge_that_runs_elsewhere() -> None:
    world = make_world(2)
    export = start_export(world)
    real_run = merges.run_merge
    calls: list[int] = []

    def run_elsewhere_first(*, run_id: int, clock: Callable[[], Any]) -> None:
        calls.append(run_id)
        if len(calls) == 1:
            raise JobNotStartable("It is running elsewhere.")
        real_run(run_id=run_id, clock=clock)

    with (
        patch("exports.actions.merges.run_merge", run_elsewhere_first),
        patch("exports.actions.time.sleep") as sleep,
    ):
        export = write_export(export)

    sleep.assert_called_once()
    assert export.state == JobState.FINISHED


def test_a_cancelled_merge_fails_its_export() -> None:
    world = make_world(2)
    export = start_export(world)
    merges.cancel_merge(run=export.merge_run, actor=world.engineer, now=NOW)

    export = write_export(export)

    assert export.state == JobState.FAILED
    assert "was cancelled" in export.error


def test_a_cancelled_export_keeps_nothing(exports_dir: Path) -> None:
    world = make_world(2)
    export = start_export(world, merge_world(world))

    def cancel_meanwhile(*_: object) -> None:
        actions.cancel_export(export=Export.objects.get(pk=export.pk), actor=world.engineer, now=NOW)  # type: ignore[misc]

    with patch("exports.snapshot.check_files", side_effect=cancel_meanwhile), pytest.raises(JobLost):
        write_export(export)

    export.refresh_from_db()
    assert (export.state, export.manifest) == (JobState.CANCELLED, None)
    assert list(exports_dir.iterdir()) == []


def test_a_finished_export_can_not_be_cancelled() -> None:
    world = make_world(2)
    export = write_export(start_export(world))

    with pytest.raises(NotOpen, match="finished already"):
        actions.cancel_export(export=export, actor=world.engineer, now=NOW)


def test_the_task_leaves_a_finished_export_alone() -> None:
    export = write_export(start_export(make_world(2)))

    write_export_task(export.pk)

    export.refresh_from_db()
    assert export.num_attempts == 1


def start_wrongly(world: World, **fields: Any) -> None:
    defaults: dict[str, Any] = {
        "project": world.project,
        "merge": MergePolicy(),
        "configs": CONFIGS,
        "form": "standard",
        "policy": ExportPolicy(),
        "actor": world.engineer,
        "now": NOW,
    }
    actions.start_export(**{**defaults, **fields})


@pytest.mark.parametrize("configs", [(), ("poems",), ("sft", "poems")])
def test_without_a_dataset_nothing_starts(configs: tuple[str, ...]) -> None:
    with pytest.raises(actions.NoConfigs):
        start_wrongly(make_world(1), configs=configs)

    assert not Export.objects.exists()


def test_another_projects_merge_can_not_be_exported() -> None:
    run = merge_world(make_world(1))

    with pytest.raises(actions.MergeUnfit, match="another project"):
        start_wrongly(make_world(1), merge=run)


def test_a_failed_merge_can_not_be_exported() -> None:
    world = make_world(1)
    run = merge_world(world)
    MergeRun.objects.filter(pk=run.pk).update(state=JobState.FAILED)
    run.refresh_from_db()

    with pytest.raises(actions.MergeUnfit, match="did not finish"):
        start_wrongly(world, merge=run)


def test_nothing_to_merge_leaves_no_export_behind() -> None:
    project = make_project()

    with pytest.raises(merges.NothingToMerge):
        start_wrongly(make_world(1), project=project)

    assert not Export.objects.exists()
    assert not MergeRun.objects.filter(project=project).exists()


def test_starting_and_cancelling_are_in_the_audit_log() -> None:
    world = make_world(1)
    export = start_export(world, configs=("sft",))

    actions.cancel_export(export=export, actor=world.engineer, now=NOW)

    verbs = list(
        AuditEvent.objects.filter(project=world.project).order_by("pk").values_list("verb", flat=True)
    )
    assert verbs == ["started a merge", "started an export", "cancelled an export"]


def _fail_after(calls: int, error: Callable[[], BaseException]) -> Callable[[HashingFile, bytes], int]:
    """`HashingFile.write` that raises at its n-th call."""
    real = HashingFile.write
    count = 0

    def write(self: HashingFile, data: bytes) -> int:
        nonlocal count
        count += 1
        if count >= calls:
            raise error()
        return real(self, data)

    return write


@pytest.fixture
def tiny_disk(exports_dir: Path) -> Iterator[Path]:
    """A real file system with room for 48 KiB, where this machine lets us mount one."""
    exports_dir.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", str(exports_dir)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    yield exports_dir
    subprocess.run(["umount", str(exports_dir)], check=True)


def test_a_disk_that_is_really_full_fails_the_export_and_is_left_empty(tiny_disk: Path) -> None:
    export = write_export(start_export(make_world(60)))

    assert export.state == JobState.FAILED
    assert export.error.startswith("The disk is full")
    assert list(tiny_disk.iterdir()) == []
