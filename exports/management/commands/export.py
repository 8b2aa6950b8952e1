"""`manage.py export PROJECT --out FOLDER`: merge, export and copy the files out, without a worker."""

from __future__ import annotations

import dataclasses
import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotation.actions.jobs import JobLost, JobNotStartable
from annotation.actions.merges import NothingToMerge
from annotation.merging.data import MergePolicy
from annotation.models import Account, JobState, Project, Role
from exports import actions
from exports.card import describe_losses
from exports.manifest import read_manifest
from exports.models import Export
from exports.policy import CONFIGS, BadPolicy, ExportPolicy


class Command(BaseCommand):
    help = "Exports a project's labels into a folder that datasets.load_dataset(folder, config) opens."

    def add_arguments(self, parser: ArgumentParser) -> None:
        policy = ExportPolicy()
        parser.add_argument("project", help="The project's address, as in /p/ADDRESS/.")
        parser.add_argument("--out", required=True, type=Path, help="A folder that does not exist yet.")
        parser.add_argument("--configs", nargs="+", choices=CONFIGS, default=list(CONFIGS))
        parser.add_argument("--form", choices=["standard", "conversational"], default="standard")
        parser.add_argument("--files", choices=["parquet", "jsonl"], default="parquet")
        parser.add_argument("--merge", choices=["chain", "human_only", "majority"], default="chain")
        parser.add_argument("--minimum-raters", type=int, default=policy.minimum_raters)
        parser.add_argument("--seed", type=int, default=policy.seed)
        parser.add_argument("--as", dest="username", help="Who exports; an admin or engineer of the project.")

    def handle(self, *args: Any, **options: Any) -> None:
        out: Path = options["out"]
        if out.exists():
            raise CommandError(f"{out} exists already; an export goes into a new folder.")
        export = self._export(options)
        shutil.copytree(actions.folder_of(export), out)
        manifest = read_manifest(export.manifest)
        for name, entry in sorted(manifest["files"].items()):
            self.stdout.write(f"{entry['rows']:>9,} rows  {name}")
        for sentence in describe_losses(manifest):
            self.stdout.write(f"- {sentence}")
        self.stdout.write(f"Written to {out}. Manifest {export.content_hash}.")

    def _export(self, options: dict[str, Any]) -> Export:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        try:
            policy = dataclasses.replace(
                ExportPolicy(), minimum_raters=options["minimum_raters"], seed=options["seed"]
            )
            export = actions.start_export(
                project=project,
                merge=MergePolicy(name=options["merge"]),
                configs=options["configs"],
                form=options["form"],
                policy=policy,
                actor=_find_actor(project, options["username"]),
                now=timezone.now(),
                file_format=options["files"],
            )
            actions.write_export(export_id=export.pk, clock=timezone.now)
        except (BadPolicy, NothingToMerge) as error:
            raise CommandError(str(error)) from error
        except (JobNotStartable, JobLost):
            self.stdout.write("A worker writes it; waiting.")
            export = actions.await_export(export.pk)
        export.refresh_from_db()
        if export.state != JobState.FINISHED:
            raise CommandError(export.error or f"The export was {export.get_state_display().lower()}.")
        return export


def _find_actor(project: Project, username: str | None) -> Account:
    """The named person, or whoever runs the project: it goes into the log as theirs."""
    makers = Account.objects.filter(
        membership__project=project, membership__role__in=[Role.ADMIN, Role.ENGINEER]
    )
    found = (
        Account.objects.filter(username=username).first() if username else makers.order_by("pk").first()
    ) or (None if username else Account.objects.filter(is_superuser=True).order_by("pk").first())
    if found is None:
        raise CommandError("Name an admin or engineer of the project with --as.")
    return found
