"""How long a project keeps uploaded files and dry runs."""

import django.core.validators
from django.db import migrations, models


def _days(default: int, help_text: str) -> models.PositiveSmallIntegerField:
    limits = [django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(3650)]
    return models.PositiveSmallIntegerField(
        default=default, db_default=default, validators=limits, help_text=help_text
    )


class Migration(migrations.Migration):
    dependencies = [("annotation", "0047_session_keys_hashed")]

    operations = [
        migrations.AddField(
            "project",
            "uploads_kept_days",
            _days(7, "How long an uploaded file is kept; what was imported of it stays."),
        ),
        migrations.AddField(
            "project", "dry_runs_kept_days", _days(30, "How long the answer of a dry run is kept.")
        ),
    ]
