"""`manage.py forget_person USER_NAME`: what a person may ask of whoever runs the server."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from annotation.actions.privacy import StillNeeded, forget_person
from annotation.models import Account


class Command(BaseCommand):
    help = "Erase a person's names, addresses, sign-in, tokens, roles and sessions; ratings stay under a pseudonym."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user_name")
        parser.add_argument("--yes", action="store_true", help="do not ask; it can't be undone")

    def handle(self, *args: Any, user_name: str, yes: bool, **options: Any) -> None:
        account = Account.objects.filter(username__iexact=user_name).first()
        if account is None:
            raise CommandError(f"There is no account named {user_name}.")
        if (
            not yes
            and input(f"Forget {account} ({account.username})? It can't be undone. [yes/no] ") != "yes"
        ):
            raise CommandError("Nothing was done.")
        try:
            pseudonym = forget_person(account=account, actor=None, now=timezone.now())
        except StillNeeded as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Forgotten. What they rated is now of {pseudonym}; backups made before have the names."
        )
