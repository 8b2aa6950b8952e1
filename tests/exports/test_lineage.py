"""From a trained process reward model to a judge, and the page that says what came of what."""

from __future__ import annotations

import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation.actions import judge_runs
from annotation.actions.judge import judge_chunk
from annotation.actions.local_judges import open_local_judge
from annotation.models import Account, AuditEvent, JobState, Judge, JudgeScore, ModelSpec, Role
from exports import lineage
from exports.lineage_models import TrainedJudge
from exports.lineage_queries import list_lineage
from exports.models import Export
from rl_bridge.run_folder import NotAFinishedRun
from tests.exports.worlds import World, make_world, start_export
from tests.factories import NOW, make_account, make_batch, make_member, make_project, make_prompt, make_trace
from tests.rl_bridge import tiny
from tests.rl_bridge.test_run_folder import write_prm_run

pytestmark = pytest.mark.django_db
HASH = "a" * 64


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_model(tmp_path_factory.mktemp("models") / "tiny", tiny.build_llama())


@pytest.fixture
def models_dir(tmp_path: Path, settings: object) -> Path:
    settings.MODELS_DIR = tmp_path / "models"  # type: ignore[attr-defined]
    return tmp_path / "models"


@pytest.fixture
def run(tmp_path: Path, backbone: Path, models_dir: Path) -> Path:
    return write_prm_run(tmp_path / "prm-1", backbone, manifest_sha256=HASH)


def finished_export(world: World, content_hash: str = HASH, **manifest: object) -> Export:
    """An export as if it had been written: what lineage looks at is its hash and its manifest."""
    export = start_export(world)
    Export.objects.filter(pk=export.pk).update(
        state=JobState.FINISHED,
        started_at=NOW,
        finished_at=NOW,
        content_hash=content_hash,
        manifest={"judges": [], **manifest},
    )
    return Export.objects.get(pk=export.pk)


def register(run: Path, project: object, name: str = "sums") -> TrainedJudge:
    return lineage.register_judge(
        folder=run,
        project=project,  # type: ignore[arg-type]
        name=name,
        actor=make_account(),
        now=NOW,
    )


def test_a_trained_prm_becomes_a_judge_that_scores_also_when_its_run_folder_is_gone(
    run: Path, models_dir: Path
) -> None:
    project = make_project()
    make_trace(make_prompt(project))

    trained = register(run, project)
    shutil.rmtree(run)

    spec = trained.judge.model_spec
    assert spec is not None
    assert Path(spec.location) == models_dir / "judges" / trained.revision
    assert spec.revision == trained.revision
    launched = judge_runs.launch_judge_run(
        project=project, judge=trained.judge, actor=make_account(), now=NOW
    )
    for chunk in launched.chunks.all():
        judge_chunk(chunk_id=chunk.pk, clock=timezone.now, open_judge=open_local_judge)
    [score] = JudgeScore.objects.all()
    assert all(0 < p < 1 for p in score.probabilities)
    assert "balanced accuracy 0.85" in trained.judge.note
    assert AuditEvent.objects.filter(verb="registered a trained judge").count() == 1


def test_the_export_it_was_trained_on_is_found_by_its_hash(run: Path) -> None:
    world = make_world(4)
    export = finished_export(world)

    assert register(run, world.project).export == export


def test_an_export_of_another_project_is_none_of_its_own(run: Path) -> None:
    finished_export(make_world(4))

    assert register(run, make_project()).export is None


def test_the_same_weights_are_one_judge_of_a_project_and_may_be_anothers_too(run: Path) -> None:
    project = make_project()
    first = register(run, project)

    with pytest.raises(lineage.AlreadyRegistered) as refused:
        register(run, project)
    other = register(run, make_project())

    assert refused.value.trained == first
    assert other.judge.model_spec == first.judge.model_spec
    assert (Judge.objects.filter(name="sums").count(), ModelSpec.objects.count()) == (2, 1)


