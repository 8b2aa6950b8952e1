"""`serve`: the real server on loopback, asked as a stranger would ask it."""

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rl_bridge import __main__, prm, serve
from rl_bridge.errors import BridgeError
from tests.rl_bridge.test_prm import write_prm

TRACE = {"prompt": "What is 2 + 2?", "steps": ["2 + 2 = 4.\n", "Done."]}


@pytest.fixture
def folder(tiny_llama: Path, tmp_path: Path) -> Path:
    return write_prm(tmp_path / "prm", tiny_llama)


@pytest.fixture
def server(folder: Path) -> Iterator[serve.JudgeServer]:
    yield from run_server(folder, key="")


@pytest.fixture
def guarded(folder: Path) -> Iterator[serve.JudgeServer]:
    yield from run_server(folder, key="secret")


def run_server(folder: Path, *, key: str) -> Iterator[serve.JudgeServer]:
    with serve.open_server(folder=folder, host="127.0.0.1", port=0, name="sums", key=key) as opened:
        thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield opened
        opened.shutdown()
        thread.join()


def ask(
    server: serve.JudgeServer,
    method: str = "POST",
    path: str = "/v1/scores",
    body: bytes | None = None,
    **headers: str,
) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_scores_are_those_of_the_model_itself(server: serve.JudgeServer, folder: Path) -> None:
    status, told = ask(server, body=json.dumps({"traces": [TRACE, TRACE]}).encode())

    opened = prm.load_prm(folder, device="cpu")
    expected = prm.score_steps(opened, "What is 2 + 2?", ["2 + 2 = 4.\n", "Done."])
    assert status == 200
    assert told["scores"] == [pytest.approx(expected, abs=1e-5)] * 2
    assert told["faults"] == ["", ""]
    assert (told["judge"], told["revision"]) == ("sums", opened.revision)


def test_it_says_what_it_is(server: serve.JudgeServer) -> None:
    status, told = ask(server, "GET", "/v1/judge")

    assert status == 200
    assert told["judge"] == "sums"
    assert told["segmenters"] == ["lines-1"]
    assert server.url.startswith("http://127.0.0.1:")


def test_a_trace_that_is_too_long_gets_a_reason_and_the_others_their_scores(
    server: serve.JudgeServer,
) -> None:
    body = {"traces": [{"prompt": "p", "steps": ["x" * 500]}, TRACE]}

    _, told = ask(server, body=json.dumps(body).encode())

    assert told["scores"][0] is None
    assert "too long" in told["faults"][0]
    assert len(told["scores"][1]) == 2


@pytest.mark.parametrize(
    ("body", "status", "complaint"),
    [
        (b"{", 400, "not JSON"),
        (b"\xff", 400, "not JSON"),
        (b"[]", 400, "no list of `traces`"),
        (b'{"traces": [{"prompt": "p"}]}', 400, "Trace 0 has no `steps`"),
        (b'{"traces": [{"steps": ["a"]}]}', 400, "Trace 0 has no `prompt`"),
        (json.dumps({"traces": [TRACE] * 257}).encode(), 413, "256 traces, not 257"),
    ],
)
def test_a_bad_request_is_refused_in_one_sentence(
    server: serve.JudgeServer, body: bytes, status: int, complaint: str
) -> None:
    found, told = ask(server, body=body)

    assert found == status
    assert complaint in told["error"]["message"]


def test_a_body_without_length_or_too_large_is_not_read(server: serve.JudgeServer) -> None:
    assert ask(server, **{"Content-Length": "x"})[0] == 411
    assert ask(server, **{"Content-Length": str(2**40)})[0] == 413


def test_there_is_nothing_elsewhere(server: serve.JudgeServer) -> None:
    status, told = ask(server, "GET", "/etc/passwd")

    assert status == 404
    assert "/v1/judge" in told["error"]["message"]


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "secret"}])
def test_without_the_key_nothing_is_told(guarded: serve.JudgeServer, header: dict[str, str]) -> None:
    status, told = ask(guarded, "GET", "/v1/judge", **header)

    assert status == 401
    assert "revision" not in told


def test_with_the_key_it_scores(guarded: serve.JudgeServer) -> None:
    body = json.dumps({"traces": [TRACE]}).encode()

    assert ask(guarded, body=body, Authorization="Bearer secret")[0] == 200


def test_the_model_failing_is_an_answer_too(
    server: serve.JudgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("out of memory\nand a long tail")

    monkeypatch.setattr(serve, "score_all", fail)

    assert ask(server, body=json.dumps({"traces": [TRACE]}).encode()) == (
        500,
        {"error": {"message": "out of memory"}},
    )


def test_a_judge_that_others_can_reach_wants_a_key(folder: Path) -> None:
    with pytest.raises(serve.NotServable, match="--key-variable"):
        serve.open_server(folder=folder, host="0.0.0.0", port=0, name="sums", key="")


def test_a_taken_port_is_said(server: serve.JudgeServer, folder: Path) -> None:
    port = server.server_address[1]

    with pytest.raises(serve.NotServable, match="Nothing can listen"):
        serve.open_server(folder=folder, host="127.0.0.1", port=int(port), name="sums", key="")


def test_a_key_variable_that_is_empty_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert __main__.main(["serve", "--prm", str(tmp_path), "--key-variable", "NO_SUCH_API_KEY"]) == 2

    assert "NO_SUCH_API_KEY" in capsys.readouterr().err
    assert issubclass(serve.NotServable, BridgeError)
