"""The Celery application. Each worker imports only the tasks of its own queues (`celery worker -I …`)."""

import os

from celery import Celery

from rl_bridge.threads import wait_without_spinning

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
wait_without_spinning()  # before a task module imports torch

app = Celery("gradus")
app.config_from_object("django.conf:settings", namespace="CELERY")
