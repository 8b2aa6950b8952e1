"""Celery tasks: ids in, one action each. A module a queue, so a worker imports only its own."""
