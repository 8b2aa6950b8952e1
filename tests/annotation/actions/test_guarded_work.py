"""What goes wrong with a model is told in one line; what is no fault of the model's is left alone."""

from __future__ import annotations

import datetime as dt
import logging

import jinja2
import pytest
from django.db import DatabaseError, InterfaceError, OperationalError

from annotation.actions import beating, guarded_work
from annotation.actions.jobs import JobLost, start_job
from annotation.importing.rows import SourceUnreadable
from annotation.models import GenerationChunk
from rl_bridge.errors import BridgeError
from tests.factories import NOW, make_batch

LATER = NOW + dt.timedelta(seconds=20)


def make_chunk() -> GenerationChunk:
    chunk = GenerationChunk.objects.create(
        batch=make_batch(), index=0, prompt_ids=[1], sample_indexes=[0], queued_at=NOW, touched_at=NOW
    )
    return start_job(GenerationChunk, chunk.pk, now=NOW, stall_seconds=30)


def fail_with(error: Exception) -> None:
    with guarded_work.guard_work(make_chunk(), clock=lambda: LATER):
        raise error


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (BridgeError("There is no folder /m."), "There is no folder /m."),
        (SourceUnreadable("The file is not Parquet."), "The file is not Parquet."),
        (RuntimeError("CUDA out of memory.\nTried to allocate 2 GiB"), "CUDA out of memory."),
        (ValueError("The rubric names no {step}."), "The rubric names no {step}."),
        (IndexError("index out of range in self"), "IndexError: index out of range in self"),
        (jinja2.TemplateError("Roles must alternate"), "TemplateError: Roles must alternate"),
        (KeyError("a\x00b"), "KeyError: 'a\\x00b'"),
        (TypeError("half \ud83d and \x00"), "TypeError: half   and"),
        (MemoryError(), "MemoryError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_whatever_goes_wrong_with_a_model_is_told_in_one_line_that_can_be_stored(
    error: Exception, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # test processes can't tell each other of half a character in a log
    with pytest.raises(guarded_work.WorkFailed) as told:
        fail_with(error)

    assert str(told.value) == words
    assert told.value.__cause__ is error


@pytest.mark.django_db
@pytest.mark.parametrize(
    "error", [JobLost("gone"), DatabaseError("away"), OperationalError("away"), InterfaceError("closed")]
)
def test_a_lost_job_and_a_database_that_is_away_are_no_fault_of_the_model_s(error: Exception) -> None:
    with pytest.raises(type(error)) as told:
        fail_with(error)

    assert told.value is error


@pytest.mark.django_db(transaction=True)
def test_a_model_that_takes_long_to_open_shows_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beating, "BEAT_SECONDS", 0.01)
    chunk = make_chunk()

    with guarded_work.guard_work(chunk, clock=lambda: LATER):
        for _ in range(500):  # instead of the model's own beats, of which there are none yet
            chunk.refresh_from_db()
            if chunk.touched_at == LATER:
                break

    assert chunk.touched_at == LATER


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "level"), [(BridgeError("No folder."), "WARNING"), (IndexError("out of range"), "ERROR")]
)
def test_only_what_nobody_foresaw_is_logged_as_an_error(
    error: Exception, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(guarded_work.WorkFailed):
        fail_with(error)

    assert [record.levelname for record in caplog.records] == [level]
