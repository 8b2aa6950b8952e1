"""The pages of exports: who may open them, what they show, and that they work as plain HTML."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from annotation.actions import merges
from annotation.merging.data import MergePolicy
from annotation.models import JobState, MergeRun
from exports.forms import default_choices
from exports.models import Export
from exports.policy import ExportPolicy
from tests.annotation.views.roles import VISITORS, make_visitor
from tests.exports.worlds import World, make_world, merge_world, start_export, write_export
from tests.factories import NOW, make_member, make_project, make_prompt, make_rating, make_trace

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
ALLOWED = {"engineer", "admin", "site admin"}


def expected_status(kind: str) -> int:
    if kind in ALLOWED:
        return 200
    if kind == "nobody":
        return 302
    return 404 if kind in {"outsider", "paused admin"} else 403


def sign_in(world: World) -> Client:
    client = Client()
    client.force_login(world.engineer)
    return client


def choices(world: World, **changed: Any) -> dict[str, Any]:
    """The form as a browser sends it: what is off is not sent."""
    values = {**default_choices(world.project), **changed}
    return {name: "on" if value is True else value for name, value in values.items() if value is not False}


def path(world: World, view: str, *args: Any) -> str:
    return reverse(f"exports:{view}", args=[world.project.slug, *args])


@pytest.mark.parametrize("kind", VISITORS)
def test_pages_and_files_are_for_engineers_and_admins(kind: str) -> None:
    world = make_world(2)
    export = write_export(start_export(world))
    client = make_visitor(kind, world.project).client

    pages = [
        path(world, "list_exports"),
        path(world, "create_export"),
        path(world, "show_export", export.pk),
        path(world, "download_archive", export.pk),
        path(world, "download_file", export.pk, "README.md"),
    ]
    for page in pages:
        assert client.get(page).status_code == expected_status(kind), page


@pytest.mark.parametrize("kind", VISITORS)
def test_only_engineers_and_admins_start_and_cancel(kind: str) -> None:
    world = make_world(1)
    export = start_export(world, configs=("sft",))
    client = make_visitor(kind, world.project).client

    started = client.post(path(world, "create_export"), choices(world))
    cancelled = client.post(path(world, "cancel_export", export.pk))

    wanted = 302 if kind in ALLOWED else expected_status(kind)
    assert (started.status_code, cancelled.status_code) == (wanted, wanted)
    assert Export.objects.count() == (2 if kind in ALLOWED else 1)
    export.refresh_from_db()
    assert export.state == (JobState.CANCELLED if kind in ALLOWED else JobState.QUEUED)


def test_another_projects_export_is_not_found() -> None:
    world, other = make_world(1), make_world(1)
    export = write_export(start_export(other))
    client = sign_in(world)

    for view, extra in (("show_export", ()), ("download_archive", ()), ("download_file", ("README.md",))):
        assert client.get(path(world, view, export.pk, *extra)).status_code == 404


def test_an_empty_list_says_what_to_do_next() -> None:
    world = make_world(1)

    page = sign_in(world).get(path(world, "list_exports"))

    assert "No export yet" in page.content.decode()


def test_the_form_previews_before_anything_starts() -> None:
    world = make_world(4)
    merge_world(world)

    page = sign_in(world).get(path(world, "create_export")).content.decode()

    assert "What you would get" in page
    assert "8 rows" in page
    assert "left out because P(trace) is below the threshold for SFT" in page
    assert "sample rows of stepwise" in page
    assert not Export.objects.exists()


def test_the_preview_counts_evidence_and_says_when_its_counts_are_of_another_policy() -> None:
    world = make_world(3)
    merge_world(world, MergePolicy("majority"))

    answer = sign_in(world).get(path(world, "create_export"), choices(world, configs=["evidence"]))

    page = answer.content.decode()
    assert '<code>evidence</code> <span class="export-rows">20 rows</span>' in page
    assert "which went by the policy majority: the fresh one goes by the policy chain" in page


def test_htmx_gets_the_preview_alone() -> None:
    world = make_world(2)
    merge_world(world)

    part = sign_in(world).get(path(world, "create_export"), choices(world, minimum_raters=7), headers=HTMX)

    text = part.content.decode()
    assert text.lstrip().startswith('<section id="preview"')
    assert "fewer than 7 blind raters" in text


def test_without_htmx_a_button_updates_the_preview() -> None:
    world = make_world(2)
    merge_world(world)

    page = sign_in(world).post(
        path(world, "create_export"), {**choices(world, minimum_raters=7), "preview": "1"}
    )

    assert "fewer than 7 blind raters" in page.content.decode()
    assert not Export.objects.exists()


def test_before_the_first_merge_the_page_counts_what_there_is_to_merge() -> None:
    page = sign_in(world := make_world(2)).get(path(world, "create_export")).content.decode()

    assert "No merge has run yet" in page
    assert "4 are rated, 4 by two raters or more" in page


def test_one_click_starts_a_merge_and_an_export() -> None:
    world = make_world(2)

    answer = sign_in(world).post(path(world, "create_export"), choices(world))

    export = Export.objects.get()
    assert answer["Location"] == path(world, "show_export", export.pk)
    assert export.merge_run.state == JobState.QUEUED
    assert "stepwise" in export.configs


def test_a_finished_merge_can_be_chosen_and_is_from_its_page() -> None:
    world = make_world(2)
    run = merge_world(world)
    client = sign_in(world)

    page = client.get(path(world, "create_export"), {"merge": f"run:{run.pk}"}).content.decode()
    client.post(path(world, "create_export"), choices(world, merge=f"run:{run.pk}"))

    assert f'value="run:{run.pk}" selected' in page
    assert Export.objects.get().merge_run == run
    assert MergeRun.objects.count() == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"configs": []}, "Choose at least one dataset."),
        ({"good_from": "0.2", "bad_to": "0.5"}, "labelled good and bad at once"),
        ({"validation_percent": "50", "test_percent": "49", "seed": "-1"}, "greater than or equal to 0"),
        ({"merge": "run:999"}, "Select a valid choice"),
        ({"min_p_preference": "0.5"}, "greater than or equal to 0.8"),
        ({"evidence": []}, "Choose at least one kind of evidence."),
    ],
)
def test_choices_that_can_not_be_are_refused_with_a_sentence(changed: dict[str, Any], message: str) -> None:
    world = make_world(1)

    page = sign_in(world).post(path(world, "create_export"), choices(world, **changed))

    assert page.status_code == 200
    assert page.content.decode().count(message) == 1
    assert not Export.objects.exists()


def test_a_long_form_names_the_wrong_fields_at_its_top() -> None:
    world = make_world(1)

    page = sign_in(world).post(path(world, "create_export"), choices(world, seed="", sft_from="2"))

    assert "Look again at: SFT from P(trace), Seed of the splits." in page.content.decode()


def test_the_preview_alone_says_which_choices_are_wrong() -> None:
    world = make_world(1)
    wrong = choices(world, good_from="0.2", bad_to="0.5", seed="-1")

    answer = sign_in(world).get(path(world, "create_export"), wrong, headers=HTMX)

    page = answer.content.decode()
    wrong_seed = "Seed of the splits: Ensure this value is greater than or equal to 0."
    assert (page.count(wrong_seed), "nothing to preview" in page) == (1, True)


def test_a_wrong_choice_reaches_the_server_which_says_what_is_wrong_with_it() -> None:
    """A browser that checks the form itself keeps a stale preview, and can't show what is wrong in a closed part."""
    world = make_world(1)

    page = sign_in(world).get(path(world, "create_export")).content.decode()

    assert re.search(r"<form[^>]* novalidate[^>]*>", page)


