"""Jobs are queued by name, on commit, over a real broker; without one the row waits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery import Celery, current_app
from django.conf import settings
from django.db import transaction
from kombu import Queue

from annotation import jobs
from annotation.models import MergeRun
from tests.factories import NOW, make_account, make_project

TASK = MergeRun.task_name


@pytest.fixture
def empty_queue(broker: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(current_app.conf, "broker_url", broker)
    purge()
    yield
    purge()


@pytest.fixture
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket on which nothing listens."""
    monkeypatch.setattr(
        jobs,
        "current_app",
        Celery("elsewhere", broker="redis+socket:///nowhere/valkey.sock", set_as_current=False),
    )
    jobs.current_app.conf.update(
        task_queues=[Queue("default")],
        task_default_queue="default",
        task_publish_retry_policy=settings.CELERY_TASK_PUBLISH_RETRY_POLICY,
    )


def purge() -> None:
    with current_app.connection_for_write() as connection:
        for queue in ("default", "models"):
            connection.default_channel.queue_purge(queue)


def take_from(queue: str, num: int) -> list[str]:
    """The names of the next jobs that a worker of this queue would be given."""
    with current_app.connection_for_read() as connection:
        bound = Queue(queue).bind(connection.default_channel)
        return [bound.get(no_ack=True).headers["task"] for _ in range(num)]


def make_run() -> MergeRun:
    return MergeRun.objects.create(
        project=make_project(), created_by=make_account(), queued_at=NOW, touched_at=NOW
    )


@pytest.mark.django_db(transaction=True)
def test_a_job_reaches_the_broker_when_its_row_is_committed(empty_queue: None) -> None:
    with transaction.atomic():
        jobs.queue_on_commit(make_run())
        assert jobs.count_waiting(TASK) == 0

    assert jobs.count_waiting(TASK) == 1


@pytest.mark.django_db(transaction=True)
def test_a_job_that_is_rolled_back_is_never_sent(empty_queue: None) -> None:
    with pytest.raises(RuntimeError, match="changed my mind"), transaction.atomic():
        jobs.queue_on_commit(make_run())
        raise RuntimeError("changed my mind")

    assert jobs.count_waiting(TASK) == 0
    assert not MergeRun.objects.exists()


def test_a_rater_who_waits_goes_before_chunks_that_were_queued_earlier(empty_queue: None) -> None:
    for name in ("annotation.generate_chunk", "annotation.generate_chunk", "annotation.sample_alternatives"):
        jobs.send(name, 1)
    waiting = jobs.count_waiting("annotation.generate_chunk")

    taken = take_from("models", 3)

    assert waiting == 3
    assert taken == [
        "annotation.sample_alternatives",
        "annotation.generate_chunk",
        "annotation.generate_chunk",
    ]


def test_without_a_broker_nobody_knows_how_many_wait(no_broker: None) -> None:
    assert jobs.count_waiting(TASK) is None


def test_without_a_broker_sending_says_so_and_does_not_raise(no_broker: None) -> None:
    assert jobs.send(TASK, 1) is False
