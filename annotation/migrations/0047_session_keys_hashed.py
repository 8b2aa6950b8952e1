"""Of a session's key only a hash is kept (annotation.queries.sign_ins), also of those that run already."""

from django.db import migrations

HASH_KEYS = """
UPDATE {table} SET session_key = left(encode(sha256(convert_to(session_key, 'UTF8')), 'hex'), 40)
WHERE length(session_key) = 32;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("annotation", "0046_import_rows_there_already"),
        ("sessions", "0001_initial"),
        ("usersessions", "0001_initial"),
    ]

    operations = [
        # Back again everybody signs in anew: what was hashed stays so, and is nobody's key.
        migrations.RunSQL(HASH_KEYS.format(table=table), migrations.RunSQL.noop)
        for table in ("django_session", "usersessions_usersession")
    ]
