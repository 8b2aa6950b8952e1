"""Every address of the product, from the one list that Django itself answers by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
# The admin's own addresses: by a regular expression, or with what only its pages put in.
_CATCH_ALL = re.compile(r"\^?\(\?P<url>.*\)\$$")
SAMPLES = {"slug": "hidden-project", "str": "x", "int": "1", "path": "x", "uuid": "0" * 32}


@dataclass(frozen=True)
class Address:
    """`name` as in `reverse()`; `route` as in urls.py, with its parameters in angle brackets."""

    name: str
    route: str

    @property
    def is_of_admin(self) -> bool:
        return self.name.startswith("admin:") or self.route.startswith("admin/")

    @property
    def is_of_api(self) -> bool:
        return self.route.startswith("api/")

    @property
    def parameters(self) -> dict[str, str]:
        """Name of each parameter, and its kind."""
        return {name: kind or "str" for kind, name in _PARAMETER.findall(self.route)}

    @property
    def has_row(self) -> bool:
        """Whether it names a project or a row in one."""
        return not self.is_of_admin and bool({"slug", "int"} & set(self.parameters.values()))

    def fill(self, values: Mapping[str, object] | None = None, *, slug: str = SAMPLES["slug"]) -> str:
        """The path with `values` in it, and something plausible in place of what they lack."""
        samples, known = {**SAMPLES, "slug": slug}, values or {}

        def put(match: re.Match[str]) -> str:
            return str(known.get(match[2], samples[match[1] or "str"]))

        return "/" + _PARAMETER.sub(put, self.route)


def list_addresses() -> list[Address]:
    """Pages, API and admin alike."""

    def walk(patterns: list[URLPattern | URLResolver], prefix: str, space: str) -> Iterator[Address]:
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
                yield from walk(pattern.url_patterns, route, inner)
            else:
                yield Address(f"{space}{pattern.name}", _CATCH_ALL.sub("x", route))

    return list(walk(get_resolver().url_patterns, "", ""))


def list_pages() -> list[Address]:
    """Those of people: what neither the API nor the admin has."""
    return [address for address in list_addresses() if not (address.is_of_admin or address.is_of_api)]
