"""Rating pages of long traces: complete without a script, sent in pieces, compressed where the browser takes it."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation.models import Assignment, Rating
from annotation.views.long_pages import NUM_AT_ONCE
from tests.factories import make_assignment, make_trace

pytestmark = pytest.mark.django_db

NUM_STEPS = 3 * NUM_AT_ONCE


@pytest.fixture
def assignment() -> Assignment:
    trace = make_trace(steps=[f"Step {number}: $x_{{{number}}}$.\n" for number in range(NUM_STEPS)])
    now = timezone.now()
    return make_assignment(trace, leased_at=now, expires_at=now.replace(year=now.year + 1))


@pytest.fixture
def rater(assignment: Assignment) -> Client:
    client = Client()
    client.force_login(assignment.rater)
    return client


def url_of(assignment: Assignment) -> str:
    return reverse("annotation:rate_trace", args=[assignment.pk])


def pieces_of(client: Client, assignment: Assignment, **headers: str) -> Iterator[bytes]:
    answer = client.get(url_of(assignment), headers=headers)
    assert answer.streaming
    return iter(answer.streaming_content)  # type: ignore[attr-defined]


def test_every_step_is_in_the_plain_page_once_and_in_order(rater: Client, assignment: Assignment) -> None:
    page = b"".join(pieces_of(rater, assignment)).decode()

    places = [page.index(f'id="step-{number}"') for number in range(1, NUM_STEPS + 1)]
    assert places == sorted(places)
    assert page.count("data-step=") == NUM_STEPS
    assert [int(start) for start in re.findall(r'<ol class="steps" start="(\d+)">', page)] == list(
        range(1, NUM_STEPS, 30)
    )
    assert page.index('name="action" value="submit"') > places[-1]
    assert page.rstrip().endswith("</html>")


def test_the_first_steps_are_sent_before_the_last_are_rendered(
    rater: Client, assignment: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = pieces_of(rater, assignment)
    monkeypatch.setattr(
        "annotation.rendering.rendered._CACHE.find", lambda key: pytest.fail("rendered too early")
    )

    first = next(pieces).decode()

    assert f'id="step-{NUM_AT_ONCE}"' in first
    assert f'id="step-{NUM_AT_ONCE + 1}"' not in first


def test_it_is_compressed_piece_by_piece_where_the_browser_takes_that(
    rater: Client, assignment: Assignment
) -> None:
    plain = rater.get(url_of(assignment))
    packed = rater.get(url_of(assignment), headers={"accept-encoding": "br, gzip"})
    pieces = list(packed.streaming_content)  # type: ignore[attr-defined]

    text = gzip.decompress(b"".join(pieces)).decode()
    assert packed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed["Vary"]
    assert "Content-Encoding" not in plain
    assert len(pieces[0]) > 1000
    assert text.count("data-step=") == NUM_STEPS


def test_a_script_gets_the_form_alone(rater: Client, assignment: Assignment) -> None:
    page = b"".join(pieces_of(rater, assignment, **{"hx-request": "true"})).decode()

    assert page.lstrip().startswith("<form")
    assert page.count("data-step=") == NUM_STEPS


def test_what_was_sent_of_a_long_trace_survives_a_refusal(rater: Client, assignment: Assignment) -> None:
    sent = {f"label-{index}": "1" for index in range(NUM_STEPS - 1)}
    sent |= {"action": "submit", "idempotency_key": "0" * 32, f"note-{NUM_STEPS - 1}": "why?"}

    answer = rater.post(url_of(assignment), sent)

    page = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert answer.status_code == 422
    assert f"Step {NUM_STEPS} is not judged yet." in page
    assert page.count(' value="1" checked') == NUM_STEPS - 1
    assert ">why?</textarea>" in page
    assert not Rating.objects.exists()


def test_numbers_in_fields_are_plain_in_every_language(rater: Client, assignment: Assignment) -> None:
    page = b"".join(pieces_of(rater, assignment, **{"accept-language": "ar"})).decode()

    assert f'name="label-{NUM_STEPS - 1}"' in page
    assert f'id="step-{NUM_STEPS}"' in page
