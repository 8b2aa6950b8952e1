"""What the rating page's script asks for while somebody rates: saving the draft, and a step's exact source."""

from __future__ import annotations

import json
from http import HTTPStatus

from django.contrib.auth.decorators import login_required
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from annotation.actions import ratings
from annotation.forms.telling import tell
from annotation.rules.draft import InvalidDraft, parse_draft
from annotation.rules.segmentation import step_spans
from annotation.views.access import account_of
from annotation.views.cockpit import get_assignment


@login_required
@require_POST
def save_draft(request: HttpRequest, assignment_id: int) -> JsonResponse:
    """Stores a draft sent as JSON (annotation.rules.draft.DraftJson and `base_revision`).

    Answers 200 with the new revision; 409 with the newer draft where another page wrote it; 410 where the trace is
    submitted; 400 and 413 with a sentence for what is no draft.
    """
    assignment = get_assignment(request, assignment_id)
    now = timezone.now()
    try:
        sent = _read_json(request.body)
        draft = parse_draft(sent, assignment.trace.num_steps)
        saved = ratings.save_draft(
            assignment=assignment,
            rater=account_of(request),
            draft=draft,
            base_revision=_parse_revision(sent),
            now=now,
        )
    except RequestDataTooBig:
        return _refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, gettext("This draft is too large to be stored."))
    except InvalidDraft as error:
        return _refuse(HTTPStatus.BAD_REQUEST, tell(error))
    except ratings.AlreadySubmitted as error:
        return _refuse(HTTPStatus.GONE, str(error))
    except ratings.StaleDraft as stale:
        return JsonResponse(
            {
                "message": str(stale),
                "draft": stale.draft.as_json(),
                "revision": stale.revision,
                "saved_at": stale.saved_at,
            },
            status=HTTPStatus.CONFLICT,
        )
    return JsonResponse({"revision": saved.revision, "has_place": saved.has_place, "saved_at": now})


@login_required
@require_safe
def show_step_source(request: HttpRequest, assignment_id: int, index: int) -> HttpResponse:
    """Exactly what the model wrote in one step, as plain text."""
    trace = get_assignment(request, assignment_id).trace
    if index >= trace.num_steps:
        raise Http404(gettext("This trace has no such step."))
    start, end = step_spans(trace.step_ends)[index]
    return HttpResponse(trace.completion[start:end], content_type="text/plain; charset=utf-8")


def _read_json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (
        ValueError,
        RecursionError,
    ) as error:  # not JSON or not UTF-8; a number too long, or nested too deeply
        raise InvalidDraft("A draft is sent as JSON.") from error


def _parse_revision(sent: object) -> int:
    revision = sent.get("base_revision") if isinstance(sent, dict) else None
    if type(revision) is not int or revision < 0:
        raise InvalidDraft("“base_revision” is the revision the draft was made from.")
    return revision


def _refuse(status: int, message: str) -> JsonResponse:
    return JsonResponse({"message": message}, status=status)