def test_a_project_is_asked_for_batches_and_models_only_where_it_has_some() -> None:
    world, young = make_world(1), make_project()
    asks = ("Only of the batches", "Only completions by")

    grown_page = sign_in(world).get(path(world, "create_export")).content.decode()
    young_page = make_visitor("admin", young).client.get(reverse("exports:create_export", args=[young.slug]))

    assert all(words in grown_page for words in asks)
    assert not any(words in young_page.content.decode() for words in asks)


def test_a_merge_under_way_by_another_policy_is_said_in_the_form() -> None:
    world = make_world(2)
    merges.start_merge(project=world.project, policy=MergePolicy("majority"), actor=world.engineer, now=NOW)

    answer = sign_in(world).post(path(world, "create_export"), choices(world, seed=77))

    page = answer.content.decode()
    assert page.count("is under way, by the policy majority, and this export asks for the policy chain") == 1
    assert "fit together" not in page  # the choices are good; it is the moment that is not
    assert 'value="77"' in page
    assert not Export.objects.exists()


def test_nothing_to_merge_is_said_in_the_form() -> None:
    project = make_project()
    make_trace(project=project)
    client = make_visitor("admin", project).client
    page = reverse("exports:create_export", args=[project.slug])

    answer = client.post(page, {**default_choices(project), "leaves_out_bad_prompts": "on"})

    assert answer.content.decode().count("There is nothing to merge yet") == 1
    assert not Export.objects.exists()


