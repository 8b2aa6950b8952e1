"""What whoever runs the product can see of it: readiness, figures, logs with ids, errors in Sentry."""

from __future__ import annotations

import datetime as dt
import gzip
import http.server
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from gunicorn.config import Config

from annotation.models import GenerationChunk, JobState
from config.logs import AddIds, HideSecrets, describe_logging, hide_secrets, request_id
from config.paths import BASE_DIR
from config.web_server import WebLogger
from tests.factories import make_assignment, make_batch, make_rating, make_trace

TOKEN = "t" * 32


@pytest.fixture
def metrics(settings: Any) -> Client:
    settings.METRICS_TOKEN = TOKEN
    return Client(headers={"Authorization": f"Bearer {TOKEN}"})


class TestSecretsInLogs:
    @pytest.mark.django_db
    @pytest.mark.parametrize(
        "path", ["/join/very-secret/", "/start/very-secret/very-secret/", "/join/very-secret/?next=/"]
    )
    def test_a_link_that_lets_in_is_logged_without_what_lets_in(
        self, path: str, client: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.handler.addFilter(HideSecrets())

        answer = client.get(path)

        assert answer.status_code >= 400
        said = [record.getMessage() for record in caplog.records if record.name == "django.request"]
        assert said and "very-secret" not in "".join(said)
        assert any("/join/…" in line or "/start/…" in line for line in said)

    def test_every_handler_of_the_product_hides_them(self) -> None:
        handlers = describe_logging("INFO", "json")["handlers"].values()

        assert all("secrets" in handler["filters"] for handler in handlers)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Forbidden: /join/abc_-9/", "Forbidden: /join/…"),
            ("Gone: /start/MQ/c0-ab/ (again)", "Gone: /start/… (again)"),
            ("https://a.example/join/abc?x=1 asked", "https://a.example/join/…?x=1 asked"),
            ("Not Found: /joined/abc/", "Not Found: /joined/abc/"),
            ("GET /new-password/MQ/c0-ab/ 302", "GET /new-password/… 302"),
            ("GET /account/e-mail/confirm/abc:d-e/ 200", "GET /account/e-mail/confirm/… 200"),
            ("GET /sign-in/?next=%2Fjoin%2Fabc%2F 200", "GET /sign-in/?next=%2Fjoin%2F… 200"),
            ("GET /x/?next=%2fe-mail%2fconfirm%2fab%3Ac%2f&y=1", "GET /x/?next=%2fe-mail%2fconfirm%2f…&y=1"),
            (
                "Referer: /a/?b=%2Fc%2F%3Fnext%3D%252Fstart%252FMQ",
                "Referer: /a/?b=%2Fc%2F%3Fnext%3D%252Fstart%252F…",
            ),
            ("GET /x/?next=%2Fjoined%2Fabc%2F", "GET /x/?next=%2Fjoined%2Fabc%2F"),
        ],
    )
    def test_the_rest_of_a_line_stays(self, text: str, expected: str) -> None:
        assert hide_secrets(text) == expected

    @pytest.mark.parametrize("form", ["", "json"])
    def test_the_web_server_hides_them_in_its_own_lines(
        self, form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("GRADUS_LOG_FORMAT", form)
        log = WebLogger(Config())

        log.error("Error handling request %s", "/join/very-secret/")

        said = capsys.readouterr().err
        assert "Error handling request /join/" in said and "very-secret" not in said


class TestReadiness:
    @pytest.mark.django_db
    def test_it_is_ready_where_database_and_tables_are_there(self, client: Client) -> None:
        answer = client.get("/readyz")

        assert answer.status_code == 200
        assert answer.json()["database"] is answer.json()["migrations"] is True

    @pytest.mark.django_db
    def test_it_is_not_ready_while_a_migration_waits(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "annotation.views.health.MigrationExecutor.migration_plan",
            lambda executor, targets: [("x", False)],
        )

        answer = client.get("/readyz")

        assert (answer.status_code, answer.json()["migrations"]) == (503, False)

    @pytest.mark.django_db
    def test_a_broker_that_is_away_is_told_of_and_keeps_nobody_out(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "annotation.views.health.current_app.conf.broker_url", "redis://127.0.0.1:9", raising=False
        )

        answer = client.get("/readyz")

        assert (answer.status_code, answer.json()["broker"]) == (200, False)


class TestMetrics:
    @pytest.mark.parametrize("said", ["", "Bearer ", "Bearer wrong", TOKEN])
    def test_without_the_token_there_are_none(self, settings: Any, said: str) -> None:
        settings.METRICS_TOKEN = TOKEN

        assert Client(headers={"Authorization": said}).get("/metrics").status_code == 404

    def test_without_a_token_in_the_settings_an_empty_one_opens_nothing(self, settings: Any) -> None:
        settings.METRICS_TOKEN = ""

        assert Client(headers={"Authorization": "Bearer "}).get("/metrics").status_code == 404

    @pytest.mark.django_db
    def test_they_say_how_the_work_goes(self, metrics: Client) -> None:
        now = timezone.now()
        batch = make_batch()
        common = {
            "batch": batch,
            "prompt_ids": [1],
            "sample_indexes": [0],
            "queued_at": now,
            "touched_at": now,
        }
        GenerationChunk.objects.create(index=0, **common)
        GenerationChunk.objects.create(
            index=1, state=JobState.FINISHED, finished_at=now, num_tokens=3000, **common
        )
        GenerationChunk.objects.create(index=2, state=JobState.FAILED, finished_at=now, **common)
        make_rating(make_trace(), submitted_at=now)
        make_assignment(expires_at=now + dt.timedelta(minutes=5))

        figures = read_figures(metrics)

        assert figures['gradus_jobs{kind="generationchunk",state="queued"}'] == 1
        assert figures['gradus_jobs_failed_last_hour{kind="generationchunk"}'] == 1
        assert figures["gradus_tokens_per_second"] == 10
        assert figures["gradus_ratings_per_second"] == pytest.approx(1 / 300)
        assert figures["gradus_leases"] == 1

    @pytest.mark.django_db
    def test_requests_are_counted_by_view_and_status(self, metrics: Client) -> None:
        key = 'gradus_requests_total{method="GET",status="404",view="none"}'
        before = read_figures(metrics).get(key, 0)

        metrics.get("/no/such/page/12345")

        assert read_figures(metrics)[key] == before + 1
        assert 'gradus_request_seconds_count{view="show_metrics"}' in read_figures(metrics)

    def test_several_processes_count_together(self, tmp_path: Path) -> None:
        """As gunicorn's do: each writes a file of its own, and whoever is asked adds them up."""
        script = (
            "import django; django.setup()\n"
            "from config.metrics import _REQUESTS\n"
            "_REQUESTS.labels('v', 'GET', '200').inc()\n"
            "from prometheus_client import CollectorRegistry, generate_latest\n"
            "from prometheus_client.multiprocess import MultiProcessCollector\n"
            "r = CollectorRegistry(); MultiProcessCollector(r); print(generate_latest(r).decode())"
        )
        told = [run(script, PROMETHEUS_MULTIPROC_DIR=str(tmp_path)) for _ in range(2)]

        assert 'gradus_requests_total{method="GET",status="200",view="v"} 2.0' in told[1]


def read_figures(client: Client) -> dict[str, float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    lines = [line for line in answer.content.decode().splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def run(script: str, **environment: str) -> str:
    named = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **environment}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=BASE_DIR, env=named, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


class TestLogs:
    def test_an_answer_carries_the_id_that_a_proxy_gave_or_one_of_its_own(self, client: Client) -> None:
        given = client.get("/sign-in/", headers={"X-Request-ID": "abc-1"})
        made = client.get("/sign-in/", headers={"X-Request-ID": "two\tlines or more {}"})

        assert given.headers["X-Request-ID"] == "abc-1"
        assert len(made.headers["X-Request-ID"]) == 32

    def test_a_line_says_of_which_request_it_is(self) -> None:
        record = logging.makeLogRecord({"msg": "hello"})
        token = request_id.set("abc-1")
        try:
            AddIds().filter(record)
        finally:
            request_id.reset(token)

        assert record.ids == " [request abc-1]"  # type: ignore[attr-defined]

    def test_as_json_a_line_is_one_object_with_its_ids(self, capsys: pytest.CaptureFixture[str]) -> None:
        script = (
            "import django; django.setup()\n"
            "import logging; from config.logs import request_id\n"
            "request_id.set('abc-1'); logging.getLogger('x').warning('one %s', 'two\\nthree')"
        )

        told = json.loads(run(script, GRADUS_LOG_FORMAT="json").strip())

        assert (told["message"], told["request_id"], told["level"]) == ("one two\nthree", "abc-1", "WARNING")
        assert describe_logging("INFO", "line")["handlers"]["console"]["formatter"] == "line"

    def test_a_task_logs_the_request_that_queued_it(self) -> None:
        script = (
            "import django; django.setup()\n"
            "import logging; from config.celery import app; from config.logs import request_id\n"
            "from celery.signals import before_task_publish, task_prerun\n"
            "headers = {}; request_id.set('abc-1')\n"
            "before_task_publish.send(sender='x', headers=headers); request_id.set('')\n"
            "@app.task(name='x', bind=True)\n"
            "def x(self): logging.getLogger('y').warning('at work')\n"
            "x.apply(headers=headers, task_id='task-7')"
        )

        assert "[request abc-1] [task task-7] at work" in run(script)


class _Sentry(http.server.BaseHTTPRequestHandler):
    got: list[bytes] = []

    def do_POST(self) -> None:
        self.got.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def sentry() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), _Sentry)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://key@127.0.0.1:{server.server_port}/1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_error_goes_to_sentry_without_what_somebody_wrote(sentry: str) -> None:
    script = (
        "import django; django.setup()\n"
        "import gzip, logging, sentry_sdk\n"
        "logging.getLogger('annotation').warning('Gone: %s', '/join/very-secret/')\n"
        "def fail(secret):\n"
        "    raise RuntimeError('broken')\n"
        "try:\n"
        "    fail('what a ' + 'model wrote')\n"
        "except RuntimeError:\n"
        "    sentry_sdk.capture_exception()\n"
        "sentry_sdk.flush(timeout=10)"
    )

    run(script, GRADUS_SENTRY_DSN=sentry)

    told = b"".join(_read(body) for body in _Sentry.got)
    assert b"broken" in told
    assert b"what a model wrote" not in told
    assert b"Gone" in told and b"very-secret" not in told


def _read(body: bytes) -> bytes:
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
