"""The Celery application. Each worker imports only the tasks of its own queues (`celery worker -I …`)."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("gradus")
app.config_from_object("django.conf:settings", namespace="CELERY")
