"""What the documents point to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.paths import BASE_DIR
from tests.repo.test_house_rules import list_tracked

DOCUMENTS = [*list_tracked("*.md")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(BASE_DIR)))
def test_every_link_within_the_repository_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))

    broken = [
        target
        for target in targets
        if not target.startswith(("http://", "https://", "mailto:"))
        and not (document.parent / target).exists()
    ]

    assert broken == []


def test_every_decision_is_listed_by_its_title() -> None:
    untitled = [
        path.name
        for path in list_tracked("docs/adr/*.md")
        if not path.read_text(encoding="utf-8").startswith("# ")
    ]

    assert untitled == []


def test_the_settings_that_deploy_lists_are_those_the_code_reads() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for path in [
            *(BASE_DIR / "config").rglob("*.py"),
            BASE_DIR / "annotation" / "importing" / "hub_repositories.py",
            BASE_DIR / "rl_bridge" / "code_checking.py",
            BASE_DIR / "run",
        ]
    )
    read = set(re.findall(r"\"(GRADUS_[A-Z_]+|DATABASE_URL|CELERY_BROKER_URL|PG_BIN|VALKEY_BIN)\"", code))

    listed = set(re.findall(r"`([A-Z_]{5,})`", (BASE_DIR / "docs" / "deploy.md").read_text(encoding="utf-8")))

    assert read <= listed, f"docs/deploy.md does not list {sorted(read - listed)}"
    assert {name for name in listed if name.startswith("GRADUS_")} <= read


def test_every_document_that_the_code_names_is_there() -> None:
    named = {
        found
        for path in [*list_tracked("*.py"), BASE_DIR / "run"]
        for found in re.findall(r"\bdocs/[a-z/-]+\.md", path.read_text(encoding="utf-8"))
    }

    assert len(named) > 5
    assert [name for name in sorted(named) if not (BASE_DIR / name).exists()] == []
