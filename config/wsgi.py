"""The WSGI entry that gunicorn serves. It loads all pages: their modules take a second, which would else be added to
the first answer of each worker process."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import resolve

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
resolve("/")
