"""The Celery application. Each worker imports only the tasks of its own queues (`celery worker -I …`)."""

from __future__ import annotations

import logging.config
import os
from typing import Any

from celery import Celery
from celery.signals import before_task_publish, setup_logging, task_postrun, task_prerun, worker_init
from django.conf import settings
from django.db.backends.signals import connection_created
from django.dispatch import receiver

from config import priority
from config.logs import request_id
from rl_bridge.threads import wait_without_spinning

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
wait_without_spinning()  # before a task module imports torch

_SENT_AS = "gradus_request_id"  # in a message's headers, from where Celery puts it on the task's request

app = Celery("gradus")
app.config_from_object("django.conf:settings", namespace="CELERY")


@setup_logging.connect
def _log_as_django_does(**_: Any) -> None:
    """In place of Celery's own format, which knows of no request."""
    logging.config.dictConfig(settings.LOGGING)


@receiver(connection_created)
def _share_priority(connection: Any, **_: Any) -> None:
    """The embedded PostgreSQL works for a worker at the worker's own priority (config.engine.stack): half of an export
    is the database's work, and pages would wait for it. A server elsewhere has priorities of its own."""
    if priority.ours() > 0 and not os.environ.get("DATABASE_URL"):
        priority.stand_back(priority.ours(), pid=connection.connection.info.backend_pid)


@worker_init.connect
def _stand_back_as_a_session(**_: Any) -> None:
    """A worker that `nice` started stands back for the web server, which has a session of its own, too."""
    if priority.ours() > 0:
        priority.stand_back(priority.ours(), pid=os.getpid())


@before_task_publish.connect
def _send_request_along(headers: dict[str, Any], **_: Any) -> None:
    if said := request_id.get():
        headers[_SENT_AS] = said


@task_prerun.connect
def _take_request_up(task: Any, **_: Any) -> None:
    sent = task.request.get(_SENT_AS) or (task.request.headers or {}).get(_SENT_AS)
    request_id.set(sent or "")


@task_postrun.connect
def _put_request_down(**_: Any) -> None:
    if not app.conf.task_always_eager:  # then the request goes on after the task
        request_id.set("")
