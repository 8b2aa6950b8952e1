"""`manage.py register_judge RUN_FOLDER --project SLUG`: makes a trained process reward model a judge of a project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from annotation.actions import accounts
from annotation.models import Account, Project
from exports.lineage import AlreadyRegistered, WeightsChanged, register_judge
from rl_bridge.run_folder import NotAFinishedRun


class Command(BaseCommand):
    """Prints what the judge is called, or why there is none, in one sentence."""

    help = (
        "Make the model of a `train prm` run a judge: versioned by the hash of its weights, safetensors only."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="RUN_FOLDER")
        parser.add_argument("--project", required=True, metavar="SLUG", help="the project's address")
        parser.add_argument("--name", default="trained PRM", help="versions of a judge share their name")
        parser.add_argument("--by", default="", metavar="USER_NAME", help="who does it (default: the owner)")

    def handle(self, *args: Any, folder: Path, project: str, name: str, by: str, **options: Any) -> None:
        found = Project.objects.filter(slug=project).first()
        if found is None:
            raise CommandError(f"There is no project “{project}”.")
        try:
            trained = register_judge(
                folder=folder, project=found, name=name[:120], actor=_find_actor(by), now=timezone.now()
            )
        except AlreadyRegistered as known:
            self.stdout.write(str(known))
            return
        except (NotAFinishedRun, WeightsChanged) as error:
            raise CommandError(str(error)) from error
        origin = f"export {trained.export_id}" if trained.export_id else "an export of another place"
        self.stdout.write(
            f"{trained.judge} is a judge of {found.name}, trained on {origin}. Set it to work under Judges."
        )


def _find_actor(username: str) -> Account:
    if not username:
        return accounts.ensure_owner(now=timezone.now())
    try:
        return accounts.get_account_named(username=username)
    except accounts.AccountUnknown as error:
        raise CommandError(str(error)) from error
