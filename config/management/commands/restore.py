"""`manage.py restore FILE`: an installation from a backup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from annotation.actions.audit import record_event
from config.engine.backup import has_accounts, read_backup
from config.engine.errors import EngineError


def list_folders() -> dict[str, Path]:
    """The folders that belong to an installation, by their names in a backup."""
    return {"exports": settings.EXPORTS_DIR, "uploads": settings.UPLOADS_DIR}


class Command(BaseCommand):
    help = "Put everything back that a backup holds, in place of what is there; then bring the tables up to date."
    requires_system_checks: list[str] = []  # there may be no tables yet

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--replace",
            action="store_true",
            help="also where there are accounts already: what is there is lost",
        )

    def handle(self, *args: Any, file: Path, replace: bool, **options: Any) -> None:
        """Stop the web servers and workers first. One sentence either way."""
        if has_accounts() and not replace:
            raise CommandError(
                "There is an installation here already; --replace puts the backup in its place."
            )
        try:
            about = read_backup(file, folders=list_folders())
        except EngineError as error:
            raise CommandError(str(error)) from error
        call_command("migrate", interactive=False, verbosity=0)
        record_event(
            actor=None, verb="restored a backup", subject=file.name, now=timezone.now(), made_at=about.made_at
        )
        self.stdout.write(f"Restored what was backed up at {about.made_at}.")
