"""Prompts made by reasoning-gym: reproducible, checkable, and refused with a sentence where they can't be made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from annotation.actions import procedural
from annotation.actions.procedural import CannotMakeProblems, add_procedural_prompts, find_data_set
from annotation.models import Project, Prompt
from rl_bridge.verifiers import check_answer
from tests.factories import NOW, make_account, make_project

pytestmark = pytest.mark.django_db


def add(key: str, *, count: int = 3, seed: int = 1, project: Project | None = None) -> list[Prompt]:
    project = project or make_project()
    add_procedural_prompts(
        project=project, data_set=find_data_set(key), count=count, seed=seed, actor=make_account(), now=NOW
    )
    return list(Prompt.objects.filter(project=project))


def test_problems_are_stored_with_an_answer_their_verifier_accepts() -> None:
    prompts = add("sums")

    assert len(prompts) == 3
    for prompt in prompts:
        truth = json.loads(prompt.ground_truth)
        assert truth["dataset"] == "chain_sum"
        assert set(truth["entry"]) == {"answer", "metadata"}
        assert "difficulty" not in truth["entry"]["metadata"]
        completion = f"The answer is {prompt.reference_answer}"
        assert check_answer(verifier=prompt.verifier, completion=completion, ground_truth=prompt.ground_truth)
    assert prompts[1].source == {"dataset": "reasoning-gym/chain_sum", "seed": 1, "index": 1}


def test_the_same_seed_makes_the_same_problems_and_another_one_others() -> None:
    project = make_project()

    first = [prompt.text for prompt in add("equations", project=project)]
    again = [prompt.text for prompt in add("equations", project=project)]
    others = [prompt.text for prompt in add("equations", seed=99)]

    assert first == again
    assert first != others


def test_any_data_set_of_the_library_can_be_asked_for_by_its_name() -> None:
    [prompt] = add("coin_flip", count=1)

    assert prompt.source["dataset"] == "reasoning-gym/coin_flip"


@pytest.mark.parametrize("data_set", procedural.DATA_SETS, ids=lambda data_set: data_set.key)
def test_every_data_set_on_the_list_can_be_made(data_set: procedural.DataSet) -> None:
    assert len(procedural.make_problems(data_set, count=2, seed=0)) == 2


@pytest.mark.parametrize(
    ("key", "count", "words"),
    [
        ("no_such_set", 1, "reasoning-gym has no data set “no_such_set”."),
        ("composite", 1, "can't be made this way"),
        ("sums", 0, "Ask for 1 to 5,000"),
        ("sums", 5001, "Ask for 1 to 5,000"),
    ],
)
def test_what_cannot_be_made_is_refused_with_a_sentence(key: str, count: int, words: str) -> None:
    with pytest.raises(CannotMakeProblems, match=words):
        add(key, count=count)

    assert not Prompt.objects.exists()


def test_a_data_set_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procedural, "_PATIENCE_SECONDS", 0.05)

    with pytest.raises(CannotMakeProblems, match="Ask for fewer"):
        add("sums")


def test_a_maker_that_breaks_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit(3)")
    monkeypatch.setattr(procedural, "_MAKER", broken)

    with pytest.raises(CannotMakeProblems, match="failed at chain_sum"):
        add("sums")