def test_a_young_project_is_offered_one_rater_and_a_grown_one_two() -> None:
    assert default_choices(make_world(4).project)["minimum_raters"] == 1
    assert default_choices(make_world(5).project)["minimum_raters"] == 2


def test_what_one_person_rated_in_a_young_project_reaches_the_dataset() -> None:
    project = make_project()
    rater, engineer = make_member(project), make_visitor("engineer", project).client
    for number in range(3):
        trace = make_trace(make_prompt(project, text=f"What is {number} + 4?"))
        make_rating(trace, rater, labels=(1, 1, 1) if number else (1, 1, -1))

    page = reverse("exports:create_export", args=[project.slug])
    engineer.post(page, {**default_choices(project), "test_percent": 0, "validation_percent": 0})
    export = write_export(Export.objects.get())

    assert export.manifest["counts"]["configs"]["stepwise"]["rows"] == {"train": 3}
    assert set(export.manifest["counts"]["configs"]["stepwise"]["provenance"]) == {"none"}


def test_an_open_export_polls_and_a_finished_one_does_not() -> None:
    world = make_world(2)
    export = start_export(world)
    client = sign_in(world)
    page = path(world, "show_export", export.pk)

    waiting = client.get(page, headers=HTMX).content.decode()
    write_export(export)
    done = client.get(page, headers=HTMX).content.decode()

    assert waiting.lstrip().startswith('<div id="export"')
    assert 'hx-trigger="every 1s"' in waiting
    assert "It waits for a worker" in waiting
    assert "every 1s" not in done
    assert "Download all as .zip" in done


def test_a_finished_export_shows_files_hashes_losses_and_how_to_load_it() -> None:
    world = make_world(12)
    export = write_export(start_export(world))

    page = sign_in(world).get(path(world, "show_export", export.pk)).content.decode()

    for name, entry in export.manifest["files"].items():
        assert path(world, "download_file", export.pk, name) in page
        assert entry["sha256"] in page
    assert "python -m rl_bridge train prm --export" in page
    assert "load_dataset(" in page
    assert "left out because" in page
    assert re.search(r"good_from</th><td><code>0.8</code>", page)


@pytest.mark.parametrize(
    ("state", "words"), [("failed", "The export failed: The disk is full."), ("cancelled", "was cancelled")]
)
def test_an_export_that_ended_badly_says_why(state: str, words: str) -> None:
    world = make_world(1)
    export = start_export(world)
    Export.objects.filter(pk=export.pk).update(
        state=state, finished_at=export.queued_at, error="The disk is full." if state == "failed" else ""
    )

    page = sign_in(world).get(path(world, "show_export", export.pk)).content.decode()

    assert words in page


def test_what_was_chosen_for_an_export_is_not_chosen_again_by_hand() -> None:
    world = make_world(1)
    export = start_export(world, configs=("sft",), policy=ExportPolicy(seed=1234))
    export.state, export.error, export.finished_at = JobState.FAILED, "No dataset would have a row.", NOW
    export.save()
    client = sign_in(world)

    link = re.search(
        r'href="([^"]*like=[^"]*)"', client.get(path(world, "show_export", export.pk)).content.decode()
    )
    assert link is not None
    page = client.get(link[1]).content.decode()

    assert 'value="1234"' in page
    assert re.findall(r'name="configs" value="(\w+)"[^>]* checked', page) == ["sft"]
    assert client.get(path(world, "create_export"), {"like": str(export.pk + 1)}).status_code == 404


def test_a_second_cancel_says_that_it_is_over() -> None:
    world = make_world(1)
    export = write_export(start_export(world))

    answer = sign_in(world).post(path(world, "cancel_export", export.pk), follow=True)

    assert "is finished already" in answer.content.decode()


def test_the_list_shows_states_and_hashes() -> None:
    world = make_world(1)
    export = write_export(start_export(world))
    start_export(world, configs=("sft",))

    page = sign_in(world).get(path(world, "list_exports")).content.decode()

    assert export.content_hash[:12] in page
    assert "Finished" in page
    assert "Queued" in page
