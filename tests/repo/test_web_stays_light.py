"""The web process never loads the heavy libraries; only workers do."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from config.paths import BASE_DIR

HEAVY = ("torch", "transformers", "datasets", "trl", "peft", "accelerate", "pandas")

SCRIPT = f"""
import sys
from config.wsgi import application
from django.urls import get_resolver
get_resolver().url_patterns  # imports every view, form and serializer
import annotation.api.urls, exports.api_urls
print(",".join(name for name in {HEAVY!r} if name in sys.modules))
"""


def test_the_web_process_never_loads_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=BASE_DIR, capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_the_web_process_has_loaded_its_pages_before_it_is_asked_for_one() -> None:
    script = (
        "import sys, config.wsgi; print({'annotation.views.ratings', 'exports.views'} <= set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=BASE_DIR, capture_output=True, text=True, timeout=120
    )

    assert done.stdout.strip() == "True", done.stderr


@pytest.mark.parametrize(
    ("tasks", "expected"),
    # Imports stream data sets, so their worker knows `datasets`, which brings pandas and no torch.
    [("annotation.tasks.servers", ""), ("annotation.tasks.default", "datasets,pandas")],
)
def test_a_worker_that_runs_no_model_itself_loads_no_torch(tasks: str, expected: str) -> None:
    script = f"""
import sys, django, config
django.setup()
import {tasks}
print(",".join(name for name in {HEAVY!r} if name in sys.modules))
"""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == expected
