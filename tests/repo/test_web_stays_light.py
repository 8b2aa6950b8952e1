"""The web process never loads the heavy libraries; only workers do."""

from __future__ import annotations

import subprocess
import sys

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
