"""`manage.py owner_link`: the one URL to open, which on the first start lets the owner choose a password."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse
from django.utils import timezone

from annotation.actions import accounts
from annotation.models import Account
from annotation.queries.accounts import has_owner_with_password, make_start_link_parts


class Command(BaseCommand):
    """Prints exactly one line."""

    help = (
        "Print the URL to open. While no site admin has a password it is a link that lets its bearer choose one; "
        "with --reset it always is, for whoever forgot."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="host name or address in the URL (127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port in the URL (8000)")
        parser.add_argument(
            "--reset",
            nargs="?",
            const="",
            metavar="USER_NAME",
            help="a fresh link for this account; for the owner's where no name is given",
        )

    def handle(self, *args: Any, host: str, port: int, reset: str | None, **options: Any) -> None:
        account = _find_account(reset)
        path = reverse("annotation:list_projects")
        if account is not None:
            if reset is not None:
                accounts.record_start_link(account=account, now=timezone.now())
            path = reverse("annotation:claim_account", args=make_start_link_parts(account))
        shown_host = f"[{host}]" if ":" in host and not host.startswith("[") else host
        self.stdout.write(f"http://{shown_host}:{port}{path}")


def _find_account(reset: str | None) -> Account | None:
    """Whose link to print; None where the plain address does."""
    if reset:
        try:
            return accounts.get_account_named(username=reset)
        except accounts.AccountUnknown as error:
            raise CommandError(str(error)) from error
    if reset is None and has_owner_with_password():
        return None
    return accounts.ensure_owner(now=timezone.now())
