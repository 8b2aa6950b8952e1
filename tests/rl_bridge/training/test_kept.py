"""Doubtful roll-outs outlast an interruption, and come from every process."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rl_bridge import rollouts
from rl_bridge.rollouts import Keeper, Rollout
from rl_bridge.training.kept import KeeperCheckpoint, gather_kept
from tests.rl_bridge.export_folders import write_prompts
from tests.rl_bridge.test_prm import write_prm
from tests.rl_bridge.training.small import make_settings, train
from tests.rl_bridge.training.test_resuming import interrupt_after
from tests.rl_bridge.upstream import ignore_warnings_inside_trl

pytestmark = ignore_warnings_inside_trl

KEPT = [Rollout(2, "half", 1.0, None), Rollout(1, "a quarter\n", 0.5, True)]


def make_keeper(*kept: Rollout, at_most: int = 9) -> Keeper:
    keeper = Keeper(at_most)
    keeper.take(kept)
    return keeper


def at(folder: Path, *, step: int, process: int = 0) -> dict[str, Any]:
    """What a trainer tells its callbacks at this step."""
    told = {
        "args": SimpleNamespace(output_dir=folder, process_index=process),
        "state": SimpleNamespace(global_step=step),
    }
    return told | {"control": None}


def test_each_process_goes_on_with_what_it_had_kept(tmp_path: Path) -> None:
    for process, rollout in enumerate(KEPT):
        KeeperCheckpoint(make_keeper(rollout)).on_save(**at(tmp_path, step=4, process=process))

    for process, rollout in enumerate(KEPT):
        keeper = make_keeper()
        KeeperCheckpoint(keeper).on_train_begin(**at(tmp_path, step=4, process=process))
        assert keeper.list_kept() == [rollout]


@pytest.mark.parametrize("step", [0, 4])
def test_a_run_begins_with_none_where_none_were_kept(step: int, tmp_path: Path) -> None:
    keeper = make_keeper()

    KeeperCheckpoint(keeper).on_train_begin(**at(tmp_path, step=step))

    assert keeper.list_kept() == []


def test_no_more_are_gathered_than_are_kept() -> None:
    assert gather_kept(make_keeper(*KEPT)) == KEPT
    assert gather_kept(make_keeper(*KEPT, at_most=1)) == KEPT[:1]


@pytest.mark.slow
def test_a_resumed_run_gives_back_what_it_kept_before(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export, judge = write_prompts(tmp_path / "export"), write_prm(tmp_path / "prm", tiny_llama)
    options = {"prm": judge, "max_steps": 4, "save_every": 2, "seed": 4, "return_at_most": 40}
    whole = train(make_settings("grpo", export, tmp_path / "whole", tiny_llama, **options))
    settings = make_settings("grpo", export, tmp_path / "cut", tiny_llama, **options)
    with monkeypatch.context() as cut:
        interrupt_after(3, cut)
        with pytest.raises(KeyboardInterrupt):
            train(settings)

    resumed = train(settings, resumes=True)

    kept = rollouts.read_rollouts(whole.folder)
    assert len(kept) > 8  # more than two steps draw
    assert rollouts.read_rollouts(resumed.folder) == kept
