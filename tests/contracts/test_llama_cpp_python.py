"""The same backend against a real server, llama-cpp-python's with the shipped model, where it is installed.

Installing it compiles llama.cpp for a good while, so nothing here needs it. `LLAMA_CPP_PYTHON` may name the Python of
an environment of its own that has it: `pip install 'llama-cpp-python[server]'`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotation.generation.backend import Completion, GenerationRequest, Refusal, Sampling
from annotation.generation.server_backend import ServerBackend
from annotation.generation.server_client import ServerSettings
from rl_bridge.shipped import find_shipped_gguf

pytestmark = [pytest.mark.model, pytest.mark.slow]
CONTEXT = 256
START_SECONDS = 60
PYTHON = os.environ.get("LLAMA_CPP_PYTHON", sys.executable)
SAMPLING = Sampling(temperature=0.9, top_p=0.95, max_new_tokens=12, seed=3)
ASK = GenerationRequest("What is 3 + 4?")


def has_server() -> bool:
    command = [PYTHON, "-c", "import llama_cpp.server.app"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not has_server():
        pytest.skip(
            "llama-cpp-python[server] is not installed; LLAMA_CPP_PYTHON may name a Python that has it"
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("llama") / "server.log"
    command = [PYTHON, "-m", "llama_cpp.server", "--model", str(find_shipped_gguf()), "--model_alias", "tiny"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--n_ctx", str(CONTEXT), "--n_threads", "2"]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            wait_until_it_listens(port, server, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.kill()
            server.wait()


def wait_until_it_listens(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise AssertionError(log.read_text(errors="replace")[-3000:])


@pytest.fixture
def backend(address: str) -> Iterator[ServerBackend]:
    settings = ServerSettings(address, "tiny", "", 4, 60.0, ("127.0.0.0/8",), backoff_seconds=0.1)
    backend = ServerBackend(settings)
    yield backend
    backend.close()


def test_each_of_many_candidates_is_a_whole_answer_and_none_is_like_another(backend: ServerBackend) -> None:
    results = backend.generate([ASK] * 3, SAMPLING, lambda: False)

    completions = [result for result in results if isinstance(result, Completion)]
    assert len(completions) == 3, results
    assert len({completion.text for completion in completions}) == 3
    for completion in completions:
        assert completion.text.strip()
        assert completion.finish_reason in ("stop", "length")
        assert completion.num_tokens is not None
        assert 0 < completion.num_tokens <= 12
        assert completion.num_prompt_tokens is not None
        assert completion.num_prompt_tokens > 5


def test_the_likeliest_text_comes_again_and_is_cut_off_as_asked(backend: ServerBackend) -> None:
    greedy = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=8, seed=1)

    [first] = backend.generate([ASK], greedy, lambda: False)
    [second] = backend.generate([ASK], greedy, lambda: False)

    assert isinstance(first, Completion)
    assert isinstance(second, Completion)
    assert (first.text, first.finish_reason) == (second.text, "length")


def test_log_probabilities_are_told_or_the_record_says_that_they_are_not(backend: ServerBackend) -> None:
    [completion] = backend.generate([ASK], SAMPLING, lambda: False)

    assert isinstance(completion, Completion)
    if "logprobs" in backend.describe().versions.get("fields_left_out", ""):
        assert completion.mean_logprob is None
    else:
        assert completion.mean_logprob is not None
        assert -20 < completion.mean_logprob < 0


def test_a_prompt_longer_than_the_context_is_refused_in_its_words_and_the_rest_goes_on(
    backend: ServerBackend,
) -> None:
    long, short = backend.generate([GenerationRequest("word " * 400), ASK], SAMPLING, lambda: False)

    assert isinstance(long, Refusal)
    assert "context" in long.reason
    assert isinstance(short, Completion)
