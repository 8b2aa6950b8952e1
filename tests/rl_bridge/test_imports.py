"""rl_bridge runs where there is no web app, and its light half where there is no torch."""

import os
import subprocess
import sys
from pathlib import Path

import rl_bridge

PACKAGE = Path(rl_bridge.__file__).parent
MODULES = sorted(
    ".".join(("rl_bridge", *path.relative_to(PACKAGE).with_suffix("").parts))
    for path in PACKAGE.rglob("*.py")
    if path.stem not in ("__init__", "__main__")
)

BLOCK_AND_IMPORT = """
import importlib, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"{{name}} is blocked", name=name)

sys.meta_path.insert(0, Blocker())
for module in {modules!r}:
    importlib.import_module(module)
print("imported")
"""


def import_without(blocked: list[str], modules: list[str]) -> str:
    """Import modules in a fresh process in which some packages can't be found; return what it printed."""
    code = BLOCK_AND_IMPORT.format(blocked=blocked, modules=modules)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr


def test_every_module_imports_without_the_web_app() -> None:
    web = ["django", "celery", "psycopg2", "rest_framework", "annotation", "exports", "config"]

    assert "rl_bridge.training.prm" in MODULES
    assert import_without(web, [*MODULES, "rl_bridge.__main__"]) == "imported"


def test_the_light_half_imports_without_torch() -> None:
    light = [
        "verifiers",
        "answers",
        "checking",
        "manifest",
        "card",
        "client",
        "pull",
        "tables",
        "data",
        "shipped",
        "locations",
        "weights",
        "run_folder",
        "traces_file",
        "hybrid",
        "degenerate",
        "rollouts",
        "report",
        "evaluating.options",
        "evaluating.results",
        "training.settings",
        "training.kinds",
        "training.options",
        "training.plan",
        "training.command",
        "runs",
        "rewards",
        "__main__",
    ]
    heavy = ["torch", "transformers", "datasets", "trl", "peft", "accelerate"]

    assert import_without(heavy, [f"rl_bridge.{name}" for name in light]) == "imported"


def test_the_blocker_blocks() -> None:
    assert "torch is blocked" in import_without(["torch"], ["rl_bridge.prm"])


def test_no_training_is_told_to_anybody() -> None:
    code = "import rl_bridge, huggingface_hub.constants as c; print(c.HF_HUB_DISABLE_TELEMETRY)"
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_DISABLE_TELEMETRY"}

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )

    assert done.stdout.strip() == "True"
