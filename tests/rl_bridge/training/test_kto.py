"""KTO through TRL: both labels weigh the same, neighbours are strangers, one label alone is refused."""

import itertools
from pathlib import Path

import pytest
from datasets import Dataset

from rl_bridge import models, runs
from rl_bridge.training import kto
from rl_bridge.training.settings import BadTrainingSetting
from tests.rl_bridge.export_folders import make_table, write_export
from tests.rl_bridge.training.small import make_settings, train
from tests.rl_bridge.upstream import ignore_warnings_inside_trl

pytestmark = ignore_warnings_inside_trl


def test_what_stands_becomes_likelier_than_what_does_not(
    export_folder: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    summary = train(
        make_settings(
            "kto",
            export_folder,
            tmp_path / "run",
            tiny_llama,
            lora_rank=0,
            learning_rate=2e-3,
            max_steps=20,
            batch_size=8,
        )
    )

    assert summary.metrics["rewards_chosen"] > summary.metrics["rewards_rejected"]
    models.load_causal_lm(str(summary.folder / "model"), models_dir=tmp_path, device="cpu")


def test_the_rarer_label_weighs_more() -> None:
    assert kto.weigh_labels([True] * 3 + [False], "balanced") == kto.LabelWeights(1.0, 3.0)
    assert kto.weigh_labels([True] + [False] * 4, "balanced") == kto.LabelWeights(4.0, 1.0)
    assert kto.weigh_labels([True] * 3 + [False], "none") == kto.LabelWeights(1.0, 1.0)


@pytest.mark.parametrize(("label", "word"), [(True, "desirable"), (False, "undesirable")])
def test_one_label_alone_is_refused(tiny_llama: Path, tmp_path: Path, label: bool, word: str) -> None:
    rows = [{"prompt": "p", "completion": "c", "label": label}] * 3
    export = write_export(
        tmp_path / "export", {("unpaired_preference", "train"): make_table("unpaired_preference", rows)}
    )

    with pytest.raises(runs.NothingToTrainOn, match=f"All 3 rows are {word}: KTO needs"):
        train(make_settings("kto", export, tmp_path / "run", tiny_llama))


def test_a_batch_of_one_has_no_neighbours(tmp_path: Path) -> None:
    with pytest.raises(BadTrainingSetting, match="batch-size must be at least two, not 1"):
        make_settings("kto", tmp_path, tmp_path, tmp_path, batch_size=1)


def test_the_completions_of_one_prompt_are_set_apart_the_same_way_each_time() -> None:
    rows = Dataset.from_dict({"prompt": [str(i // 2) for i in range(40)]})

    order = kto.shuffle(rows, 3)["prompt"]

    neighbours = sum(a == b for a, b in itertools.pairwise(order))
    assert neighbours < 8
    assert sorted(order) == sorted(rows["prompt"])
    assert kto.shuffle(rows, 3)["prompt"] == order
