"""`manage.py backup_project SLUG --out FILE`: a project's rows as JSON Lines."""

from __future__ import annotations

import contextlib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.actions.backups import write_backup
from annotation.models import Project


class Command(BaseCommand):
    help = "Writes a project (prompts, traces, ratings with revisions, judge scores, comparisons, gold) to a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE")

    def handle(self, *, slug: str, out: Path, **options: Any) -> None:
        project = Project.objects.filter(slug=slug).first()
        if project is None:
            raise CommandError(f"There is no project “{slug}”.")
        draft = out.with_name(f".{out.name}.part")  # renamed when whole: a full disk leaves no half backup
        try:
            with draft.open("w", encoding="utf-8") as handle:
                handle.writelines(
                    write_backup(project=project, made_by={"command": f"backup_project {slug}"})
                )
            draft.replace(out)
        except OSError as error:
            with contextlib.suppress(OSError):  # where it could not even be made
                draft.unlink()
            raise CommandError(f"The backup can't be written to {out}: {error.strerror}.") from error
        self.stdout.write(f"{out} ({out.stat().st_size:,} bytes)")
