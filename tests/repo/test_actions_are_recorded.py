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
# A rater's own work, which its rows tell of with who and when; and what only changes how pages look to oneself.
OWN_WORK = {
    "annotation/actions/accounts.py:bind_keys": "how the person's own pages take keys",
    "annotation/actions/accounts.py:choose_language": "in which language the person's own pages are",
    "annotation/actions/assignments.py:return_lease": "the assignment says who gave the trace back, and when",
    "annotation/actions/assignments.py:skip_trace": "the assignment says who skipped, when and why",
    "annotation/actions/branches.py:ask_for_alternatives": "its row says who asked",
    "annotation/actions/comparisons.py:submit_comparison": "the comparison says whose it is",
    "annotation/actions/disagreements.py:hold_next": "a place in the queue that lapses; the decision is recorded",
    "annotation/actions/leases_ahead.py:renew_leases_ahead": "a lease goes on running",
    "annotation/actions/practice.py:answer_tutorial": "the answer says whose it is",
    "annotation/actions/practice.py:start_attempt": "the attempt says whose it is",
    "annotation/actions/ratings.py:amend_rating": "each revision is kept, with when",
    "annotation/actions/ratings.py:save_draft": "a draft is the rater's own until it is submitted",
    "annotation/actions/sign_ins.py:note_session": "the sign-in is recorded",
}
PEOPLE = {"actor", "account", "rater", "adjudicator"}
WRITES = {
    "save", "create", "bulk_create", "update", "bulk_update", "update_or_create", "get_or_create", "delete",
    "create_superuser", "create_user",
}  # fmt: skip
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


def list_silent_writers() -> set[str]:
    """Public functions in the name of a person that write, by themselves or by a private part of their module, and
    record nothing."""
    silent = set()
    for path in list_modules():
        name = name_of(path)
        if not name.startswith(("annotation/actions/", "exports/")) or name.endswith("actions/audit.py"):
            continue
        body = ast.parse(path.read_text(encoding="utf-8")).body
        functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
        for node in functions.values():
            if node.name.startswith("_") or not PEOPLE & {arg.arg for arg in node.args.kwonlyargs}:
                continue
            parts = [
                node,
                *(functions[part] for part in _names(node) & functions.keys() if part.startswith("_")),
            ]
            said = set().union(*map(_names, parts))
            if said & WRITES and not said & set(RECORDS):
                silent.add(f"{name}:{node.name}")
    return silent


def _names(node: ast.AST) -> set[str]:
    return {name_called(call) for call in calls(node)}


def test_whoever_writes_in_somebody_s_name_records_it_or_says_why_not() -> None:
    told = {**SPEAK_FOR_THEMSELVES, **OWN_WORK}

    assert sorted(list_silent_writers() - told.keys()) == []
    assert sorted(OWN_WORK.keys() - list_silent_writers()) == [], "these record it, or are there no more"


def find_ways_out(block: list[ast.stmt]) -> Iterator[ast.stmt]:
    """What leaves a function after something was written in the same block, and before it was recorded."""
    has_written = has_recorded = False
    for statement in block:
        if isinstance(statement, ast.Return) and has_written and not has_recorded:
            yield statement
        is_plain = isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign | ast.Return)
        said = _names(statement) if is_plain else set()
        has_written |= bool(said & WRITES)
        has_recorded |= bool(said & set(RECORDS))
        for inner in ("body", "orelse", "finalbody"):
            yield from find_ways_out(getattr(statement, inner, None) or [])


def test_no_way_out_of_an_action_passes_its_record_by() -> None:
    """One that has a record at all: a branch that writes and returns early tells of nothing."""
    passed_by = [
        f"{name_of(path)}:{node.name}:{way.lineno}"
        for path, node in list_actions()
        if is_write(node) and _names(node) & set(RECORDS)
        for way in find_ways_out(node.body)
    ]

    assert passed_by == []


def test_a_branch_that_writes_and_leaves_is_noticed() -> None:
    silent = "def f():\n    if known:\n        known.save()\n        return known\n    record_event()"
    told = silent.replace("return", "record_event()\n        return")

    assert [len(list(find_ways_out(ast.parse(text).body))) for text in (silent, told)] == [1, 0]


def test_the_administration_records_what_it_lets_change() -> None:
    """A class of the admin that may change or delete says what it records."""
    silent = [
        f"{name_of(path)}:{node.name}"
        for path in list_modules()
        if name_of(path).startswith(("annotation/admin/", "exports/admin"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name != "ReadOnlyAdmin" and _may_write(node)
        if not {"record_save", "record_event", "record_removal"} & _names(node)
    ]

    assert silent == []


def _may_write(node: ast.ClassDef) -> bool:
    is_read_only = any(ast.unparse(base) == "ReadOnlyAdmin" for base in node.bases)
    allows = [
        part
        for part in node.body
        if isinstance(part, ast.FunctionDef)
        and part.name in ("has_add_permission", "has_change_permission", "has_delete_permission")
        and "return True" in ast.unparse(part)
    ]
    return bool(allows) or not is_read_only
