"""What raters picked or wrote in place of the first error becomes step preferences, in preview and snapshot alike."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from annotation.merging.data import MergePolicy
from annotation.models import JobState, Rating
from exports.formats import step_preference
from exports.policy import ExportPolicy
from exports.preview import preview_export
from exports.rewrites import pair_rewrite, stream_rewrites
from tests.exports.candidates import make_trace
from tests.exports.worlds import WRONG, World, make_world, merge_world, start_export, write_export
from tests.factories import NOW, make_rating
from tests.factories import make_trace as make_trace_row

BETTER = "3 + 4 = 7, so he has 7."


def rewrite_wrong(world: World, rewrites: dict[str, str], place: int = 0) -> Rating:
    """One rater's rewrites of one wrong trace."""
    rating = world.wrong[place].ratings.order_by("pk")[0]
    Rating.objects.filter(pk=rating.pk).update(rewrites=rewrites)
    return rating


def first_error_of(world: World) -> int:
    labels = world.wrong[0].ratings.order_by("pk")[0].labels
    return labels.index(-1)


class TestPair:
    def test_both_sides_share_the_steps_before_and_differ_in_the_next(self) -> None:
        trace = make_trace((0.99, 0.05, 0.05))

        pair = pair_rewrite(trace, 1, "  Better \n\n")

        assert pair is not None
        assert pair.chosen.steps == ["One.\n", "Better\n"]
        assert pair.rejected.steps == trace.steps
        row = step_preference.make_row(pair, ExportPolicy(), "standard")
        assert isinstance(row, dict)
        assert (row["chosen"], row["rejected"]) == ("Better\n", "Two.\n")
        assert row["prompt"].endswith("One.\n")
        assert row["chosen_trace"] == row["rejected_trace"] == "1"

    def test_the_margin_is_how_sure_the_merge_is_of_the_error(self) -> None:
        sure = pair_rewrite(make_trace((0.99, 0.001, 0.001)), 1, "Better")
        half = pair_rewrite(make_trace((0.99, 0.2, 0.2)), 1, "Better")
        stands = pair_rewrite(make_trace((0.99, 0.9, 0.9)), 1, "Better")

        assert sure is not None and sure.margin == 3.0
        assert half is not None and half.margin == pytest.approx(math.log(0.8 / 0.2))
        assert stands is not None and stands.margin == 0.0

    @pytest.mark.parametrize("rewrite", ["", "  \n", "Two.", " Two. \n"])
    def test_the_same_step_or_nothing_is_no_pair(self, rewrite: str) -> None:
        assert pair_rewrite(make_trace((0.99, 0.05, 0.05)), 1, rewrite) is None

    def test_a_step_that_stands_by_the_merge_makes_no_row(self) -> None:
        pair = pair_rewrite(make_trace((0.99, 0.9, 0.9)), 1, "Better")

        assert pair is not None
        assert not isinstance(step_preference.make_row(pair, ExportPolicy(), "standard"), dict)


@pytest.mark.django_db
class TestStream:
    def test_a_rewrite_of_the_first_error_is_streamed_and_others_are_not(self) -> None:
        world = make_world(2)
        error = first_error_of(world)
        rewrite_wrong(world, {str(error): BETTER, "0" if error else "1": "Not the first error."})
        run = merge_world(world)

        (pair,) = stream_rewrites(run)

        assert pair.rejected.trace_id == world.wrong[0].pk
        assert pair.chosen.steps[-1].strip() == BETTER
        assert pair.chosen.steps[:-1] == list(WRONG[:error])

    def test_what_came_after_the_merge_started_is_not_read(self) -> None:
        world = make_world(1)
        error = first_error_of(world)
        old = rewrite_wrong(world, {str(error): BETTER})
        run = merge_world(world)
        Rating.objects.filter(pk=old.pk).update(is_current=False)
        make_rating(
            world.wrong[0],
            assignment=old.assignment,
            labels=old.labels,
            revision=2,
            rewrites={str(error): "Later"},
            submitted_at=NOW + dt.timedelta(days=1),
        )

        assert [pair.chosen.steps[-1].strip() for pair in stream_rewrites(run)] == [BETTER]

    def test_two_raters_who_say_the_same_count_once(self) -> None:
        world = make_world(1)
        error = first_error_of(world)
        world.wrong[0].ratings.update(rewrites={str(error): BETTER})

        assert len(list(stream_rewrites(merge_world(world)))) == 1

    def test_a_program_teaches_nothing(self) -> None:
        world = make_world(1)
        rating = rewrite_wrong(world, {str(first_error_of(world)): BETTER})
        type(rating.rater).objects.filter(pk=rating.rater_id).update(is_simulated=True)

        assert list(stream_rewrites(merge_world(world))) == []


@pytest.mark.django_db
@pytest.mark.parametrize(("minimum", "num_rows"), [(1, 1), (2, 0)])
def test_what_one_person_rewrote_is_taken_where_one_is_enough_and_only_there(
    minimum: int, num_rows: int
) -> None:
    world = make_world(1)
    trace = make_trace_row(world.prompts[0], steps=WRONG)
    make_rating(trace, world.raters[0], labels=(1, -1, None), rewrites={"1": BETTER})
    run = merge_world(world, MergePolicy("majority"))
    policy = ExportPolicy(minimum_raters=minimum, validation_share=0.0, test_share=0.0)

    export = write_export(start_export(world, run, configs=("step_preference", "prompts"), policy=policy))

    counts = export.manifest["counts"]["configs"]["step_preference"]
    assert counts["provenance"].get("none", 0) == num_rows
    dropped = export.manifest["loss_report"]["dropped"].get("step_preference", {})
    assert dropped.get("too_few_raters", 0) == 1 - num_rows


@pytest.mark.django_db
def test_the_preview_announces_one_row_more() -> None:
    world = make_world()
    before = count_rows(world)
    rewrite_wrong(world, {str(first_error_of(world)): BETTER})

    assert count_rows(world) == before + 1


@pytest.mark.django_db
def test_the_export_holds_the_rewrite_as_its_raters_word(settings: Any, tmp_path: Path) -> None:
    settings.EXPORTS_DIR = tmp_path
    world = make_world()
    rewrite_wrong(world, {str(first_error_of(world)): BETTER})

    export = write_export(start_export(world, configs=("step_preference",)))

    assert export.state == JobState.FINISHED, export.error
    tables = [pq.read_table(path).to_pylist() for path in tmp_path.rglob("step_preference/*.parquet")]
    found = [row for rows in tables for row in rows if row["chosen"].strip() == BETTER]
    assert len(found) == 1
    assert found[0]["rejected"] == WRONG[1]
    assert found[0]["prompt"].endswith(WRONG[0])
    assert found[0]["chosen_trace"] == found[0]["rejected_trace"] == str(world.wrong[0].pk)


def count_rows(world: World) -> int:
    """The rows of step preferences that a preview announces."""
    run = merge_world(world)
    preview = preview_export(world.project, run, ExportPolicy(), ["step_preference"], "standard")
    return preview.configs[0].num_rows
