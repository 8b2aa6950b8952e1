"""Whoever does something is named in the audit log, in the same transaction: a look at the code of every action."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.repo.test_house_rules import list_modules, name_of

# Actions of people that no log needs: what they make says itself who made it, and when.
SPEAK_FOR_THEMSELVES = {
    "annotation/actions/dry_runs.py:launch_dry_run": "a look at one answer; its row names who asked",
    "annotation/actions/model_specs.py:launch_trial": "a look at one answer; its row names who asked",
    "annotation/actions/imports.py:add_file_source": "a look at a file; the import itself is recorded",
    "annotation/actions/imports.py:add_hub_source": "a look at a data set; the import itself is recorded",
    "annotation/actions/import_gold.py:import_gold": "each trace made gold is recorded",
    "annotation/actions/invitation_mail.py:send_invitation": "the link it sends was recorded when it was made",
}
RECORDS = ("record_event", "record", "_record", "record_download")


def list_actions() -> Iterator[tuple[Path, ast.FunctionDef]]:
    """Functions of the actions that take an `actor`."""
    for path in list_modules():
        name = name_of(path)
        if not name.startswith(("annotation/actions/", "exports/")) or name == "annotation/actions/audit.py":
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and "actor" in {arg.arg for arg in node.args.kwonlyargs}:
                yield path, node


def calls(node: ast.AST) -> Iterator[ast.Call]:
    return (found for found in ast.walk(node) if isinstance(found, ast.Call))


def name_called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def hands_on(call: ast.Call) -> bool:
    return any(word.arg == "actor" for word in call.keywords)


def is_write(node: ast.FunctionDef) -> bool:
    """Its own work, that is: not a part of another function's, in whose transaction it is."""
    return not node.name.startswith("_") and "in the caller's transaction" not in (
        ast.get_docstring(node) or ""
    )


def test_every_action_of_somebody_is_recorded_or_hands_on_whose_it_is() -> None:
    silent = [
        f"{name_of(path)}:{node.name}"
        for path, node in list_actions()
        if is_write(node) and not any(name_called(call) in RECORDS or hands_on(call) for call in calls(node))
    ]

    assert len(list(list_actions())) > 40
    assert sorted(silent) == sorted(SPEAK_FOR_THEMSELVES)


def test_what_is_recorded_is_recorded_in_the_transaction_that_does_it() -> None:
    outside = [
        f"{name_of(path)}:{node.name}"
        for path, node in list_actions()
        if is_write(node)
        and not node.name.startswith("record_")  # it does nothing else
        and any(name_called(call) == "record_event" for call in calls(node))
        and not any(
            name_called(call) == "record_event"
            for block in ast.walk(node)
            if isinstance(block, ast.With) and "atomic()" in ast.unparse(block.items[0].context_expr)
            for call in calls(block)
        )
        and not any("atomic" in ast.unparse(decorator) for decorator in node.decorator_list)
    ]

    assert outside == []
