"""Failed items of chunks as rows: two views, and the models that read them."""

from django.db import migrations, models

BATCH_FAILURES = """
    CREATE VIEW annotation_batchfailure AS
    SELECT chunk.id * 100000 + item.place AS id,
        chunk.batch_id,
        (item.failure ->> 'prompt_id')::bigint AS prompt_id,
        (item.failure ->> 'sample_index')::integer AS sample_index,
        item.failure ->> 'reason' AS reason
    FROM annotation_generationchunk AS chunk,
        jsonb_array_elements(chunk.failures) WITH ORDINALITY AS item(failure, place)
"""
JUDGE_FAILURES = """
    CREATE VIEW annotation_judgefailure AS
    SELECT chunk.id * 100000 + item.place AS id,
        chunk.run_id,
        (item.failure ->> 'trace_id')::bigint AS trace_id,
        item.failure ->> 'reason' AS reason
    FROM annotation_judgechunk AS chunk,
        jsonb_array_elements(chunk.failures) WITH ORDINALITY AS item(failure, place)
"""


class Migration(migrations.Migration):
    dependencies = [("annotation", "0041_tokens_return_rollouts")]

    operations = [
        migrations.RunSQL(BATCH_FAILURES, "DROP VIEW annotation_batchfailure"),
        migrations.RunSQL(JUDGE_FAILURES, "DROP VIEW annotation_judgefailure"),
        migrations.CreateModel(
            name="BatchFailure",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("sample_index", models.IntegerField()),
                ("reason", models.TextField()),
            ],
            options={"db_table": "annotation_batchfailure", "ordering": ["pk"], "managed": False},
        ),
        migrations.CreateModel(
            name="JudgeFailure",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("reason", models.TextField()),
            ],
            options={"db_table": "annotation_judgefailure", "ordering": ["pk"], "managed": False},
        ),
    ]
