"""Static files as they are served: named by their content, so that a browser never mixes two versions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage

_UNUSED = "django_htmx/ext/"  # htmx's extensions: we use none, and one imports a module that isn't shipped


class HashedStaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise carries no types
    """Also rewrites the imports between our JavaScript modules, which Django leaves alone unless asked."""

    support_js_module_import_aggregation = True

    def post_process(self, paths: dict[str, Any], **options: Any) -> Iterator[Any]:
        used = {name: path for name, path in paths.items() if not name.startswith(_UNUSED)}
        yield from super().post_process(used, **options)
