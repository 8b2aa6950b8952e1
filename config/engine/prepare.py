"""`python -m config.engine.prepare`: tables, static files, the demo project, and the URL to open.

One process for all of it, since loading the product takes longer than any of the steps; a process of its own,
since a Ctrl-C may end it, and the supervisor need not carry the product's memory for ever after.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import django
from django.core.management import call_command, get_commands
from django.db import DatabaseError


@dataclass(frozen=True)
class Prepared:
    """What the supervisor wants to know. `demo_problem` is why there is no demo project, or ''."""

    url: str
    demo_problem: str


def read_prepared(path: Path) -> Prepared:
    """What a run of this module wrote; the file goes, since the URL in it may sign its bearer in."""
    try:
        return Prepared(**json.loads(path.read_text(encoding="utf-8")))
    finally:
        path.unlink()


def main(arguments: list[str]) -> None:
    """Do it all; on a refusal of the database, its words on one line and exit status 1."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", required=True)
    parser.add_argument("--result", required=True, type=Path)
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    try:
        call_command("migrate", interactive=False, verbosity=1, no_color=True)
        call_command("collectstatic", interactive=False, verbosity=0)
        prepared = Prepared(demo_problem=_ensure_demo(), url=_find_url(options.host, options.port))
    except DatabaseError as error:
        sys.exit(f"{type(error).__name__}: {_flatten(error)}")
    descriptor = os.open(options.result, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as result:
        json.dump(asdict(prepared), result)


def _ensure_demo() -> str:
    """Make the demo project on the first start. Its absence keeps nobody from working, so its errors are told."""
    if "ensure_demo" not in get_commands():
        return ""
    try:
        call_command("ensure_demo")
    except DatabaseError:
        raise
    except Exception as error:
        return f"{type(error).__name__}: {_flatten(error)}"
    return ""


def _find_url(host: str, port: str) -> str:
    """The address to open: until the owner has a password, a link that lets its bearer choose one."""
    if "owner_link" not in get_commands():
        return f"http://{host}:{port}"
    output = io.StringIO()
    call_command("owner_link", "--host", host, "--port", port, stdout=output)
    return output.getvalue().strip()


def _flatten(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


if __name__ == "__main__":
    main(sys.argv[1:])
