"""The one place that knows every app: settings, URLs, Celery, the WSGI entry and the engine.

The Celery application is imported here so that it is the current application wherever a job is queued.
"""

from config.celery import app as celery_app

__all__ = ["celery_app"]
