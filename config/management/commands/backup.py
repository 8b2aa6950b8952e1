"""`manage.py backup FILE`: the whole installation in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from annotation.actions.audit import record_event
from config.engine.backup import write_backup
from config.engine.errors import EngineError
from config.management.commands.restore import list_folders


class Command(BaseCommand):
    help = "Write the database, exports and uploads into one file, while people work on. The secret key is not in it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", type=Path, help="where to; one of this name is replaced once the new one is whole"
        )

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        """One sentence either way."""
        try:
            about = write_backup(file.absolute(), folders=list_folders(), made_at=timezone.now().isoformat())
        except EngineError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror or error}.") from error
        record_event(actor=None, verb="backed the installation up", subject=file.name, now=timezone.now())
        size = file.stat().st_size / 1024**2
        self.stdout.write(
            f"{file}: {size:.1f} MB, {len(about.hashes)} files. Keep the secret key (GRADUS_SECRET_KEY, or "
            "secret_key in the data folder) in another place: without it webhooks get new secrets, and second "
            "factors are void."
        )
