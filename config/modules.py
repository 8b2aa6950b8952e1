"""Puts the JavaScript modules of one page into one file, so that a page loads two scripts and not a dozen.

Only what our own modules do is understood: `import { a, b } from "./other.js";` on a line of its own at the top, and
`export` before a declaration. Anything else is refused while files are collected, and so are two top-level names that
are the same: joined, the modules share one scope.
"""

from __future__ import annotations

import re
from collections.abc import Callable

# Loaded by every page itself: joined into another it would run twice.
SHARED = frozenset({"frame.js"})

_IMPORT = re.compile(r'^import\s*\{([^}]*)\}\s*from\s*"\./([\w.-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let)\b)", re.MULTILINE)
_DECLARED = re.compile(r"^(?:async )?(?:function\*?|class|const|let|var)\s+(\w+)", re.MULTILINE)
_NOT_UNDERSTOOD = re.compile(r"^(?:import|export)\b.*|^(?:const|let|var)\s*[\[{].*", re.MULTILINE)


class CannotJoin(ValueError):
    """A module does what this joiner does not understand; the message names it."""


def join_modules(name: str, read: Callable[[str], str]) -> str:
    """The source of a module with all it imports, each once and before what needs it; `read` gives a file's text."""
    if name in SHARED:
        return read(name)  # others import from it
    joined: dict[str, str] = {}
    shared: dict[str, set[str]] = {}
    owners: dict[str, str] = {}

    def take(module: str, path: tuple[str, ...]) -> None:
        if module in path:
            raise CannotJoin(f"{module} imports itself, by way of {', '.join(path)}.")
        if module in joined:
            return
        source = read(module)
        for names, imported in _IMPORT.findall(source):
            if imported in SHARED:
                shared.setdefault(imported, set()).update(
                    part.strip() for part in names.split(",") if part.strip()
                )
            else:
                take(imported, (*path, module))
        body = _EXPORT.sub("", _IMPORT.sub("", source))
        if found := _NOT_UNDERSTOOD.search(body):
            raise CannotJoin(f"{module}: {found[0]!r} can't be joined with other modules.")
        for declared in _DECLARED.findall(body):
            if declared in owners:
                raise CannotJoin(f"{module} and {owners[declared]} both declare {declared}.")
            owners[declared] = module
        joined[module] = body

    take(name, ())
    imports = [
        f'import {{ {", ".join(sorted(names))} }} from "./{module}";\n'
        for module, names in sorted(shared.items())
    ]
    return "".join([*imports, *joined.values()])
