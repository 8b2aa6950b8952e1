"""Pages that hold tables: whole, in part for htmx, and as CSV for exactly those who may see them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotation.actions.tokens import create_token
from annotation.models import (
    Account,
    AuditEvent,
    Judge,
    JudgeRun,
    Membership,
    MergeRun,
    Project,
    Role,
    TokenScope,
)
from exports.models import Export
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.factories import (
    NOW,
    make_account,
    make_batch,
    make_judge,
    make_member,
    make_project,
    make_prompt,
    make_trace,
)

pytestmark = pytest.mark.django_db
LISTS = {
    "list_prompts": ("prompts", {"engineer", "admin", "site admin"}),
    "list_traces": ("traces", {"adjudicator", "engineer", "admin", "site admin"}),
}


def read_csv(client: Client, project: Project, view: str, query: str = "") -> tuple[int, str]:
    name = LISTS[view][0]
    answer = client.get(f"{reverse(f'annotation:{view}', args=[project.slug])}?csv={name}{query}")
    if not answer.streaming:
        return answer.status_code, ""
    return answer.status_code, b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


@pytest.fixture
def project() -> Project:
    return make_project(slug="sums")


@pytest.mark.parametrize("view", LISTS)
@pytest.mark.parametrize("visitor", VISITORS)
def test_the_csv_is_for_those_who_may_see_the_page(visitor: str, view: str, project: Project) -> None:
    make_trace(make_prompt(project, text="Apples and pears"))
    make_trace(make_prompt(text="Of another project"))

    status, text = read_csv(make_visitor(visitor, project).client, project, view)

    may = visitor in LISTS[view][1]
    assert (status == 200) == may
    assert ("Apples and pears" in text) == may
    assert "another project" not in text


def test_the_file_is_named_after_project_and_table(project: Project) -> None:
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))

    answer = client.get(reverse("annotation:list_prompts", args=[project.slug]), {"csv": "prompts"})

    assert answer["Content-Disposition"] == 'attachment; filename="sums-prompts.csv"'
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Cache-Control"] == "private, no-store"


def test_a_table_that_the_page_has_not_is_the_page_itself(project: Project) -> None:
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))

    page = client.get(reverse("annotation:list_prompts", args=[project.slug]), {"csv": "accounts"})

    assert page.status_code == 200
    assert "<html" in page.text


def test_only_the_table_that_htmx_asks_for_comes_without_its_page(project: Project) -> None:
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))
    address = reverse("annotation:list_prompts", args=[project.slug])

    part = client.get(address, headers={"HX-Request": "true", "HX-Target": "table-prompts"})
    other = client.get(address, headers={"HX-Request": "true", "HX-Target": "main"})

    assert part.text.strip().startswith('<div class="data-table" id="table-prompts"')
    assert "<html" not in part.text
    assert "<html" in other.text
    assert {"HX-Request", "HX-Target"} <= set(part["Vary"].split(", "))


def test_what_a_model_wrote_is_text_in_cells(project: Project) -> None:
    make_prompt(project, text="<script>alert(1)</script>", reference_answer="<b>7</b>")
    client = Client()
    client.force_login(make_member(project, Role.ENGINEER))

    page = client.get(reverse("annotation:list_prompts", args=[project.slug]), {"q": "<script>"}).text

    assert "<script>alert" not in page
    assert "<b>7" not in page
    assert "&lt;script&gt;" in page


def make_rows(project: Project, username: str = "olga") -> Account:
    """One row in each list of the project, and the admin who made them."""
    admin = make_member(project, Role.ADMIN, username=username)
    make_batch(project, created_by=admin)
    jobs: dict[str, Any] = {"project": project, "created_by": admin, "queued_at": NOW, "touched_at": NOW}
    JudgeRun.objects.create(
        judge=Judge.objects.filter(name="picky").first() or make_judge(name="picky"), num_traces=3, **jobs
    )
    run = MergeRun.objects.create(**jobs)
    Export.objects.create(merge_run=run, configs=["stepwise"], **jobs)
    return admin


JOB_LISTS = {
    "annotation:list_batches": "batches",
    "annotation:list_judge_runs": "runs",
    "annotation:list_merges": "merges",
    "exports:list_exports": "exports",
}


@pytest.mark.parametrize("view", JOB_LISTS)
def test_background_work_is_listed_by_state_and_comes_as_csv(view: str, project: Project) -> None:
    make_rows(make_project(), "otto")
    client = Client()
    client.force_login(make_rows(project))
    name, address = JOB_LISTS[view], reverse(view, args=[project.slug])

    page = client.get(address, {"state": "queued"})
    none = client.get(address, {"state": "failed"})
    answer = client.get(address, {"csv": name})
    header, *rows = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]

    assert page.context["tables"][name].num_rows == 1
    assert "… Queued" in page.text
    assert none.context["tables"][name].num_rows == 0
    assert "Nothing matches." in none.text
    assert {"state", "by", "finished", "error"} <= set(header.removeprefix("\ufeff").split(","))
    assert len(rows) == 1
    assert "olga" in rows[0]


@pytest.mark.parametrize("view", JOB_LISTS)
@pytest.mark.parametrize("visitor", ["rater", "adjudicator", "outsider", "nobody"])
def test_nobody_else_takes_the_lists_of_work(visitor: str, view: str, project: Project) -> None:
    make_rows(project)
    address = reverse(view, args=[project.slug])

    answer = make_visitor(visitor, project).client.get(address, {"csv": JOB_LISTS[view]})

    assert answer.status_code in (302, 403, 404)


@pytest.mark.parametrize(
    ("view", "query"),
    [
        ("annotation:list_batches", "sort=traces"),
        ("annotation:list_batches", "sort=-model"),
        ("annotation:list_judge_runs", "judge=picky&sort=judge"),
        ("annotation:list_merges", "policy=chain&sort=verdict"),
        ("exports:list_exports", "dataset=stepwise&sort=merge"),
        ("annotation:list_disagreements", "sort=ratings&c-sort=gold&a-sort=rater"),
        ("annotation:list_traces", "sort=steps"),
        ("annotation:list_traces", "sort=-ratings"),
        ("annotation:list_traces", "sort=is_answer_correct"),
        ("annotation:list_prompts", "sort=-traces"),
    ],
)
def test_columns_sort_in_the_database(view: str, query: str, project: Project) -> None:
    client = Client()
    client.force_login(make_rows(project))

    page = client.get(f"{reverse(view, args=[project.slug])}?{query}")

    assert page.status_code == 200
    assert "aria-sort" in page.text or not any(table.lines for table in page.context["tables"].values())


def test_projects_are_found_and_only_ones_own(project: Project) -> None:
    account = make_member(project)
    Membership.objects.create(
        project=make_project(name="Proofs"), account=account, role=Role.RATER, created_at=NOW
    )
    make_project(name="Proofs of others")
    client = Client()
    client.force_login(account)

    found = client.get(reverse("annotation:list_projects"), {"q": "proof"})
    csv = client.get(reverse("annotation:list_projects"), {"csv": "projects"})
    rows = b"".join(csv.streaming_content).decode().splitlines()  # type: ignore[attr-defined]

    assert [line.row.name for line in found.context["tables"]["projects"].lines] == ["Proofs"]
    assert len(rows) == 3
    assert csv["Content-Disposition"] == 'attachment; filename="projects.csv"'


def test_tokens_come_as_csv_without_anything_secret(client: Client) -> None:
    account = make_account()
    token = create_token(
        account=account,
        name="nightly",
        scopes=[TokenScope.EXPORTS_READ],
        expires_at=NOW,
        now=NOW - dt.timedelta(days=1),
    )
    create_token(
        account=make_account(), name="of another", scopes=[TokenScope.EXPORTS_READ], expires_at=NOW, now=NOW
    )
    client.force_login(account)

    answer = client.get(reverse("annotation:list_tokens"), {"csv": "tokens"})
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]

    assert "nightly" in text
    assert "of another" not in text
    assert token.secret not in text
    assert token.token.secret_hash not in text


def test_who_took_a_table_away_is_in_the_audit_log(project: Project) -> None:
    visitor = make_visitor("admin", project)
    address = reverse("annotation:list_people", args=[project.slug])

    visitor.client.get(address)
    visitor.client.head(address, {"csv": "members"})
    assert not AuditEvent.objects.filter(verb="downloaded a table").exists()
    visitor.client.get(address, {"csv": "members"})

    event = AuditEvent.objects.get(verb="downloaded a table")
    assert (event.actor, event.project, event.subject) == (visitor.account, project, "members")
