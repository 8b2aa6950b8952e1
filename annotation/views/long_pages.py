"""Rating pages of long traces, sent as they are made, so that the first steps show while the rest are rendered.

Everything that is read or decided stands before the first byte; after it only steps are rendered, which never fails.
"""

from __future__ import annotations

import re
import secrets
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.safestring import SafeString
from django.utils.translation import get_language, override

from annotation.rules.step_row import StepRow
from annotation.views.rating_form import render_cards

NUM_AT_ONCE = 60  # steps before the first byte, more than a screen holds; shorter traces come in one piece
_NUM_A_PIECE = 120
_ACCEPTS_GZIP = re.compile(r"\bgzip\b")


def respond_with_steps(
    request: HttpRequest,
    render_page: Callable[[SafeString], str],
    rows: Sequence[StepRow],
    place: Mapping[str, object],
    *,
    status: int,
) -> HttpResponseBase:
    """What `render_page` makes of the cards of these rows; of a long trace in pieces, the first cards at once."""
    if len(rows) <= NUM_AT_ONCE:
        return HttpResponse(render_page(render_cards(rows, place)), status=status)
    mark = secrets.token_hex(16)
    page = render_page(render_cards(rows[:NUM_AT_ONCE], place, far_steps=mark))
    before, _, after = page.partition(mark)
    pieces = _render_pieces(before, rows[NUM_AT_ONCE:], after, place, get_language())
    if not _ACCEPTS_GZIP.search(request.headers.get("Accept-Encoding", "")):
        return StreamingHttpResponse(pieces, status=status)
    response = StreamingHttpResponse(_compress(pieces), status=status, headers={"Content-Encoding": "gzip"})
    patch_vary_headers(response, ("Accept-Encoding",))
    return response


def _render_pieces(
    before: str, rows: Sequence[StepRow], after: str, place: Mapping[str, object], language: str | None
) -> Iterator[str]:
    yield before
    for start in range(0, len(rows), _NUM_A_PIECE):
        some = rows[start : start + _NUM_A_PIECE]
        with override(language):  # the request's own may be over by now
            yield render_cards(some, place)
    yield after


def _compress(pieces: Iterator[str]) -> Iterator[bytes]:
    """As gzip, each piece handed on whole: Django's own keeps back what would fill no block."""
    packer = zlib.compressobj(level=5, wbits=31)
    for piece in pieces:
        yield packer.compress(piece.encode()) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()
