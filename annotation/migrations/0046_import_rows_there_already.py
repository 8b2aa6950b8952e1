from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotation", "0046_dry_run_says_why_not_checked")]

    operations = [
        migrations.AddField(
            model_name="importrefusal", name="is_known", field=models.BooleanField(default=False)
        ),
    ]
