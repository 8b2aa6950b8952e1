"""Simulated raters who do not give up: what gets no answer is sent again with the same key, as the page does it."""

from __future__ import annotations

import http.client
import threading
import time
import urllib.parse

from benchmarks.assignment_raters import FORM_ADDRESS, Rater

_AGAIN_SECONDS = 0.2
_THINK_SECONDS = 0.2


class StubbornRater(Rater):
    """`acknowledged`: the keys of the ratings that the server said it had stored; `refused`: what it said otherwise."""

    def __init__(self, port: int, session: str, slug: str) -> None:
        super().__init__(port, session, slug)
        self.acknowledged: list[str] = []
        self.refused: list[str] = []

    def rate_until(self, stop: threading.Event, *, think_seconds: float = _THINK_SECONDS) -> None:
        """Rates one trace after the other; returns when told to, or when nothing is left."""
        try:
            self._rate(stop, think_seconds)
        finally:
            self.connection.close()

    def _rate(self, stop: threading.Event, think_seconds: float) -> None:
        page = ""
        while not stop.is_set():
            page = page or self._insist("GET", self.next_url, stop)
            form = FORM_ADDRESS.search(page)
            if form is None:
                return
            sent = self._fill_in(page, shown="")
            page = self._insist("POST", form[1], stop, body=sent)
            if page:
                self.acknowledged += urllib.parse.parse_qs(sent)["idempotency_key"]
            stop.wait(think_seconds)

    def _insist(self, method: str, url: str, stop: threading.Event, *, body: str = "") -> str:
        """The page, however often it has to be asked for; none where the server refuses, or when it is time to stop."""
        while not stop.is_set():
            try:
                status, answer = self._request(method, url, body, is_script=bool(body))
            except (OSError, http.client.HTTPException):
                self.connection.close()
                status, answer = 0, ""
            if status == 302:
                method, url, body = "GET", answer, ""
            elif status == 200:
                return answer
            elif 0 < status < 500:
                self.refused.append(f"{method} {url} answered {status}: {answer:.200}")
                return ""
            else:
                time.sleep(_AGAIN_SECONDS)
        return ""


class Crew:
    """Raters, each in a thread of its own."""

    def __init__(self, port: int, sessions: list[str], slug: str) -> None:
        self.raters = [StubbornRater(port, session, slug) for session in sessions]
        self._stop, self._threads = threading.Event(), list[threading.Thread]()

    def start(self, **how: float) -> None:
        self._stop.clear()
        self._threads = [
            threading.Thread(target=rater.rate_until, args=(self._stop,), kwargs=how) for rater in self.raters
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends them where they are."""
        self._stop.set()
        self.wait(60)

    def wait(self, seconds: float) -> None:
        """Until nothing is left for anybody, however much there is; nobody may stand still for so long."""
        for rater, thread in zip(self.raters, self._threads, strict=True):
            before = -1
            while thread.is_alive() and len(rater.acknowledged) > before:
                before = len(rater.acknowledged)
                thread.join(seconds)
            assert not thread.is_alive(), "a rater gets no further"

    def count(self) -> list[int]:
        """How many ratings of each were acknowledged."""
        return [len(rater.acknowledged) for rater in self.raters]

    @property
    def acknowledged(self) -> list[str]:
        return [key for rater in self.raters for key in list(rater.acknowledged)]

    @property
    def refused(self) -> list[str]:
        return [words for rater in self.raters for words in rater.refused]
