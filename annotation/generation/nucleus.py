"""Temperature and top-p for many rows of a large vocabulary, without sorting all of it."""

from __future__ import annotations

import torch
from transformers import LogitsProcessor, TopPLogitsWarper

_LIKELIEST = 1024  # tokens among which the nucleus nearly always lies


class NucleusProcessor(LogitsProcessor):
    """Leaves of each row the fewest likeliest tokens that add up to `top_p`, at a temperature above 0.

    The same tokens as transformers leaves, which sorts the whole vocabulary for it: a sixth of the CPU time that 32
    short completions of the shipped model take. Here the likeliest are picked out, and a row is sorted only where its
    nucleus is wider.
    """

    def __init__(self, *, temperature: float, top_p: float) -> None:
        self._temperature = temperature
        self._top_p = top_p
        self._sort_all = TopPLogitsWarper(top_p)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        scores = scores / self._temperature
        if self._top_p >= 1:
            return scores
        top, places = scores.topk(min(_LIKELIEST, scores.shape[-1]))
        probabilities = (top - scores.logsumexp(-1, keepdim=True)).exp()
        summed = probabilities.cumsum(-1)
        is_left = summed - probabilities < self._top_p  # what stands before it does not add up to top_p yet
        left = torch.full_like(scores, -torch.inf).scatter(1, places, top.masked_fill(~is_left, -torch.inf))
        is_wider = summed[:, -1] < self._top_p
        if scores.shape[-1] > _LIKELIEST and bool(is_wider.any()):
            left[is_wider] = self._sort_all(input_ids[is_wider], scores[is_wider])
        return left
