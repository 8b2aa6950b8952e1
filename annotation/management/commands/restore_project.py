"""`manage.py restore_project FILE`: makes the project of a backup."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotation.actions.backups import BadBackup, restore_backup


class Command(BaseCommand):
    help = "Restores a project from a file that backup_project wrote; all of it or nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *, file: Path, **options: Any) -> None:
        try:
            with file.open(encoding="utf-8") as lines:
                project = restore_backup(lines=lines, actor=None, now=timezone.now())
        except OSError as error:
            raise CommandError(f"{file} can't be read: {error.strerror}.") from error
        except BadBackup as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{project.name} (/p/{project.slug}/)")
