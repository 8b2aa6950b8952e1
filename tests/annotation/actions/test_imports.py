"""Imports: a source is looked at, then stored row by row, each of them once, whatever happens."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest

from annotation.actions import import_rows, imports, jobs, retention
from annotation.actions.import_rows import inspect_source, run_import
from annotation.actions.imports import ImportPlan, add_file_source, add_hub_source, start_import
from annotation.importing.layouts import BadMapping
from annotation.importing.rows import Row, SourceUnreadable
from annotation.models import (
    AuditEvent,
    ImportRun,
    ImportSource,
    JobState,
    Project,
    Prompt,
    Rating,
    Trace,
)
from annotation.queries.imports import list_known_rows, list_refusals
from annotation.rules.segmentation import UnknownSegmenter
from tests.factories import NOW, make_account, make_import_source, make_project, make_prompt

pytestmark = pytest.mark.django_db
LATER = NOW + dt.timedelta(minutes=1)
PROMPTS = ImportPlan(layout="prompts", mapping={"prompt": "prompt"})
STEPS = ImportPlan(
    layout="steps",
    mapping={"prompt": "prompt", "steps": "steps", "labels": "labels"},
    segmenter="auto@1",
    rater_name="Trusted labels",
)


def clock() -> dt.datetime:
    return LATER


@pytest.fixture(autouse=True)
def uploads(tmp_path: Path, settings: Any) -> Path:
    settings.UPLOADS_DIR = tmp_path / "uploads"
    settings.DATASET_FOLDERS = [tmp_path / "allowed"]
    return tmp_path / "uploads"


@pytest.fixture(autouse=True)
def quiet_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """The beating thread has a connection of its own, which can't see what a test's transaction holds."""
    monkeypatch.setattr("annotation.actions.beating.BEAT_SECONDS", 60.0)


def lines(*rows: dict[str, Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def look_at(content: bytes, name: str = "rows.jsonl", project: Project | None = None) -> ImportSource:
    source = add_file_source(
        project=project or make_project(),
        file=io.BytesIO(content),
        file_name=name,
        actor=make_account(),
        now=NOW,
    )
    inspect_source(source_id=source.pk, clock=clock)
    source.refresh_from_db()
    return source


def import_rows_of(source: ImportSource, plan: ImportPlan = PROMPTS) -> ImportRun:
    run = start_import(source=source, plan=plan, actor=make_account(), now=NOW)
    run_import(run_id=run.pk, clock=clock)
    run.refresh_from_db()
    return run


def test_a_source_shows_its_columns_rows_and_size_and_stores_no_prompt() -> None:
    source = look_at(lines({"prompt": "A", "answer": 7}, {"prompt": "B\x00", "more": [1]}) + b"oops\n")

    assert source.state == JobState.FINISHED
    assert source.columns == ["prompt", "answer", "more"]
    assert source.num_rows == 3
    assert source.sample[1]["values"] == {"prompt": "B", "more": [1]}
    assert source.sample[2]["fault"].startswith("not JSON")
    assert not Prompt.objects.exists()


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"\n", "rows.jsonl", "The source holds no rows."),
        (b"nothing", "rows.parquet", "The file is not Parquet"),
    ],
)
def test_a_source_that_cannot_be_read_says_why(content: bytes, name: str, words: str) -> None:
    source = look_at(content, name)

    assert source.state == JobState.FAILED
    assert source.error.startswith(words)


def test_a_file_of_an_unknown_kind_is_kept_nowhere(uploads: Path) -> None:
    with pytest.raises(SourceUnreadable):
        look_at(b"x", "rows.xlsx")

    assert not ImportSource.objects.exists()
    assert not uploads.exists() or list(uploads.iterdir()) == []


def test_prompts_are_stored_counted_and_their_duplicates_too() -> None:
    project = make_project()
    make_prompt(project, text="B")
    source = look_at(lines({"prompt": "A"}, {"prompt": "B"}, {"prompt": "A"}), project=project)

    run = import_rows_of(source)

    assert (run.state, run.num_read) == (JobState.FINISHED, 3)
    assert (run.num_prompts, run.num_duplicates, run.num_refused) == (1, 2, 0)
    prompt = Prompt.objects.get(project=project, text="A")
    assert prompt.source == {"import": run.pk, "file": "rows.jsonl", "line": 1}
    assert AuditEvent.objects.filter(verb="started an import", project=project).exists()


def test_a_refused_row_keeps_its_number_reason_and_text_and_the_others_go_on() -> None:
    source = look_at(lines({"prompt": "A"}, {"prompt": " "}, {"prompt": "C", "v": "oracle"}) + b"{oops\n")
    plan = ImportPlan(layout="prompts", mapping={"prompt": "prompt", "verifier": "v"})

    run = import_rows_of(source, plan)

    assert (run.num_prompts, run.num_refused) == (1, 3)
    told = [(refusal.number, refusal.reason, refusal.raw) for refusal in run.refusals.all()]
    assert told[0] == (2, "“prompt” is empty.", '{"prompt": " "}')
    assert told[1][1].startswith("there is no verifier “oracle”")
    assert told[2][0] == 4
    assert told[2][2] == "{oops"


def test_all_or_nothing_stores_nothing_where_one_row_is_refused() -> None:
    source = look_at(lines({"prompt": "A"}, {"prompt": " "}))
    plan = ImportPlan(layout="prompts", mapping={"prompt": "prompt"}, is_all_or_nothing=True)

    run = import_rows_of(source, plan)

    assert run.state == JobState.FAILED
    assert run.error == "1 row can't be taken, so nothing was stored, as you asked."
    assert not Prompt.objects.exists()
    assert run.refusals.get().number == 2


def test_a_verifier_for_the_whole_source_is_given_to_rows_that_have_an_answer() -> None:
    source = look_at(lines({"prompt": "A", "answer": "7"}, {"prompt": "B", "answer": ""}))
    mapping = {"prompt": "prompt", "reference_answer": "answer"}

    import_rows_of(source, ImportPlan(layout="prompts", mapping=mapping, verifier="numeric"))

    assert list(Prompt.objects.order_by("pk").values_list("verifier", "ground_truth")) == [
        ("numeric", "7"),
        ("", ""),
    ]


def test_traces_come_with_steps_labels_and_a_verdict_as_ratings_of_a_named_imported_rater() -> None:
    row = {"prompt": "A", "steps": ["3 + 4 = 8", "A: 8", "Done."], "labels": [1, 0, None]}
    source = look_at(lines({**row, "answer": "7"}))
    mapping = {**STEPS.mapping, "reference_answer": "answer"}

    run = import_rows_of(source, ImportPlan(**{**STEPS.__dict__, "mapping": mapping, "verifier": "numeric"}))

    trace = Trace.objects.get()
    rating = Rating.objects.get()
    assert (run.num_prompts, run.num_traces, run.num_ratings) == (1, 1, 1)
    assert (trace.completion, trace.step_ends) == ("3 + 4 = 8\nA: 8\nDone.", [10, 15, 20])
    assert (trace.segmenter, trace.is_answer_correct, trace.final_answer) == ("given@1", False, "8")
    assert (rating.labels, rating.outcome, rating.is_assisted) == ([1, -1, None], "rated", False)
    assert str(rating.rater) == "Trusted labels (imported)"
    assert not rating.rater.is_active
    assert not rating.rater.has_usable_password()


def test_an_imported_rating_takes_one_of_the_traces_places() -> None:
    row = {"prompt": "A", "steps": ["x"], "labels": [1]}
    for overlap, wants in ((1, False), (2, True)):
        import_rows_of(look_at(lines(row), project=make_project(overlap=overlap)), STEPS)

        assert Trace.objects.latest("pk").wants_ratings is wants


def test_completions_are_cut_by_the_segmenter_and_keep_every_byte() -> None:
    text = "Step 1: one.\n\nStep 2:  two. \n"
    source = look_at(lines({"prompt": "A", "completion": text, "model": "m-1"}))
    mapping = {"prompt": "prompt", "completion": "completion", "model": "model"}

    import_rows_of(source, ImportPlan(layout="completions", mapping=mapping, segmenter="auto@1"))

    trace = Trace.objects.get()
    assert trace.completion == text
    assert (trace.segmenter, trace.model_name, trace.num_steps) == ("auto@1", "m-1", 2)


def test_importing_twice_stores_once() -> None:
    project = make_project()
    row = {"prompt": "A", "steps": ["x", "y"], "labels": [1, 1]}

    first = import_rows_of(look_at(lines(row, row), project=project), STEPS)
    second = import_rows_of(look_at(lines(row), project=project), STEPS)

    assert (first.num_traces, first.num_ratings, first.num_duplicates) == (1, 1, 1)
    assert (second.num_prompts, second.num_traces, second.num_ratings, second.num_duplicates) == (0, 0, 0, 1)


def test_another_rater_rates_the_trace_that_is_there() -> None:
    project = make_project(overlap=2)
    row = {"prompt": "A", "steps": ["x", "y"], "labels": [1, 1]}
    import_rows_of(look_at(lines(row), project=project), STEPS)
    other = ImportPlan(**{**STEPS.__dict__, "rater_name": "Others"})

    run = import_rows_of(look_at(lines({**row, "labels": [0, 1]}), project=project), other)

    assert (run.num_traces, run.num_ratings) == (0, 1)
    assert sorted(Rating.objects.values_list("labels", flat=True)) == [[-1, None], [1, 1]]
    assert not Trace.objects.get().wants_ratings


@pytest.mark.parametrize(
    ("labels", "words"), [([None, 1], "a step before the first error has no label."), ([1], "2 steps")]
)
def test_labels_that_are_no_rating_refuse_their_row(labels: list[Any], words: str) -> None:
    run = import_rows_of(look_at(lines({"prompt": "A", "steps": ["x", "y"], "labels": labels})), STEPS)

    assert words in run.refusals.get().reason
    assert not Trace.objects.exists()


def test_where_a_project_goes_on_after_an_error_labels_behind_it_are_kept() -> None:
    row = {"prompt": "A", "steps": ["x", "y", "z"], "labels": [1, 0, 1]}

    import_rows_of(look_at(lines(row), project=make_project(stop_at_first_error=False)), STEPS)

    assert Rating.objects.get().labels == [1, -1, 1]


def test_a_persons_account_is_never_taken_for_an_imported_rater() -> None:
    person = make_account("imported-trusted-labels")

    import_rows_of(look_at(lines({"prompt": "A", "steps": ["x"], "labels": [1]})), STEPS)

    assert Rating.objects.get().rater != person


def test_a_run_that_died_goes_on_behind_its_last_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_rows, "ROWS_AT_ONCE", 2)
    source = look_at(lines(*({"prompt": f"P{number}"} for number in range(5))))
    run = start_import(source=source, plan=PROMPTS, actor=make_account(), now=NOW)
    read = import_rows.open_rows

    def die_at_the_fourth(source: ImportSource) -> Iterator[Row]:
        for row in read(source):
            if row.number == 4:
                raise KeyboardInterrupt
            yield row

    monkeypatch.setattr(import_rows, "open_rows", die_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        run_import(run_id=run.pk, clock=clock)
    monkeypatch.setattr(import_rows, "open_rows", read)
    run_import(run_id=run.pk, clock=lambda: LATER + dt.timedelta(hours=1))

    run.refresh_from_db()
    assert (run.state, run.num_read, run.num_prompts, run.num_duplicates) == (JobState.FINISHED, 5, 5, 0)


def test_a_cancelled_import_keeps_what_it_stored_and_stores_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_rows, "ROWS_AT_ONCE", 1)
    source = look_at(lines({"prompt": "A"}, {"prompt": "B"}))
    run = start_import(source=source, plan=PROMPTS, actor=make_account(), now=NOW)
    read = import_rows.open_rows

    def cancel_at_the_second(source: ImportSource) -> Iterator[Row]:
        for row in read(source):
            if row.number == 2:
                imports.cancel_import(run=run, actor=make_account(), now=LATER)
            yield row

    monkeypatch.setattr(import_rows, "open_rows", cancel_at_the_second)
    with pytest.raises(jobs.JobLost):
        run_import(run_id=run.pk, clock=clock)

    run.refresh_from_db()
    assert (run.state, run.num_prompts) == (JobState.CANCELLED, 1)
    assert Prompt.objects.get().text == "A"
    with pytest.raises(jobs.NotOpen, match="is cancelled already"):
        imports.cancel_import(run=run, actor=make_account(), now=LATER)


def test_only_so_many_rows_are_taken_as_was_asked() -> None:
    source = look_at(lines(*({"prompt": f"P{number}"} for number in range(5))))

    run = import_rows_of(source, ImportPlan(layout="prompts", mapping={"prompt": "prompt"}, max_rows=2))

    assert (run.num_read, run.num_prompts) == (2, 2)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"mapping": {}}, BadMapping),
        ({"verifier": "oracle"}, imports.UnknownVerifier),
        ({"layout": "steps", "mapping": STEPS.mapping}, BadMapping),
        (
            {"layout": "completions", "mapping": {"prompt": "prompt", "completion": "prompt"}},
            UnknownSegmenter,
        ),
        (
            {
                "layout": "steps",
                "mapping": {"prompt": "prompt", "steps": "prompt"},
                "segmenter": "auto@1",
            },
            imports.NoRater,
        ),
    ],
)
def test_a_plan_that_does_not_fit_starts_nothing(changes: dict[str, Any], error: type[Exception]) -> None:
    source = look_at(lines({"prompt": "A"}))

    with pytest.raises(error):
        start_import(
            source=source,
            plan=ImportPlan(**{**PROMPTS.__dict__, **changes}),
            actor=make_account(),
            now=NOW,
        )

    assert not ImportRun.objects.exists()


def test_a_source_that_was_not_read_can_not_be_imported() -> None:
    with pytest.raises(imports.SourceNotReady):
        start_import(source=make_import_source(), plan=PROMPTS, actor=make_account(), now=NOW)


def test_uploads_are_deleted_after_some_days_and_then_it_is_said(uploads: Path) -> None:
    source = look_at(lines({"prompt": "A"}))
    stored = uploads / source.stored_name
    week = 8 * 24 * 3600
    os.utime(stored, (NOW.timestamp() - week, NOW.timestamp() - week))

    ImportSource.objects.update(queued_at=NOW - dt.timedelta(days=8))

    assert retention.remove_what_is_old(now=NOW).num_uploads == 1
    run = import_rows_of(source)

    assert run.error == "The uploaded file is gone: it was kept for 7 days. Upload it again."


def test_a_worker_that_does_not_share_the_folder_of_uploads_says_so(uploads: Path) -> None:
    source = look_at(lines({"prompt": "A"}))
    (uploads / source.stored_name).unlink()

    run = import_rows_of(source)

    assert run.state == JobState.FAILED
    assert "they share the folder “uploads” in GRADUS_DATA" in run.error


class TestDataSets:
    def look(self, name: str, split: str = "train") -> ImportSource:
        source = add_hub_source(
            project=make_project(), name=name, config="", split=split, actor=make_account(), now=NOW
        )
        inspect_source(source_id=source.pk, clock=clock)
        source.refresh_from_db()
        return source

    @pytest.mark.parametrize("is_saved", [True, False])
    def test_a_folder_that_is_allowed_is_read(self, is_saved: bool, tmp_path: Path) -> None:
        folder = tmp_path / "allowed" / "sums"
        made = datasets.Dataset.from_dict({"question": ["A?", "B?"], "answer": ["#### 1", "#### 2"]})
        if is_saved:
            datasets.DatasetDict({"train": made}).save_to_disk(str(folder))
        else:
            folder.mkdir(parents=True)
            made.to_json(folder / "train.jsonl")

        source = self.look(str(folder))
        run = import_rows_of(source, ImportPlan(layout="gsm8k", mapping={}))

        assert source.error == ""
        assert source.columns == ["question", "answer"]
        assert list(Prompt.objects.values_list("reference_answer", flat=True)) == ["1", "2"]
        assert run.num_prompts == 2

    def test_a_split_that_is_not_there_is_said(self, tmp_path: Path) -> None:
        folder = tmp_path / "allowed" / "sums"
        datasets.DatasetDict({"train": datasets.Dataset.from_dict({"a": [1]})}).save_to_disk(str(folder))

        assert "It has no split “test”; it has train." in self.look(str(folder), "test").error

    @pytest.mark.parametrize("name", ["/etc", "../secrets", "~", "allowed/../../etc"])
    def test_no_other_folder_of_the_server_is_read(self, name: str, tmp_path: Path) -> None:
        source = self.look(name if name.startswith(("/", ".", "~")) else f"{tmp_path}/{name}")

        assert "is not one that data sets may be read from" in source.error

    @pytest.mark.parametrize("name", ["json", "a/b/c", "docs/../uploads", "hf://datasets/ada/sums"])
    def test_what_is_no_name_is_refused_before_anything_is_stored(self, name: str) -> None:
        with pytest.raises(SourceUnreadable, match="is no name of a data set"):
            self.look(name)

        assert not ImportSource.objects.exists()

    def test_a_link_out_of_an_allowed_folder_leads_nowhere(self, tmp_path: Path) -> None:
        (tmp_path / "allowed").mkdir()
        (tmp_path / "allowed" / "out").symlink_to("/etc")

        assert "is not one that data sets may be read from" in self.look(f"{tmp_path}/allowed/out").error

    def test_a_hub_that_cannot_be_reached_is_one_sentence(self) -> None:
        source = self.look("someone/no-such-set")

        assert source.state == JobState.FAILED
        assert source.error.startswith(
            "The Hugging Face hub can't be reached from this server: bring “someone/no-such-set”"
        )
        assert "Traceback" not in source.error


def test_a_row_that_is_laid_out_otherwise_is_refused_alone() -> None:
    good = {"question": "Hot?", "choices": {"text": ["Ice", "Fire"], "label": ["A", "B"]}, "answerKey": "B"}
    rows = [good, {**good, "choices": {"text": 5}}, {**good, "question": "Cold?"}]

    run = import_rows_of(look_at(lines(*rows)), ImportPlan(layout="arc", mapping={}))

    assert (run.state, run.num_read, run.num_prompts, run.num_refused) == (JobState.FINISHED, 3, 2, 1)
    refusal = run.refusals.get()
    assert (refusal.number, refusal.reason) == (2, "“choices.text” is not a list.")


def told(run: ImportRun) -> dict[int, str]:
    return dict(list_known_rows(run).values_list("number", "reason"))


def test_rows_that_were_there_already_are_named_with_what_was_there() -> None:
    project = make_project()
    import_rows_of(look_at(lines({"prompt": "A"}), project=project))

    run = import_rows_of(look_at(lines({"prompt": "A"}, {"prompt": "B"}, {"prompt": "B"}), project=project))

    assert (run.num_prompts, run.num_duplicates, run.num_refused) == (1, 2, 0)
    assert told(run) == {1: "The prompt is there already.", 3: "The prompt is there already."}
    assert not list_refusals(run).exists()


def test_labels_that_do_not_fit_the_steps_of_a_trace_that_is_there_are_said_to_be_left_out() -> None:
    project = make_project()
    first = {"prompt": "A", "steps": ["x", "y"], "labels": [1, 0]}
    otherwise = {"prompt": "A", "steps": ["x\ny"], "labels": [1]}
    import_rows_of(look_at(lines(first), project=project), STEPS)

    run = import_rows_of(look_at(lines(first, otherwise), project=project), STEPS)

    assert (run.num_traces, run.num_ratings, run.num_duplicates) == (0, 0, 2)
    assert told(run) == {
        1: "The trace is there already, and Trusted labels (imported) has rated it.",
        2: "The trace is there already, cut into other steps, so its labels were left out.",
    }
    assert Rating.objects.count() == 1


def test_a_trace_that_is_there_and_brings_no_labels_is_there_already() -> None:
    project = make_project()
    plan = ImportPlan(
        layout="completions", mapping={"prompt": "prompt", "completion": "completion"}, segmenter="auto@1"
    )
    rows = lines({"prompt": "A", "completion": "x"})
    import_rows_of(look_at(rows, project=project), plan)

    assert told(import_rows_of(look_at(rows, project=project), plan)) == {1: "The trace is there already."}


def test_what_nobody_foresaw_fails_the_look_and_the_import_at_once_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stumble(*_: object) -> Iterator[Row]:
        raise PermissionError(13, "Permission denied")

    source = look_at(lines({"prompt": "A"}))
    monkeypatch.setattr(import_rows, "read_file", stumble)

    run = import_rows_of(source)
    look = look_at(lines({"prompt": "A"}))

    assert (run.state, run.error) == (JobState.FAILED, "PermissionError: [Errno 13] Permission denied")
    assert (look.state, look.error) == (JobState.FAILED, run.error)
