"""A program beside the product, as another of its processes is: it is told what to do in JSON lines, and answers so."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

Works = Mapping[str, Callable[..., Any]]


class Beside:
    """The side that asks. `ask` gives None while the program's database is away."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert self.read() == "ready"

    def read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the program beside ended"
        return json.loads(line)

    def ask(self, work: str, **arguments: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"work": work, **arguments}) + "\n")
        self._process.stdin.flush()
        return self.read()


def reply(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def serve(works: Works, *, is_away: tuple[type[Exception], ...], forget: Callable[[], object]) -> None:
    """The program's side: does what it is told until nobody asks. `forget` comes after each, as the connection may be
    worth nothing by the next; what raises one of `is_away` is answered with None."""
    reply("ready")
    for line in sys.stdin:
        request = json.loads(line)
        try:
            said = works[request.pop("work")](**request)
        except is_away:
            said = None
        forget()
        reply(said)
