"""Roll-outs that no reward is sure of: which are kept, and how they go back to people."""

import json
from pathlib import Path

import pytest

from rl_bridge import __main__, client, rollouts
from rl_bridge.rollouts import Rollout
from tests.rl_bridge.servers import Answer, Asked, serving


def test_the_most_doubtful_are_kept_each_once() -> None:
    keeper = rollouts.Keeper(at_most=2)
    columns = {"prompt_id": ["1", "1", "2", "3"]}

    for _ in range(2):
        keeper.see(
            columns,
            ["sure", "torn", "opposed", "half"],
            {"process_reward": [0.99, 0.5, 0.95, 0.7], "outcome_reward": [1.0, None, 0.0, 1.0]},
        )

    kept = keeper.list_kept()
    assert [(each.prompt_id, each.completion) for each in kept] == [(1, "torn"), (2, "opposed")]
    assert [each.doubt for each in kept] == [1.0, pytest.approx(0.95)]
    assert [each.is_correct for each in kept] == [None, False]


def test_without_a_judge_or_a_known_prompt_nothing_is_kept() -> None:
    keeper = rollouts.Keeper(at_most=2)

    keeper.see({}, ["a"], {"process_reward": [0.5]})
    keeper.see({"prompt_id": ["1"]}, ["a"], {"outcome_reward": [0.0]})
    keeper.see({"prompt_id": ["a-b"]}, ["a"], {"process_reward": [0.5]})
    keeper.see({"prompt_id": ["1"]}, ["a"], {"process_reward": [None]})

    assert keeper.list_kept() == []


@pytest.mark.parametrize(
    ("process", "is_correct", "doubt"),
    [(0.5, None, 1.0), (0.9, False, 0.9), (0.1, True, 0.9), (1.0, True, 0.0)],
)
def test_doubt_is_indecision_or_opposition(process: float, is_correct: bool | None, doubt: float) -> None:
    assert rollouts.measure_doubt(process, is_correct) == pytest.approx(doubt)


@pytest.mark.parametrize(
    "address",
    ["https://gradus.example.org/p/sums/", "http://localhost:8000/p/sums", "https://g.org/p/sums/exports/7/"],
)
def test_a_projects_page_names_the_project(address: str) -> None:
    assert rollouts.find_project(address) == "sums"


@pytest.mark.parametrize(
    "address", ["https://gradus.example.org/", "https://gradus.example.org/x/sums/", "sums"]
)
def test_another_page_is_refused(address: str) -> None:
    with pytest.raises(client.BadAddress, match="no project's page"):
        rollouts.find_project(address)


def write_some(folder: Path, number: int = 3) -> list[Rollout]:
    some = [Rollout(i, f"{i} is é\n", 0.5, None if i else True) for i in range(number)]
    rollouts.write_rollouts(folder, some)
    return some


def test_a_run_folder_keeps_them_for_later(tmp_path: Path) -> None:
    some = write_some(tmp_path)

    assert rollouts.read_rollouts(tmp_path) == some


@pytest.mark.parametrize("content", [None, "{", '{"prompt_id": 1}', "[]"])
def test_a_folder_without_them_is_said_in_one_sentence(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / rollouts.ROLLOUTS_FILE).write_text(content)

    with pytest.raises(rollouts.BadRollouts):
        rollouts.read_rollouts(tmp_path)


def answer(asked: Asked) -> Answer:
    return Answer(201, json.dumps({"num_made": len(json.loads(asked.body)["rollouts"])}).encode())


def test_they_are_sent_with_the_token_a_hundred_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_some(tmp_path, 150)
    monkeypatch.setenv(client.TOKEN_VARIABLE, "gradus_secret")
    with serving(answer) as server:
        status = __main__.main(["return", "--run", str(tmp_path), "--to", f"{server.url}/p/sums/"])

    assert status == 0
    assert "150 of 150 roll-outs are new" in capsys.readouterr().out
    first, second = server.asked
    assert (first.method, first.path) == ("POST", "/api/v1/rollouts/")
    assert first.headers["authorization"] == "Bearer gradus_secret"
    body = json.loads(first.body)
    assert (body["project"], body["run"], len(body["rollouts"])) == ("sums", tmp_path.name, 100)
    assert body["rollouts"][0] == {"prompt_id": 0, "completion": "0 is é\n", "doubt": 0.5, "is_correct": True}
    assert len(json.loads(second.body)["rollouts"]) == 50


def test_a_refusal_is_told_in_the_servers_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_some(tmp_path)
    refusal = json.dumps({"detail": "This token lacks the scope traces:write."}).encode()
    with serving(lambda asked: Answer(403, refusal)) as server:
        status = __main__.main(["return", "--run", str(tmp_path), "--to", f"{server.url}/p/sums/"])

    assert status == 2
    assert "lacks the scope traces:write" in capsys.readouterr().err


def test_a_token_does_not_travel_in_the_clear(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_some(tmp_path)

    assert __main__.main(["return", "--run", str(tmp_path), "--to", "http://gradus.example.org/p/sums/"]) == 2

    assert "use https" in capsys.readouterr().err
