"""config is an app so that `manage.py up` can live beside the engine it starts."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
