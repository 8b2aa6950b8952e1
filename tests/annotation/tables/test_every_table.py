"""Every list of the product is filtered: a table that nobody can search is looked for line by line."""

from __future__ import annotations

import ast

from tests.repo.test_house_rules import list_modules, name_of


def test_every_table_has_filters() -> None:
    calls = [
        (f"{name_of(path)}:{node.lineno}", {keyword.arg for keyword in node.keywords})
        for path in list_modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Table"
    ]
    tables = {where: given for where, given in calls if "noun" in given}  # a chart's table has no noun

    assert len(tables) > 20
    assert [where for where, given in tables.items() if "filters" not in given] == []
