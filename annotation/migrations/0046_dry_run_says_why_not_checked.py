from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotation", "0045_failed_items")]

    operations = [
        migrations.AddField(
            model_name="dryrun",
            name="verifier_error",
            field=models.TextField(blank=True, default="", help_text="Why the answer was not checked, as in a trace."),
            preserve_default=False,
        ),
    ]
