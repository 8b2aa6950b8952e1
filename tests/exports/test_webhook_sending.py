"""One POST: signed, to the IP that was checked, with every way to fail in words."""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from exports import webhook_sending
from exports.addresses import Target
from exports.webhook_sending import Outcome, post, sign
from tests.rl_bridge.servers import Answer, serving


def target_of(url: str, **changed: object) -> Target:
    port = int(url.rpartition(":")[2])
    values = {"scheme": "http", "host": "127.0.0.1", "port": port, "ip": "127.0.0.1", "path": "/"}
    return Target(**{**values, **changed})  # type: ignore[arg-type]


def send(target: Target, body: str = "{}") -> Outcome:
    return post(
        target, body=body, secret="whsec_x", event="export.finished", uid="u-1", timestamp=1_700_000_000
    )


@contextmanager
def silent_server() -> Iterator[str]:
    """Takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept: list[socket.socket] = []
        thread = threading.Thread(target=lambda: kept.append(listener.accept()[0]), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(timeout=5)
        for connection in kept:
            connection.close()


def test_the_signature_is_hmac_over_time_and_body() -> None:
    signed = sign("secret", 1_700_000_000, '{"a":"é"}')

    expected = hmac.new(b"secret", '1700000000.{"a":"é"}'.encode(), hashlib.sha256).hexdigest()
    assert signed == f"t=1700000000,v1={expected}"


@pytest.mark.parametrize(
    ("status", "is_delivered"), [(200, True), (204, True), (302, False), (400, False), (500, False)]
)
def test_only_a_success_delivers(status: int, is_delivered: bool) -> None:
    with serving(lambda asked: Answer(status)) as server:
        outcome = send(target_of(server.url))

    assert (outcome.status, outcome.is_delivered, outcome.error) == (status, is_delivered, "")


def test_the_name_is_told_and_the_checked_ip_is_asked() -> None:
    with serving(lambda asked: Answer(200)) as server:
        outcome = send(target_of(server.url, host="ci.example.org", path="/hook?a=b"), body='{"é": 1}')

    asked = server.asked[0]
    assert outcome.is_delivered
    assert asked.headers["host"].startswith("ci.example.org")
    assert (asked.path, asked.body) == ("/hook?a=b", '{"é": 1}'.encode())
    assert asked.headers["content-type"] == "application/json"


def test_a_redirect_is_not_followed() -> None:
    with (
        serving(lambda asked: Answer(200)) as inward,
        serving(lambda asked: Answer(302, headers={"Location": f"{inward.url}/secret"})) as server,
    ):
        assert send(target_of(server.url)).status == 302
        assert inward.asked == []


def test_what_no_request_can_hold_is_a_failure_in_words_and_no_crash() -> None:
    with serving(lambda asked: Answer()) as server:
        for path in ("/é🙂", "/a b", "/\r\nHost: inside"):
            outcome = send(target_of(server.url, path=path))
            assert (outcome.status, outcome.is_delivered) == (None, False)
            assert outcome.error

    assert server.asked == []


def test_no_answer_is_a_failure_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_sending, "TIMEOUT_SECONDS", 0.2)

    with silent_server() as url:
        outcome = send(target_of(url))

    assert outcome.status is None
    assert outcome.error == "No answer within 0.2 seconds."


def test_a_server_without_tls_behind_https_is_a_failure_in_words() -> None:
    with serving(lambda asked: Answer(200)) as server:
        outcome = send(target_of(server.url, scheme="https"))

    assert outcome.status is None
    assert outcome.error


def test_a_bad_certificate_says_what_is_wrong_with_it() -> None:
    problem = ssl.SSLCertVerificationError("certificate verify failed")
    problem.verify_message = "self-signed certificate"  # as the ssl module sets it

    assert webhook_sending._explain(problem) == "Its certificate is not good: self-signed certificate."
