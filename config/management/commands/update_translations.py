"""`manage.py update_translations`: brings the catalogues in locale/ in line with the product, and compiles them."""

from __future__ import annotations

from typing import Any

import polib
from django.core.management.base import BaseCommand

from config.translations import catalogue_path, find_messages, list_languages, merge_messages


class Command(BaseCommand):
    help = "Adds new messages to the catalogues, drops those no longer said, and compiles them."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        messages = find_messages()
        for language in list_languages():
            path = catalogue_path(language)
            catalogue = polib.pofile(str(path), wrapwidth=100)
            merge_messages(catalogue, messages)
            catalogue.save(str(path))
            catalogue.save_as_mofile(str(path.with_suffix(".mo")))
            missing = catalogue.untranslated_entries()
            self.stdout.write(f"{language}: {len(catalogue)} messages, {len(missing)} without a translation")
            for entry in missing:
                self.stdout.write(f"  {entry.msgid}")
