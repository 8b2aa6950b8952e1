"""`backup_project`, `restore_project` and `ensure_demo` from the shell."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from annotation.actions.audit import record_event
from annotation.actions.projects import archive_project
from annotation.management.commands.ensure_demo import DEMO_FILE
from annotation.models import (
    Account,
    AuditEvent,
    Project,
    Rating,
    Trace,
)
from annotation.queries.projects import get_project_counts
from tests.factories import NOW, make_project, make_rating, make_site_admin

pytestmark = pytest.mark.django_db


def run(command: str, *arguments: object) -> str:
    output = io.StringIO()
    call_command(command, *[str(argument) for argument in arguments], stdout=output)
    return output.getvalue()


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A project with one rated trace, as a file."""
    rating = make_rating()
    Project.objects.filter(pk=rating.trace.project_id).update(slug="original", name="Original")
    path = tmp_path / "original.jsonl"
    run("backup_project", "original", "--out", path)
    return path


def test_a_backup_says_where_it_is_and_how_large(tmp_path: Path) -> None:
    make_project(slug="sums")
    path = tmp_path / "sums.jsonl"

    said = run("backup_project", "sums", "--out", path)

    assert str(path) in said
    assert f"{path.stat().st_size:,} bytes" in said


def test_nothing_half_written_is_left_beside_a_backup(backup: Path) -> None:
    assert [path.name for path in backup.parent.iterdir()] == [backup.name]


def test_a_project_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no project “nothing”"):
        run("backup_project", "nothing", "--out", tmp_path / "x.jsonl")

    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    make_project(slug="sums")

    with pytest.raises(CommandError, match=r"can't be written to .*: No such file or directory"):
        run("backup_project", "sums", "--out", tmp_path / "missing" / "x.jsonl")


def test_a_path_that_leads_through_a_file_is_one_sentence() -> None:
    make_project(slug="sums")

    with pytest.raises(CommandError, match=r"can't be written to .*: Not a directory"):
        run("backup_project", "sums", "--out", "/dev/full/x.jsonl")


def test_a_backup_that_fails_keeps_the_one_before(backup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = backup.read_bytes()

    def break_off(**_: object) -> list[str]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("annotation.management.commands.backup_project.write_backup", break_off)
    with pytest.raises(CommandError, match="No space left on device"):
        run("backup_project", "original", "--out", backup)

    assert backup.read_bytes() == before


def test_a_restored_project_says_where_to_open_it(backup: Path) -> None:
    Rating.objects.all().delete()
    Trace.objects.all().delete()
    Project.objects.filter(slug="original").delete()

    said = run("restore_project", backup)

    assert said.strip() == "Original (/p/original/)"
    assert Rating.objects.get().labels == [1, 1, 1]


def test_a_project_that_is_there_is_not_restored_over(backup: Path) -> None:
    with pytest.raises(CommandError, match="There is a project “original” already"):
        run("restore_project", backup)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "The file is empty"),
        (b"{oops\n", "Line 1: not JSON"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b'{"table": "prompt", "id": 1}\n', "a backup begins with its project"),
    ],
    ids=["empty", "not JSON", "not text", "headless"],
)
def test_what_is_no_backup_is_one_sentence(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_bytes(content)

    with pytest.raises(CommandError, match=reason):
        run("restore_project", path)

    assert not Project.objects.exists()


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="can't be read: No such file"):
        run("restore_project", tmp_path / "nothing.jsonl")


class TestDemo:
    def test_the_first_start_gets_the_demo(self) -> None:
        run("ensure_demo")

        counts = get_project_counts(Project.objects.get(), now=NOW)
        assert counts.num_traces == counts.num_judged > 50
        assert counts.num_rated == counts.num_rated_by_programs > 30
        assert counts.num_open > 10

    def test_the_second_start_changes_nothing(self) -> None:
        run("ensure_demo")
        before = (Trace.objects.count(), Rating.objects.count(), AuditEvent.objects.count())

        assert run("ensure_demo") == ""
        assert (Trace.objects.count(), Rating.objects.count(), AuditEvent.objects.count()) == before

    def test_an_installation_with_work_in_it_gets_none(self) -> None:
        make_project()

        run("ensure_demo")

        assert Project.objects.count() == 1

    def test_putting_it_away_is_final(self) -> None:
        run("ensure_demo")
        admin = make_site_admin()
        archive_project(project=Project.objects.get(), actor=admin, now=NOW)

        run("ensure_demo")

        assert not Project.objects.filter(archived_at=None).exists()

    def test_an_installation_that_was_ever_worked_in_gets_none(self) -> None:
        record_event(actor=make_site_admin(), verb="made", subject="a project that is gone", now=NOW)

        run("ensure_demo")

        assert not Project.objects.exists()

    def test_nobody_in_it_is_a_person_or_can_sign_in(self) -> None:
        run("ensure_demo")

        assert Account.objects.filter(is_simulated=False).count() == 0
        assert not any(account.has_usable_password() for account in Account.objects.all())

    def test_its_first_line_says_how_it_was_made(self) -> None:
        with DEMO_FILE.open(encoding="utf-8") as lines:
            made_by = json.loads(next(lines))["made_by"]

        assert made_by["command"].startswith("manage.py make_demo")
        assert "SmolLM2-135M-Instruct" in made_by["model"]
        assert "no person rated" in made_by["ratings"]
        assert made_by.keys() >= {"date", "traces_of", "seed", "prompts"}

    def test_every_trace_says_how_to_make_it_again(self) -> None:
        run("ensure_demo")

        for trace in Trace.objects.all():
            assert trace.sampling.keys() >= {"backend", "seed", "temperature", "top_p", "index_in_chunk"}
            assert (
                "".join(
                    trace.completion[start:end]
                    for start, end in zip([0, *trace.step_ends], trace.step_ends, strict=False)
                )
                == trace.completion
            )
