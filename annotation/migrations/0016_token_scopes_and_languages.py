import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from annotation.rules.language import detect_language

READ = ["projects:read", "prompts:read", "traces:read", "ratings:read", "exports:read"]
WRITE = ["prompts:write", "ratings:write", "exports:write"]


def give_scopes(apps, schema_editor):
    tokens = apps.get_model("annotation", "ApiToken").objects
    tokens.filter(can_write=False).update(scopes=READ)
    tokens.filter(can_write=True).update(scopes=READ + WRITE)


def take_scopes(apps, schema_editor):
    apps.get_model("annotation", "ApiToken").objects.filter(scopes__overlap=WRITE).update(can_write=True)


def recognise_languages(apps, schema_editor):
    prompts = apps.get_model("annotation", "Prompt").objects
    for prompt in prompts.only("pk", "text").iterator(chunk_size=1000):
        prompts.filter(pk=prompt.pk).update(language=detect_language(prompt.text))


class Migration(migrations.Migration):

    dependencies = [
        ("annotation", "0015_rating_by_time"),
    ]

    operations = [
        migrations.AddField(
            model_name="apitoken",
            name="project",
            field=models.ForeignKey(blank=True, help_text="The one project it reaches; none: all of its person's.", null=True, on_delete=django.db.models.deletion.CASCADE, to="annotation.project"),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[("projects:read", "Read projects"), ("prompts:read", "Read prompts"), ("prompts:write", "Add prompts"), ("traces:read", "Read traces"), ("ratings:read", "Read ratings"), ("ratings:write", "Submit ratings"), ("exports:read", "List and download exports"), ("exports:write", "Start exports")], max_length=20), default=list, size=None),
            preserve_default=False,
        ),
        migrations.RunPython(give_scopes, take_scopes),
        migrations.RemoveField(
            model_name="apitoken",
            name="can_write",
        ),
        migrations.AddField(
            model_name="prompt",
            name="language",
            field=models.CharField(blank=True, default="", help_text="ISO 639-1 code of the language it is written in, as recognised when it came; empty: not sure.", max_length=8),
            preserve_default=False,
        ),
        migrations.RunPython(recognise_languages, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="apitoken",
            constraint=models.CheckConstraint(condition=models.Q(("scopes__contained_by", ["projects:read", "prompts:read", "prompts:write", "traces:read", "ratings:read", "ratings:write", "exports:read", "exports:write"]), ("scopes__len__gte", 1)), name="api_token_scopes_are_known"),
        ),
    ]
