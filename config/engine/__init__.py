"""The engine: PostgreSQL, Valkey, gunicorn and the Celery workers as children of one small supervisor.

`process` is one child, `identity` whom PostgreSQL runs as, `postgres` and `valkey` the embedded servers,
`stack` our own processes, `supervisor` what keeps them all, `lock` who runs on a data folder.
"""
