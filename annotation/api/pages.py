"""Long lists come in pages, by cursor: rows that arrive meanwhile neither repeat nor hide others."""

from __future__ import annotations

from rest_framework.pagination import CursorPagination


class PagesById(CursorPagination):
    """Oldest first, 100 a page; `page_size` asks for up to 500. Follow `next` until it is null."""

    ordering = "id"
    page_size_query_param = "page_size"
    max_page_size = 500
