"""The process reward model: saving, opening, scoring one trace and many."""

import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from rl_bridge import layout, prm
from rl_bridge.models import without_loading_bars
from tests.rl_bridge import tiny

CONFIG = prm.PrmConfig(
    format=1, backbone="tiny", backbone_revision="0", max_length=400, export="none", segmenters=("lines-1",)
)


def write_prm(folder: Path, backbone_folder: Path) -> Path:
    with without_loading_bars():
        backbone = AutoModel.from_pretrained(backbone_folder, dtype=torch.float32)
    torch.manual_seed(1)
    prm.save_prm(folder, model=prm.StepRewardModel(backbone), tokenizer=tiny.build_tokenizer(), config=CONFIG)
    return folder


@pytest.fixture(params=["tiny_llama", "tiny_falcon_h1"])
def prm_folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A saved PRM with random weights, on each architecture."""
    return write_prm(tmp_path / "prm", request.getfixturevalue(request.param))


TRACES = [
    prm.TraceToScore(
        prompt=f"What is {i}?", steps=tuple(f"Step {s}\n" * (i % 3 + 1) for s in range(i % 4 + 1))
    )
    for i in range(11)
]


def test_a_saved_prm_opens_with_the_same_scores(prm_folder: Path, tmp_path: Path) -> None:
    opened = prm.load_prm(prm_folder, device="cpu")
    before = prm.score_steps(opened, "What is 2 + 2?", ["2 + 2 = 4.\n", "Done."])

    prm.save_prm(tmp_path / "again", model=opened.model, tokenizer=opened.tokenizer, config=opened.config)
    again = prm.load_prm(tmp_path / "again", device="cpu")

    assert again.config == CONFIG
    assert again.revision == opened.revision
    assert prm.score_steps(again, "What is 2 + 2?", ["2 + 2 = 4.\n", "Done."]) == pytest.approx(before)
    assert all(0 < score < 1 for score in before)


def test_a_batch_scores_as_each_trace_alone(prm_folder: Path) -> None:
    opened = prm.load_prm(prm_folder, device="cpu")

    together = prm.score_traces(opened, TRACES, tokens_a_batch=300)

    for trace, scores in zip(TRACES, together, strict=True):
        assert scores == pytest.approx(prm.score_steps(opened, trace.prompt, trace.steps), abs=1e-4)


def test_a_step_is_scored_without_what_follows_it(prm_folder: Path) -> None:
    opened = prm.load_prm(prm_folder, device="cpu")

    short = prm.score_steps(opened, "p", ["One.\n"])
    long = prm.score_steps(opened, "p", ["One.\n", "Two and something else.\n"])

    assert long[0] == pytest.approx(short[0], abs=1e-5)


def test_scores_depend_on_the_prompt_and_the_steps(prm_folder: Path) -> None:
    opened = prm.load_prm(prm_folder, device="cpu")

    assert prm.score_steps(opened, "p", ["One.\n"]) != prm.score_steps(opened, "q", ["One.\n"])
    assert prm.score_steps(opened, "p", ["One.\n"]) != prm.score_steps(opened, "p", ["Two.\n"])


def test_no_traces_have_no_scores(prm_folder: Path) -> None:
    assert prm.score_traces(prm.load_prm(prm_folder, device="cpu"), []) == []


def test_a_completion_that_does_not_fit_is_an_error(prm_folder: Path) -> None:
    with pytest.raises(layout.TraceTooLong, match="the limit of 400"):
        prm.score_steps(prm.load_prm(prm_folder, device="cpu"), "p", ["x" * 401])


@given(st.lists(st.integers(1, 50)), st.integers(1, 120))
def test_batches_hold_every_sequence_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(prm.list_batches(lengths, budget))

    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= budget


def test_a_folder_without_a_prm_is_named(tiny_llama: Path) -> None:
    with pytest.raises(prm.NotAPrm, match=r"prm\.json is missing"):
        prm.load_prm(tiny_llama)


@pytest.mark.parametrize(
    ("text", "complaint"), [("{", "can't be read"), ("{}", "can't be read"), (None, "has format 9")]
)
def test_a_prm_of_another_format_is_named(
    tiny_llama: Path, tmp_path: Path, text: str | None, complaint: str
) -> None:
    folder = write_prm(tmp_path / "prm", tiny_llama)
    fields = json.loads((folder / "prm.json").read_text())
    (folder / "prm.json").write_text(json.dumps(fields | {"format": 9}) if text is None else text)

    with pytest.raises(prm.NotAPrm, match=complaint):
        prm.load_prm(folder)


def test_a_prm_without_its_head_is_named(tiny_llama: Path, tmp_path: Path) -> None:
    folder = write_prm(tmp_path / "prm", tiny_llama)
    (folder / "step_head.safetensors").unlink()

    with pytest.raises(prm.NotAPrm, match="does not open as a process reward model"):
        prm.load_prm(folder)


def test_a_prm_whose_backbone_lacks_a_weight_is_refused(tiny_llama: Path, tmp_path: Path) -> None:
    folder = write_prm(tmp_path / "prm", tiny_llama)
    weights = load_file(folder / "model.safetensors")
    del weights["layers.0.self_attn.q_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(prm.NotAPrm, match=r"q_proj\.weight is missing"):
        prm.load_prm(folder)


def test_a_score_is_the_head_s_probability_at_the_last_token_of_its_step(
    tiny_llama: Path, tmp_path: Path
) -> None:
    opened = prm.load_prm(write_prm(tmp_path / "prm", tiny_llama), device="cpu")
    steps = ("One.\n", "Two, é.\n", "Three.")
    encoded = opened.encoder.encode("p", steps)
    ends = [len(opened.tokenizer("".join(steps[: i + 1])).input_ids) for i in range(3)]
    num_prompt_tokens = len(encoded.input_ids) - ends[-1]

    with torch.inference_mode():
        hidden = opened.model.backbone(input_ids=torch.tensor([encoded.input_ids])).last_hidden_state[0]
        log_odds = hidden @ opened.model.head.weight[0] + opened.model.head.bias
    expected = [1 / (1 + math.exp(-float(log_odds[num_prompt_tokens + end - 1]))) for end in ends]

    assert prm.score_steps(opened, "p", steps) == pytest.approx(expected, abs=1e-5)
