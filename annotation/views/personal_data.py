"""A person takes what the product keeps of them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from django.contrib.auth.decorators import login_required
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotation.actions.audit import record_event
from annotation.models import Account
from annotation.queries.personal_data import read_personal_data
from annotation.views.access import account_of


@login_required
@never_cache
@require_safe
def download_own_data(request: HttpRequest) -> StreamingHttpResponse:
    """JSON Lines: one object a row, with its kind."""
    account = account_of(request)
    if request.method == "GET":
        record_event(
            actor=account, verb="downloaded what is kept of them", subject=account, now=timezone.now()
        )
    answer = StreamingHttpResponse(_write(account), content_type="application/jsonl; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="gradus-my-data.jsonl"'
    return answer


def _write(account: Account) -> Iterator[str]:
    for row in read_personal_data(account):
        yield json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False) + "\n"
