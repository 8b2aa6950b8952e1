"""How far an import has got, and what its first rows become."""

from __future__ import annotations

import datetime as dt

import pytest

from annotation.importing.layouts import LAYOUTS, BadMapping
from annotation.importing.rows import Row
from annotation.models import ImportRefusal, JobState
from annotation.queries.imports import (
    get_import_progress,
    list_import_runs,
    list_import_sources,
    preview_rows,
    show_raw_rows,
)
from tests.factories import NOW, make_import_run, make_import_source, make_project

STEPS = {"prompt": "p", "steps": "s", "labels": "l"}
COLUMNS = ["p", "s", "l"]


@pytest.mark.django_db
class TestProgress:
    def test_a_run_that_waits_knows_how_much_there_is_and_no_time(self) -> None:
        run = make_import_run(make_import_source(num_rows=10), num_read=0, num_refused=0)

        progress = get_import_progress(run, now=NOW)

        assert (progress.num_expected, progress.elapsed_seconds, progress.eta_seconds) == (10, 0.0, None)
        assert progress.has_bar

    def test_a_run_at_work_says_how_long_the_rest_takes_at_its_pace(self) -> None:
        source = make_import_source(num_rows=10)
        run = make_import_run(source, state=JobState.RUNNING, started_at=NOW, num_read=4)

        progress = get_import_progress(run, now=NOW + dt.timedelta(seconds=8))

        assert progress.elapsed_seconds == 8.0
        assert progress.eta_seconds == 12.0

    def test_only_as_many_rows_are_expected_as_were_asked_for(self) -> None:
        run = make_import_run(make_import_source(num_rows=10), max_rows=3)

        assert get_import_progress(run, now=NOW).num_expected == 3

    def test_a_source_of_unknown_size_has_no_bar_and_no_time(self) -> None:
        source = make_import_source(num_rows=None)
        run = make_import_run(source, state=JobState.RUNNING, started_at=NOW, max_rows=3)

        progress = get_import_progress(run, now=NOW + dt.timedelta(seconds=8))

        assert not progress.has_bar
        assert progress.eta_seconds is None

    def test_a_run_that_ended_took_its_time_and_takes_no_more(self) -> None:
        source = make_import_source(num_rows=10)
        end = NOW + dt.timedelta(seconds=5)
        run = make_import_run(source, state=JobState.FINISHED, started_at=NOW, finished_at=end, num_read=10)

        progress = get_import_progress(run, now=NOW + dt.timedelta(hours=1))

        assert (progress.elapsed_seconds, progress.eta_seconds) == (5.0, None)

    def test_reasons_are_counted_the_commonest_first(self) -> None:
        run = make_import_run(num_read=4, num_refused=4)
        for number, reason in ((2, "b"), (3, "b"), (4, "a")):
            ImportRefusal.objects.create(run=run, number=number, reason=reason)

        assert get_import_progress(run, now=NOW).reasons == (("b", 2), ("a", 1), ("“prompt” is empty.", 1))

    def test_a_project_lists_its_own_imports_only_the_newest_first(self) -> None:
        project = make_project()
        source = make_import_source(project)
        old = make_import_run(source)
        new = make_import_run(source, queued_at=NOW + dt.timedelta(seconds=1))
        make_import_run()

        assert list(list_import_runs(project)) == [new, old]
        assert list(list_import_sources(project)) == [source]


class TestPreview:
    def test_a_row_shows_its_steps_and_what_its_labels_say(self) -> None:
        rows = [
            Row(1, {"p": "A", "s": ["x", "y", "z"], "l": [1, 0, None]}),
            Row(2, {"p": "B", "s": ["x"], "l": [1]}),
            Row(3, {"p": "C", "s": [], "l": []}),
        ]

        first, second, third = preview_rows(rows, LAYOUTS["steps"], STEPS, COLUMNS)

        assert (first.num_steps, first.labels_in_words) == (3, "first error at step 2")
        assert (second.num_steps, second.labels_in_words) == (1, "no error")
        assert (third.item, third.fault) == (None, "“s” holds no steps.")
        assert (third.num_steps, third.labels_in_words) == (None, "")

    def test_a_prompt_alone_has_no_steps_and_no_labels(self) -> None:
        [row] = preview_rows([Row(1, {"p": "A"})], LAYOUTS["prompts"], {"prompt": "p"}, ["p"])

        assert (row.num_steps, row.labels_in_words) == (None, "")

    def test_a_trace_that_the_segmenter_will_cut_has_no_number_of_steps_yet(self) -> None:
        mapped = {"prompt": "p", "completion": "c"}
        [row] = preview_rows([Row(1, {"p": "A", "c": "x"})], LAYOUTS["completions"], mapped, ["p", "c"])

        assert row.num_steps is None

    def test_a_bad_problem_says_so(self) -> None:
        question = {"problem": "A", "ground_truth_answer": "1"}
        step = {"completions": [{"text": "x", "rating": 1}], "chosen_completion": 0}
        values = {"question": question, "label": {"steps": [step], "finish_reason": "bad_problem"}}

        [row] = preview_rows([Row(1, values)], LAYOUTS["prm800k"], {}, ["question", "label"])

        assert row.labels_in_words == "PRM800K's finish reason: bad_problem"

    def test_a_row_that_could_not_be_read_says_why(self) -> None:
        [row] = preview_rows([Row(7, fault="not JSON.")], LAYOUTS["prompts"], {"prompt": "p"}, ["p"])

        assert (row.number, row.fault) == (7, "not JSON.")

    def test_columns_that_do_not_fit_show_nothing(self) -> None:
        with pytest.raises(BadMapping):
            preview_rows([], LAYOUTS["prompts"], {}, ["p"])

    def test_rows_as_they_came_have_a_text_for_each_column(self) -> None:
        [row] = show_raw_rows([Row(3, {"p": "A", "s": ["x"], "n": None})], ["p", "s", "n", "gone"])

        assert row.cells == ("A", '["x"]', "", "")
