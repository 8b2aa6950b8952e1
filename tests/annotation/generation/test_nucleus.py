"""The nucleus of a large vocabulary: the same tokens that transformers leaves, and far fewer of them sorted."""

from __future__ import annotations

import pytest
import torch
from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopPLogitsWarper

from annotation.generation import nucleus
from annotation.generation.nucleus import NucleusProcessor

NUM_ROWS, NUM_TOKENS = 6, 3000
IDS = torch.zeros(NUM_ROWS, 1, dtype=torch.long)


def make_scores(spread: float) -> torch.Tensor:
    """Rows from flat to peaked, without ties."""
    drawn = torch.randn(NUM_ROWS, NUM_TOKENS, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return drawn * torch.linspace(0.2, spread, NUM_ROWS)[:, None]


@pytest.mark.parametrize("top_p", [0.01, 0.5, 0.95, 0.9999])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 1.7])
@pytest.mark.parametrize("spread", [1.0, 6.0])
def test_it_leaves_what_transformers_leaves(top_p: float, temperature: float, spread: float) -> None:
    scores = make_scores(spread)
    theirs = LogitsProcessorList([TemperatureLogitsWarper(temperature), TopPLogitsWarper(top_p)])

    ours = NucleusProcessor(temperature=temperature, top_p=top_p)(IDS, scores)

    assert torch.equal(ours, theirs(IDS, scores))


def test_the_likeliest_token_is_always_left() -> None:
    left = NucleusProcessor(temperature=1.0, top_p=1e-9)(IDS, make_scores(6.0))

    assert left.isfinite().sum(dim=-1).tolist() == [1] * NUM_ROWS


def test_all_tokens_are_left_at_a_top_p_of_1() -> None:
    scores = make_scores(6.0)

    assert torch.equal(NucleusProcessor(temperature=0.5, top_p=1.0)(IDS, scores), scores / 0.5)


def test_only_rows_whose_nucleus_is_wider_than_the_likeliest_are_sorted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sorted_rows: list[int] = []

    class Watched(TopPLogitsWarper):  # type: ignore[misc]  # transformers carries no types
        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            sorted_rows.append(len(scores))
            kept: torch.Tensor = super().__call__(input_ids, scores)
            return kept

    monkeypatch.setattr(nucleus, "TopPLogitsWarper", Watched)
    NucleusProcessor(temperature=1.0, top_p=0.95)(IDS, make_scores(6.0))
    NucleusProcessor(temperature=0.1, top_p=0.5)(IDS, make_scores(60.0)[3:].repeat(2, 1))

    assert len(sorted_rows) == 1
    assert 0 < sorted_rows[0] < NUM_ROWS


def test_a_vocabulary_smaller_than_the_likeliest_is_never_sorted() -> None:
    scores = make_scores(2.0)[:, :40]

    ours = NucleusProcessor(temperature=1.0, top_p=0.9)(IDS, scores)

    assert torch.equal(ours, TopPLogitsWarper(0.9)(IDS, scores))
