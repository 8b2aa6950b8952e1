"""Long lists come in pages, by cursor: rows that arrive meanwhile neither repeat nor hide others."""

from __future__ import annotations

import re

from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

_POSITION = re.compile(r"[0-9]{1,19}")


class PagesById(CursorPagination):
    """Oldest first, 100 a page; `page_size` asks for up to 500. Follow `next` until it is null."""

    ordering = "id"
    page_size_query_param = "page_size"
    max_page_size = 500

    def decode_cursor(self, request: Request) -> Cursor | None:
        """The cursor as sent. One that nobody was given may hold anything, and would reach the database as an id."""
        cursor = super().decode_cursor(request)
        position = None if cursor is None else cursor.position
        if position is not None and not _POSITION.fullmatch(str(position)):
            raise NotFound(self.invalid_cursor_message)
        return cursor