def test_other_weights_are_another_version(run: Path, tmp_path: Path) -> None:
    project = make_project()
    first = register(run, project)
    again = shutil.copytree(run, tmp_path / "prm-2")
    head = again / "model" / "step_head.safetensors"
    head.write_bytes(head.read_bytes()[:-1] + b"\x01")

    second = register(again, project)

    assert first.judge.name == second.judge.name
    assert first.judge.version != second.judge.version


def test_what_is_no_finished_run_leaves_nothing_behind(run: Path, models_dir: Path) -> None:
    (run / "model" / "weights.bin").write_bytes(b"\x80")

    with pytest.raises(NotAFinishedRun):
        register(run, make_project())

    assert not TrainedJudge.objects.exists()
    assert not models_dir.exists()


def test_weights_that_change_while_they_are_copied_are_no_judge(
    run: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineage, "hash_weights", lambda folder: "0" * 64)

    with pytest.raises(lineage.WeightsChanged):
        register(run, make_project())

    assert list((models_dir / "judges").iterdir()) == []


def test_the_command_says_what_it_made_and_says_so_again(run: Path) -> None:
    project, said = make_project(slug="sums"), StringIO()
    account = make_account()

    for _ in range(2):
        call_command("register_judge", str(run), project="sums", by=account.username, stdout=said)

    first, second = said.getvalue().splitlines()
    assert "is a judge of" in first
    assert "an export of another place" in first
    assert "a judge of this project already" in second
    assert TrainedJudge.objects.get().registered_by == account
    assert TrainedJudge.objects.get().project == project


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"project": "none"}, "no project"),
        ({"project": "sums", "by": "nobody"}, "nobody"),
    ],
)
def test_the_command_refuses_in_one_sentence(run: Path, arguments: dict[str, str], complaint: str) -> None:
    make_project(slug="sums")

    with pytest.raises(CommandError, match=complaint):
        call_command("register_judge", str(run), **arguments)


def test_the_command_names_a_folder_that_is_no_run(tmp_path: Path) -> None:
    make_project(slug="sums")

    with pytest.raises(CommandError, match="is missing"):
        call_command("register_judge", str(tmp_path), project="sums", by=make_account().username)


def test_lineage_follows_an_export_to_the_next_batch_and_the_next_export(run: Path) -> None:
    world = make_world(4)
    export = finished_export(world)
    trained = register(run, world.project)
    batch = make_batch(world.project)
    trace = make_trace(make_prompt(world.project), batch=batch, sample_index=0)
    JudgeScore.objects.create(
        trace=trace, judge=trained.judge, probabilities=[0.5] * trace.num_steps, created_at=NOW
    )
    judge = {"name": trained.judge.name, "version": trained.judge.version, "is_used": True}
    after = finished_export(world, "b" * 64, judges=[judge])

    [step] = list_lineage(world.project)

    assert step.export == export
    [one] = step.trainings
    assert one.num_judged == 1
    assert [(judged.batch, judged.num_traces) for judged in one.batches] == [(batch, 1)]
    assert one.next_exports == (after,)
    assert ("AUC", 0.9) in one.figures


def open_page(account: Account, slug: str) -> str:
    client = Client()
    client.force_login(account)
    answer = client.get(reverse("exports:show_lineage", args=[slug]))
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_shows_each_step_with_its_figures(run: Path) -> None:
    world = make_world(4)
    export = finished_export(world)
    trained = register(run, world.project, name="<b>sums</b>")

    page = open_page(make_member(world.project, Role.ENGINEER), world.project.slug)

    for words in (f"Export {export.pk}", "Run prm-1", "0.900", trained.revision, "none has its scores yet"):
        assert words in page
    assert "<b>sums</b>" not in page


def test_a_training_on_a_strange_export_stands_apart(run: Path) -> None:
    project = make_project()
    register(run, project)

    page = open_page(make_member(project, Role.ADMIN), project.slug)

    assert "An export of another place" in page
    assert HASH in page


def test_before_anything_was_trained_the_page_says_how(models_dir: Path) -> None:
    project = make_project()

    page = open_page(make_member(project, Role.ADMIN), project.slug)

    assert f"register_judge runs/prm --project {project.slug}" in page
