"""The raters of benchmarks/assignment.py: clients over HTTP, with or without what the page's script does."""

import gzip
import http.client
import re
import threading
import time
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

NUM_STEPS = 6
NUM_WARM = 3  # ratings of each rater before anything is measured: the server is warm, and every page is open
HIDDEN_FIELD = re.compile(r'name="(csrfmiddlewaretoken|idempotency_key)" value="([^"]+)"')
FORM_ADDRESS = re.compile(r'action="(/rate/\d+/)"')


@dataclass
class Times:
    """Milliseconds of each request, over all raters."""

    next_ms: list[float] = field(default_factory=list)
    submit_ms: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class Rater:
    """One client with one connection and one session; `page` is what it looks at, `ahead` the form that lies ready."""

    def __init__(self, port: int, session: str, slug: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.cookies = {"sessionid": session}
        self.next_url = f"/p/{slug}/rate/"
        self.page, self.ahead = "", ""

    def rate(self, *, is_script: bool, most: int, times: Times) -> None:
        """Rates until nothing is left, or `most` traces are rated."""
        self.connection.close()  # it opens again: the server ends what was idle for two seconds
        self.page = self.page or self._next(times)
        for _ in range(most):
            form = FORM_ADDRESS.search(self.page)
            if form is None:
                return
            if is_script and not self.ahead:
                _, self.ahead = self._request("POST", f"{form[1]}ahead/", "x=", is_script=True)
            shown = FORM_ADDRESS.search(self.ahead)
            start = time.perf_counter()
            sent = self._fill_in(self.page, shown[1].split("/")[2] if shown else "")
            status, answer = self._request("POST", form[1], sent, is_script=is_script)
            if status >= 400:
                times.failures.append(f"{form[1]} answered {status}")
                return
            times.submit_ms.append(1000 * (time.perf_counter() - start))
            if not is_script:
                self.page = self._next(times)
            else:
                self.page, self.ahead = (self.ahead, answer) if shown else (answer, "")

    def _next(self, times: Times) -> str:
        start = time.perf_counter()
        status, page = self._request("GET", self.next_url)
        if status == 302:
            _, page = self._request("GET", page)
        times.next_ms.append(1000 * (time.perf_counter() - start))
        return page

    def _fill_in(self, page: str, shown: str) -> str:
        fields = dict(HIDDEN_FIELD.findall(page))
        labels = {f"label-{index}": "1" for index in range(NUM_STEPS)}
        sent = {**fields, **labels, "action": "submit", "base_revision": "0", "active_seconds": "1"}
        sent |= {"shown": shown} if shown else {}
        return urllib.parse.urlencode(sent)

    def _request(self, method: str, url: str, body: str = "", *, is_script: bool = False) -> tuple[int, str]:
        """Status and page, or for a redirect the address it leads to."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        headers["Accept-Encoding"] = "gzip"
        headers["X-CSRFToken"] = self.cookies.get("csrftoken", "")
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if is_script:
            headers["HX-Request"] = "true"
        self.connection.request(method, url, body or None, headers)
        response = self.connection.getresponse()
        raw = response.read()
        text = (gzip.decompress(raw) if response.headers["Content-Encoding"] == "gzip" else raw).decode()
        for cookie in response.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return response.status, response.headers["Location"] if response.status == 302 else text


def drain(
    port: int,
    slug: str,
    sessions: list[str],
    *,
    is_script: bool,
    begin: Callable[[], object],
    most: int = 10**9,
) -> tuple[Times, float]:
    """Lets all raters work until nothing is left; returns their times and the wall seconds.

    Each has opened the page and rated NUM_WARM traces before `begin` is called and anything is measured.
    """
    raters = [Rater(port, session, slug) for session in sessions]
    warm, times = Times(), Times()
    _all_at_once([partial(rater.rate, is_script=is_script, most=NUM_WARM, times=warm) for rater in raters])
    begin()
    start = time.perf_counter()
    _all_at_once([partial(rater.rate, is_script=is_script, most=most, times=times) for rater in raters])
    times.failures += warm.failures
    return times, time.perf_counter() - start


def _all_at_once(works: Sequence[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
