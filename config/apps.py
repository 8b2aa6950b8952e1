"""config is an app so that `manage.py up` can live beside the engine it starts."""

from allauth.usersessions.apps import UserSessionsConfig
from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
    default = True


class SessionsConfig(UserSessionsConfig):  # type: ignore[misc]  # allauth has no types
    """allauth's table of sessions without what fills it, which would write their keys: annotation.actions.sign_ins
    does, and keeps a hash."""

    def ready(self) -> None:
        """Connects nothing."""
