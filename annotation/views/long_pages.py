"""Rating pages of long traces: in groups, of which a browser lays out those in sight, and sent as they are made, so
that the first steps show while the rest are still rendered.

Everything that is read or decided stands before the first byte; after it only steps are rendered, which never fails.
"""

from __future__ import annotations

import re
import secrets
import zlib
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language, override

from annotation.forms.ratings import StepRow

NUM_AT_ONCE = 60  # steps before the first byte, more than a screen holds; shorter traces come in one piece
_NUM_A_PIECE = 120
_NUM_A_GROUP = 30
_ACCEPTS_GZIP = re.compile(r"\bgzip\b")


def group_steps(rows: list[StepRow]) -> list[list[StepRow]]:
    """The steps in the lists that the page is made of. See docs/adr/rating-page.md."""
    return [rows[start : start + _NUM_A_GROUP] for start in range(0, len(rows), _NUM_A_GROUP)]


def render_long(
    request: HttpRequest, template: str, context: dict[str, object], rows: list[StepRow], *, status: int
) -> HttpResponseBase:
    """The template with the first of these rows, and the rest where it says `far_steps`."""
    mark = secrets.token_hex(16)
    first, rest = rows[:NUM_AT_ONCE], rows[NUM_AT_ONCE:]
    page = render_to_string(template, {**context, "groups": group_steps(first), "far_steps": mark}, request)
    before, _, after = page.partition(mark)
    pieces = _render_pieces(before, rest, after, context, get_language())
    if not _ACCEPTS_GZIP.search(request.headers.get("Accept-Encoding", "")):
        return StreamingHttpResponse(pieces, status=status)
    response = StreamingHttpResponse(_compress(pieces), status=status, headers={"Content-Encoding": "gzip"})
    patch_vary_headers(response, ("Accept-Encoding",))
    return response


def _render_pieces(
    before: str, rows: list[StepRow], after: str, context: dict[str, object], language: str | None
) -> Iterator[str]:
    yield before
    for start in range(0, len(rows), _NUM_A_PIECE):
        some = rows[start : start + _NUM_A_PIECE]
        with override(language):  # the request's own may be over by now
            yield render_to_string("ratings/step_cards.html", {**context, "groups": group_steps(some)})
    yield after


def _compress(pieces: Iterator[str]) -> Iterator[bytes]:
    """As gzip, each piece handed on whole: Django's own keeps back what would fill no block."""
    packer = zlib.compressobj(level=5, wbits=31)
    for piece in pieces:
        yield packer.compress(piece.encode()) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()
