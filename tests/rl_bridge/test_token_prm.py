"""Process reward models of other makers: token classifiers in a folder, opened without running their code."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import LlamaForTokenClassification

from rl_bridge.layout import TraceTooLong
from rl_bridge.prm import NotAPrm, PrmConfig, StepRewardModel, TraceToScore, save_prm
from rl_bridge.token_prm import TokenPrm, load_any_prm, score_with
from tests.rl_bridge import tiny

TRACE = TraceToScore("What is 3 + 4?", ("3 + 4 = 7.\n", "So it is 7."))


def write_classifier(folder: Path, *, num_labels: int = 2) -> Path:
    config = tiny.build_llama().config
    config.num_labels = num_labels
    torch.manual_seed(1)
    LlamaForTokenClassification(config).save_pretrained(folder)
    tiny.build_tokenizer().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("num_labels", [1, 2])
def test_a_step_s_score_is_read_at_the_separator_behind_it(tmp_path: Path, num_labels: int) -> None:
    prm = load_any_prm(write_classifier(tmp_path, num_labels=num_labels), device="cpu")
    assert isinstance(prm, TokenPrm)

    scores = score_with(prm, TRACE)

    parts = [TRACE.prompt, "3 + 4 = 7.", "\n", "So it is 7.", "\n"]
    pieces = [prm.tokenizer(part, add_special_tokens=False).input_ids for part in parts]
    ids = [prm.tokenizer.bos_token_id, *(token for piece in pieces for token in piece)]
    with torch.inference_mode():
        logits = prm.model(input_ids=torch.tensor([ids])).logits[0].float()
    correct = torch.softmax(logits, -1)[:, 1] if num_labels == 2 else torch.sigmoid(logits[:, 0])
    first_end = sum(len(piece) for piece in pieces[:3])
    assert scores == pytest.approx([float(correct[first_end]), float(correct[-1])], abs=1e-4)


def test_what_follows_a_step_does_not_change_its_score(tmp_path: Path) -> None:
    prm = load_any_prm(write_classifier(tmp_path), device="cpu")

    [first, _] = score_with(prm, TRACE)
    [alone] = score_with(prm, TraceToScore(TRACE.prompt, TRACE.steps[:1]))

    assert first == pytest.approx(alone, abs=1e-4)


def test_our_own_prm_is_opened_as_what_it_is(tmp_path: Path) -> None:
    backbone = tiny.build_llama().model
    config = PrmConfig(1, "tiny", "0", 512, "export", ("auto@1",))
    save_prm(tmp_path, model=StepRewardModel(backbone), tokenizer=tiny.build_tokenizer(), config=config)

    prm = load_any_prm(tmp_path, device="cpu")

    assert not isinstance(prm, TokenPrm)
    assert len(score_with(prm, TRACE)) == 2


def test_a_trace_that_does_not_fit_says_so(tmp_path: Path) -> None:
    prm = load_any_prm(write_classifier(tmp_path), device="cpu")

    with pytest.raises(TraceTooLong, match="and the PRM reads 2,048"):
        score_with(prm, TraceToScore("x" * 3000, ("y",)))


def test_a_folder_that_holds_no_prm_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(NotAPrm, match=r"config.json is missing"):
        load_any_prm(tmp_path)
    write_classifier(tmp_path / "three", num_labels=3)
    with pytest.raises(NotAPrm, match="tells 3 labels apart"):
        load_any_prm(tmp_path / "three", device="cpu")
    (tmp_path / "three" / "model.safetensors").unlink()
    with pytest.raises(NotAPrm, match=r"holds no .safetensors weights"):
        load_any_prm(tmp_path / "three")


def test_a_language_model_is_no_prm(tmp_path: Path) -> None:
    folder = tiny.write_model(tmp_path / "lm", tiny.build_llama())

    with pytest.raises(NotAPrm, match="is missing from its weights"):
        load_any_prm(folder, device="cpu")
