"""What a worker does with a model or a source, guarded: signs of life all the while, and one sentence where it goes
wrong."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import Error as DatabaseProblem

from annotation.actions.beating import keep_beating
from annotation.actions.jobs import JobLost, JobNotStartable
from annotation.importing.rows import SourceUnreadable
from annotation.models import Job
from rl_bridge.errors import BridgeError

logger = logging.getLogger(__name__)


class WorkFailed(Exception):
    """The work can't be done, and would fail in the same way again; the message is one line for people."""


@contextmanager
def guard_work(job: Job, *, clock: Callable[[], dt.datetime]) -> Iterator[None]:
    """Around opening a model and asking it, or reading a source: neither opening a large model nor its first step,
    long as both may take, looks like a worker that died. Raises WorkFailed for whatever goes wrong in it.

    A job that was lost and a database that is away are no fault of the work's: they come through, and the reaper has
    the job done again.
    """
    try:
        with keep_beating(job, clock=clock):
            yield
    except (JobLost, JobNotStartable, DatabaseProblem):
        raise
    except (BridgeError, SourceUnreadable) as error:  # said for people, who can do something about it
        logger.warning("%s failed: %s", job, error)
        raise WorkFailed(_explain(error)) from error
    except Exception as error:  # models, templates and servers fail in more ways than can be listed
        logger.exception("%s failed", job)
        raise WorkFailed(_explain(error)) from error


def _explain(error: Exception) -> str:
    """The first line of what it says, without what can't be stored; the kind of error in front where it was not
    written for people. ValueError: a rubric or setting that can't be used. RuntimeError: what torch raises."""
    line = str(error).strip().partition("\n")[0][:500]
    words = "".join(letter if letter.isprintable() else " " for letter in line).strip()
    if isinstance(error, BridgeError | SourceUnreadable | ValueError | RuntimeError) and words:
        return words
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
