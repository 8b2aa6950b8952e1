"""Keeps the engine's children: starts them in order, restarts what dies, stops them in the opposite order.

One thread and one loop. Signals only raise a counter, which every wait looks at: a handler that raised could
strike between a fork and the line that remembers the child.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from config.engine.errors import EngineError, StopRequested
from config.engine.process import Child, ChildSpec, cap_log, pick_reason, read_log_tail

FIRST_BACK_OFF_SECONDS = 0.5
LONGEST_BACK_OFF_SECONDS = 30.0
STOP_SECONDS = 4.0  # for everything together: a Ctrl-C takes less than five
_HEALTHY_SECONDS = 60.0  # a child that ran this long starts again without remembering older failures
_POLL_SECONDS = 0.05
_LOG_CHECK_SECONDS = 5.0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class _Kept:
    child: Child
    stop_stage: int
    failures: int = 0
    restart_at: float | None = None

    @property
    def spec(self) -> ChildSpec:
        return self.child.spec


class Supervisor:
    """Children and the order in which they stop. `say` shows one line to whoever started us; `stop_seconds` is how
    long they all may take to stop."""

    def __init__(self, *, say: Callable[[str], None], stop_seconds: float = STOP_SECONDS) -> None:
        self._say = say
        self._stop_seconds = stop_seconds
        self._kept: list[_Kept] = []
        self._stop_requests = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Count Ctrl-C, SIGTERM and a closed terminal as requests to stop; end all children on the way out."""
        before = {number: signal.signal(number, self._request_stop) for number in _STOP_SIGNALS}
        try:
            yield
        finally:
            self.stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def keep_going(self) -> None:
        """Raise StopRequested if a stop was asked for; what takes long calls this often."""
        if self._stop_requests:
            raise StopRequested

    def keep(self, child: Child, *, stop_stage: int) -> None:
        """Look after a child from now on. Higher stages stop first; one stage stops together."""
        self._kept.append(_Kept(child, stop_stage))

    def start(
        self, spec: ChildSpec, *, stop_stage: int, is_ready: Callable[[], bool], seconds: float = 60.0
    ) -> Child:
        """Start a child and return once it is ready; EngineError with its last words if it never is."""
        log_start = spec.log.stat().st_size if spec.log.exists() else 0
        child = Child(spec)
        self.keep(child, stop_stage=stop_stage)
        deadline = time.monotonic() + seconds
        while not is_ready():
            self.keep_going()
            if child.exit_status() is not None:
                words = read_log_tail(spec.log, since_byte=log_start)
                raise EngineError(f"{spec.title} can't start: {pick_reason(words)} (log: {spec.log}).")
            if time.monotonic() > deadline:
                raise EngineError(f"{spec.title} did not answer in {seconds:.0f} s; its log is {spec.log}.")
            time.sleep(_POLL_SECONDS)
        return child

    def watch(self) -> None:
        """Restart what dies until a stop is asked for."""
        next_log_check = 0.0
        while not self._stop_requests:
            now = time.monotonic()
            for kept in self._kept:
                self._look_after(kept, now=now)
            if now >= next_log_check:
                next_log_check = now + _LOG_CHECK_SECONDS
                for kept in self._kept:
                    cap_log(kept.spec.log)
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """End all children, stage by stage. A second request to stop ends everything at once."""
        deadline = time.monotonic() + self._stop_seconds
        for stage in sorted({kept.stop_stage for kept in self._kept}, reverse=True):
            children = [kept.child for kept in self._kept if kept.stop_stage == stage]
            self._stop_together(children, deadline=deadline)
        self._kept.clear()

    def _look_after(self, kept: _Kept, *, now: float) -> None:
        if kept.restart_at is not None:
            if now >= kept.restart_at:
                kept.restart_at = None
                kept.child = Child(kept.spec)
            return
        status = kept.child.exit_status()
        if status is None:
            return
        if now - kept.child.started_at > _HEALTHY_SECONDS:
            kept.failures = 0
        wait = min(FIRST_BACK_OFF_SECONDS * 2**kept.failures, LONGEST_BACK_OFF_SECONDS)
        kept.failures += 1
        kept.restart_at = now + wait
        self._say(
            f"{kept.spec.title} {_describe_end(status)}; starting it again in {wait:g} s ({kept.spec.log})"
        )

    def _stop_together(self, children: list[Child], *, deadline: float) -> None:
        for child in children:
            child.send(child.spec.stop_signal)
        begun = time.monotonic()
        while self._stop_requests < 2:
            now = time.monotonic()
            waiting = [child for child in children if child.exit_status() is None]
            if not waiting or now > deadline:
                break
            self._end_at_once([child for child in waiting if now - begun > child.spec.patience_seconds])
            time.sleep(0.01)
        self._end_at_once([child for child in children if child.exit_status() is None])

    def _end_at_once(self, children: list[Child]) -> None:
        """SIGKILL, except for a child that can leave fast and clean (PostgreSQL's immediate shutdown)."""
        for child in children:
            if child.spec.urgent_signal is not None:
                child.send(child.spec.urgent_signal)
                child.wait(0.5)
            child.kill()

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_requests += 1


def _describe_end(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"stopped (exit status {status})"
