"""Static files as they are served: named by their content, so that a browser never mixes two versions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage

from config.modules import join_modules

_UNUSED = "django_htmx/ext/"  # htmx's extensions: we use none, and one imports a module that isn't shipped
_OURS = PurePosixPath("js")


class HashedStaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise carries no types
    """Also puts our JavaScript modules together, and rewrites the imports that are left."""

    support_js_module_import_aggregation = True

    def post_process(self, paths: dict[str, Any], **options: Any) -> Iterator[Any]:
        used = {name: path for name, path in paths.items() if not name.startswith(_UNUSED)}
        yield from super().post_process({**used, **_join_ours(used)}, **options)


def _join_ours(paths: dict[str, Any]) -> dict[str, Any]:
    """Each of our modules with what it imports, in place of the file as it was written."""

    def read(module: str) -> str:
        storage, path = paths[str(_OURS / module)]
        with storage.open(path) as file:
            return str(file.read().decode())

    joined, memory = {}, InMemoryStorage()
    for name in paths:
        if PurePosixPath(name).parent == _OURS and name.endswith(".js"):
            memory.save(name, ContentFile(join_modules(PurePosixPath(name).name, read).encode()))
            joined[name] = (memory, name)
    return joined
