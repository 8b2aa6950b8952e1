"""One sequence that asks about every step of a trace, where the naive way takes one sequence a step.

The steps follow each other, and after each stands the question about it:

    head, step 1, question, step 2, question, …, step S, question

A token of a step sees the head and the steps before it, but no question; a token of a question sees the head, the
steps so far, and its own question. Positions go on as if no earlier question were there. So each question reads exactly
what it would read alone, and the prefix is computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

_PREFIX = -1


@dataclass(frozen=True)
class AskedTrace:
    """A trace as tokens: what stands before its steps, the steps, and the question asked after each."""

    head: tuple[int, ...]
    steps: tuple[tuple[int, ...], ...]
    question: tuple[int, ...]

    @property
    def num_tokens(self) -> int:
        """Of the longest sequence: everything, with one question."""
        return len(self.head) + sum(len(step) for step in self.steps) + len(self.question)

    def prefix(self, index: int) -> list[int]:
        """Everything up to and including step `index`."""
        return [*self.head, *(token for step in self.steps[: index + 1] for token in step)]


@dataclass(frozen=True)
class PackedTrace:
    """One forward pass. Shapes: L tokens, Q questions.

    input_ids (1, L); positions (1, L); mask (1, 1, L, L), true where row sees column; answers (Q,), the index of the
    token after which the answer to each question comes.
    """

    input_ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    answers: torch.Tensor


def list_groups(trace: AskedTrace, *, most_tokens: int) -> list[range]:
    """Which steps are asked about together: as many as fit into `most_tokens`, and at least one.

    The mask grows with the square of the length; a long trace takes several passes.
    """
    groups: list[range] = []
    start, num_prefix = 0, len(trace.head)
    for index, step in enumerate(trace.steps):
        num_prefix += len(step)
        if index > start and num_prefix + (index - start + 1) * len(trace.question) > most_tokens:
            groups.append(range(start, index))
            start = index
    if trace.steps:
        groups.append(range(start, len(trace.steps)))
    return groups


def pack(trace: AskedTrace, asked: Sequence[int], *, device: torch.device) -> PackedTrace:
    """The sequence that asks about the steps `asked` (rising indexes)."""
    tokens, positions = list(trace.head), list(range(len(trace.head)))
    answers: list[int] = []
    owners = [_PREFIX] * len(tokens)
    num_prefix = len(tokens)
    for index, step in enumerate(trace.steps[: asked[-1] + 1]):
        tokens += step
        positions += range(num_prefix, num_prefix + len(step))
        owners += [_PREFIX] * len(step)
        num_prefix += len(step)
        if index in asked:
            tokens += trace.question
            positions += range(num_prefix, num_prefix + len(trace.question))
            owners += [index] * len(trace.question)
            answers.append(len(tokens) - 1)
    owner = torch.tensor(owners, device=device)
    is_earlier = torch.ones(len(tokens), len(tokens), dtype=torch.bool, device=device).tril()
    is_seen = (owner[None, :] == _PREFIX) | (owner[None, :] == owner[:, None])
    return PackedTrace(
        input_ids=torch.tensor([tokens], device=device),
        positions=torch.tensor([positions], device=device),
        mask=(is_earlier & is_seen)[None, None],
        answers=torch.tensor(answers, device=device),
    )
