"""JSON bodies of a bounded size: DRF reads the stream itself, past Django's own limit."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import JSONParser

from annotation.api.refusals import TooLarge


class BoundedJSONParser(JSONParser):
    """Refuses a body over DATA_UPLOAD_MAX_MEMORY_SIZE, without reading more of it than that."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise TooLarge(f"A request may have {limit // 1024**2} MiB; send the rest in another one.")
        return super().parse(io.BytesIO(body), media_type, parser_context)
