"""Names of background jobs, and how one is queued.

Only the id of a row travels, and only once the row is committed. Jobs are named by string, so queuing one
never imports its code: the web process knows nothing of torch. If the broker is away the row still says
"queued", and the reaper (annotation/actions/jobs.py) sends it later.
"""

from __future__ import annotations

import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from annotation.models import Job

logger = logging.getLogger(__name__)


def queue_on_commit(job: Job) -> None:
    """Queues a stored job once the surrounding transaction commits."""
    task_name, job_id = job.task, job.pk
    transaction.on_commit(lambda: _send_quietly(task_name, job_id))


def send(task_name: str, job_id: int) -> bool:
    """Sends one job now; False, with a line in the log, where the broker can't be reached."""
    try:
        current_app.signature(task_name, args=(job_id,)).apply_async()
    except OperationalError as error:
        logger.warning("The broker is away; %s(%s) waits for the reaper: %s", task_name, job_id, error)
        return False
    return True


def send_once(task_name: str, *arguments: int | str) -> bool:
    """Sends a task that no row stands for, so that nobody sends it again; False where the broker can't be reached. Its
    arguments lie in the broker: nothing secret."""
    try:
        current_app.signature(task_name, args=arguments).apply_async()
    except OperationalError as error:
        logger.warning("The broker is away; %s was not sent: %s", task_name, error)
        return False
    return True


def _send_quietly(task_name: str, job_id: int) -> None:
    send(task_name, job_id)


def count_waiting(task_name: str) -> int | None:
    """Messages that wait in the queue of this task; None where the broker can't be reached."""
    queue = current_app.amqp.router.route({}, task_name)["queue"]
    with current_app.connection_for_write() as connection:
        broker_errors: tuple[type[BaseException], ...] = (OperationalError, *connection.connection_errors)
        try:
            connection.ensure_connection(max_retries=1, timeout=2)
            return int(queue(connection.default_channel).queue_declare().message_count)
        except broker_errors as error:
            logger.warning("The broker is away: %s", error)
            return None
