"""The house's own rules, as tests: each was once a remark in a review."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from config.paths import BASE_DIR

PACKAGES = ("config", "annotation", "exports", "rl_bridge")


def list_tracked(pattern: str) -> list[Path]:
    """Files git knows of (or would add), so that build outputs don't count."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", pattern],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    return [BASE_DIR / line for line in listed.stdout.splitlines() if (BASE_DIR / line).is_file()]


def list_modules() -> list[Path]:
    return [
        path
        for path in list_tracked("*.py")
        if path.relative_to(BASE_DIR).parts[0] in PACKAGES and "migrations" not in path.parts
    ]


def count_lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def name_of(path: Path) -> str:
    return str(path.relative_to(BASE_DIR))


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        name_of(path)
        for path in list_modules()
        if path.read_text(encoding="utf-8").strip()
        and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]

    assert silent == []


def test_no_file_is_crowded() -> None:
    crowded = {name_of(path): count_lines(path) for path in list_modules() if count_lines(path) > 300}

    assert crowded == {}


def test_no_function_is_a_chapter() -> None:
    long = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in list_modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]

    assert long == []


def test_no_module_is_named_after_nothing() -> None:
    vague = {"utils", "helpers", "common", "manager", "base", "misc", "tools"}

    assert [name_of(path) for path in list_modules() if path.stem in vague] == []


def test_templates_stay_short() -> None:
    long = {
        name_of(path): count_lines(path)
        for path in list_tracked("templates/*.html")
        if count_lines(path) > 150
    }

    assert long == {}


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("inline style", r"\sstyle\s*="),
        ("inline script", r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")"),
        ("style element", r"<style\b"),
        ("inline handler", r"\son[a-z]+\s*="),
        ("address elsewhere", r"(?:src|href)\s*=\s*[\"'](?:https?:)?//"),
    ],
)
def test_templates_keep_the_content_security_policy(what: str, pattern: str) -> None:
    broken = [
        f"{name_of(path)}: {what}"
        for path in list_tracked("templates/*.html")
        if re.search(pattern, path.read_text(encoding="utf-8"))
    ]

    assert broken == []


def test_every_template_is_marked_safe_only_by_the_renderer() -> None:
    """`|safe` and `autoescape off` would let what a model wrote through."""
    unsafe = [
        name_of(path)
        for path in list_tracked("templates/*.html")
        if re.search(r"\|\s*safe\b|autoescape\s+off|safeseq", path.read_text(encoding="utf-8"))
    ]

    assert unsafe == []


def test_every_colour_comes_from_the_tokens() -> None:
    coloured = [
        f"{name_of(path)}:{number}"
        for path in list_tracked("static/css/*.css")
        if path.name != "tokens.css"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)|\brgba?\(|\bhsla?\(", line.split("/*")[0])
        and "--" not in line
    ]

    assert coloured == []


def test_decisions_are_short() -> None:
    long = {
        name_of(path): len(path.read_text(encoding="utf-8").split())
        for path in list_tracked("docs/adr/*.md")
        if len(path.read_text(encoding="utf-8").split()) > 400
    }

    assert long == {}


def test_at_least_half_of_all_python_lines_are_tests() -> None:
    tests = sum(count_lines(path) for path in list_tracked("tests/*.py"))
    product = sum(count_lines(path) for path in list_modules())

    assert tests >= product, f"{tests} lines of tests, {product} of product"


def test_every_task_has_a_queue_of_its_own_choice() -> None:
    from_code = {
        found
        for path in list_tracked("*.py")
        if "tasks" in path.parts or path.name == "tasks.py"
        for found in re.findall(r"shared_task\(\s*name=\"([^\"]+)\"", path.read_text(encoding="utf-8"))
    }

    assert "annotation.reap_jobs" in from_code
    assert all(name.startswith(("annotation.", "exports.")) for name in from_code)


def test_every_requirement_is_pinned_and_says_why() -> None:
    loose = [
        f"{path.name}: {line}"
        for path in [*BASE_DIR.glob("requirements*.txt"), BASE_DIR / "rl_bridge" / "requirements.txt"]
        for line in path.read_text(encoding="utf-8").splitlines()
        if line
        and not line.startswith(("#", "-r "))
        and not re.match(r"^[\w.\[\],-]+==\S+( --hash=sha256:\w{64})?\s+# .+\(.+\)$", line)
    ]

    assert loose == []
