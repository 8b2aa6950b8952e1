"""The exports app: labels become datasets that trainers load."""

from django.apps import AppConfig


class ExportsConfig(AppConfig):
    name = "exports"
