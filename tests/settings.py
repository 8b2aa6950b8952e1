"""Django's settings for tests: the product's own, on a data folder that no other test run uses."""

import os

from config.engine.testing import claim_slot
from config.paths import BASE_DIR

# Before the product's settings are read: they take everything from the environment, and so do the processes that tests
# start, which share their test's folder. Each of several test processes (pytest-xdist) takes a folder of its own.
if "GRADUS_DATA" not in os.environ or (
    os.environ.get("GRADUS_TEST_PROCESS", "") != os.environ.get("PYTEST_XDIST_WORKER", "")
):
    os.environ["GRADUS_DATA"] = str(claim_slot(BASE_DIR / "var" / "test"))
    os.environ["GRADUS_TEST_PROCESS"] = os.environ.get("PYTEST_XDIST_WORKER", "")
os.environ.setdefault("GRADUS_MODELS", str(BASE_DIR / "var" / "models"))  # converted once, shared by all runs
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from config.settings import *  # noqa: F403
from config.settings import LOGGING, STATIC_ROOT, STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Tests render pages without collecting static files first.
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
# Starting torch for every export that a test makes would take minutes; tests of the checks set the command.
EXPORT_CHECK_COMMAND: list[str] = []
LOGGING = {**LOGGING, "root": {"handlers": ["console"], "level": "WARNING"}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STATIC_ROOT.mkdir(
    parents=True, exist_ok=True
)  # WhiteNoise warns where it is missing, and warnings are errors
