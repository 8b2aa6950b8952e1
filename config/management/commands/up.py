"""`manage.py up`: the whole product, from the database to the one URL to open. `./run` ends here."""

from __future__ import annotations

import contextlib
import sys

from django.core.management.base import BaseCommand, CommandParser

from config.engine.errors import EngineError, StopRequested
from config.engine.start import Voice, run_engine
from config.paths import data_dir


class Command(BaseCommand):
    """Start Gradus and keep it running until Ctrl-C."""

    help = "Start PostgreSQL, Valkey, the workers and the web server, and keep them running until Ctrl-C."
    requires_system_checks: list[str] = []  # the database is not up yet

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (8000); 0 picks one")

    def handle(self, *, host: str, port: int, **options: object) -> None:
        """Errors are one sentence on stderr and exit status 1; a stop that was asked for is 0."""
        self._write("Gradus\n")
        voice = Voice(
            begin=self._write,
            end=lambda text: self._write(f"{text}\n"),
            say=lambda text: self._write(f"{text}\n"),
        )
        try:
            run_engine(data_dir(), host=host, port=port, voice=voice)
        except StopRequested:
            self._write("Stopped before everything had started.\n")
        except EngineError as error:
            self.stderr.write(str(error))
            sys.exit(1)

    def _write(self, text: str) -> None:
        # The terminal may be gone (SIGHUP): that must not keep us from stopping the children.
        with contextlib.suppress(OSError):
            self.stdout.write(text, ending="")
            self.stdout.flush()
