"""Traces of one prompt in one sequence, so that the prompt is computed once for all of them:

    prompt, completion 1, completion 2, …

A token of a completion sees the prompt and its own completion; positions go on from the prompt's end each time. So each
trace reads what it would read alone, and its gradient is the same. Only attention can do this: a state-space layer
carries the first completion into the second (`shares_prefixes` tries it out).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from rl_bridge import prm
from rl_bridge.training.prm_rows import Example, collate

_PROMPT = -1
_PADDING = -2
_MOST_TOKENS = 4_096
"""Of a sequence with several completions: its mask grows with the square of this."""
_TRIED_TOKENS = 8
_MOST_APART = 0.02


class PromptSampler(torch.utils.data.Sampler[int]):
    """A new order each epoch in which traces of one prompt stand together, at most `batch_size` in a row."""

    def __init__(self, examples: Sequence[Example], *, batch_size: int, seed: int) -> None:
        self._groups: dict[tuple[int, ...], list[int]] = {}
        for place, example in enumerate(examples):
            self._groups.setdefault(prompt_of(example), []).append(place)
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch, and so when a run is resumed in one."""
        self._epoch = epoch

    def __len__(self) -> int:
        return sum(len(group) for group in self._groups.values())

    def __iter__(self) -> Iterator[int]:
        chance = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        runs: list[list[int]] = []
        for group in self._groups.values():
            order = [group[i] for i in torch.randperm(len(group), generator=chance).tolist()]
            runs += [order[i : i + self._batch_size] for i in range(0, len(order), self._batch_size)]
        for i in torch.randperm(len(runs), generator=chance).tolist():
            yield from runs[i]


def prompt_of(example: Example) -> tuple[int, ...]:
    """The tokens of a trace before its completion, as far as they were kept."""
    return tuple(example.trace.input_ids[: example.trace.num_prompt_tokens])


def collate_packed(examples: Sequence[Example], *, pad_token_id: int) -> dict[str, Tensor]:
    """Stack examples into the arguments of `StepLoss.forward`, those of one prompt in one row.

    Rows without a companion are stacked as `collate` does, which lets attention take its fast way.
    """
    groups = group_by_prompt(examples)
    if len(groups) == len(examples):
        return collate(examples, pad_token_id=pad_token_id)
    rows = [_pack(group) for group in groups]
    owners = prm.pad_rows([row["owners"] for row in rows], _PADDING)
    is_seen = (owners[:, None, :] == _PROMPT) | (owners[:, None, :] == owners[:, :, None])
    return {
        "input_ids": prm.pad_rows([row["input_ids"] for row in rows], pad_token_id),
        "attention_mask": (is_seen & is_seen.new_ones(is_seen.shape[1:]).tril())[:, None],
        "position_ids": prm.pad_rows([row["position_ids"] for row in rows], 0),
        "positions": prm.pad_rows([row["positions"] for row in rows], 0),
        "targets": prm.pad_rows([row["targets"] for row in rows], 0.0),
        "counted": prm.pad_rows([row["counted"] for row in rows], 0.0),
    }


def group_by_prompt(examples: Sequence[Example]) -> list[list[Example]]:
    """Examples that share a prompt, as many as fit into a sequence, in the order of their first."""
    groups: list[list[Example]] = []
    open_groups: dict[tuple[int, ...], tuple[list[Example], int]] = {}
    for example in examples:
        prompt = prompt_of(example)
        group, length = open_groups.get(prompt, ([], len(prompt)))
        own = len(example.trace.input_ids) - len(prompt)
        if not group or not prompt or length + own > _MOST_TOKENS:
            group, length = [], len(prompt)
            groups.append(group)
        group.append(example)
        open_groups[prompt] = (group, length + own)
    return groups


def _pack(group: Sequence[Example]) -> dict[str, Tensor]:
    prompt = prompt_of(group[0])
    ids, owners, places = list(prompt), [_PROMPT] * len(prompt), list(range(len(prompt)))
    ends: list[int] = []
    for number, example in enumerate(group):
        completion = example.trace.input_ids[len(prompt) :]
        # A step end before the completion's first token lies in the prompt, where it is.
        shift = len(ids) - len(prompt)
        ends += [at + shift if at >= len(prompt) else at for at in example.trace.positions]
        ids += completion
        owners += [number] * len(completion)
        places += range(len(prompt), len(prompt) + len(completion))
    return {
        "input_ids": torch.tensor(ids),
        "owners": torch.tensor(owners),
        "position_ids": torch.tensor(places),
        "positions": torch.tensor(ends),
        "targets": torch.tensor([value for example in group for value in example.targets.values]),
        "counted": torch.tensor([float(value) for example in group for value in example.targets.counted]),
    }


@torch.inference_mode()
def shares_prefixes(backbone: PreTrainedModel) -> bool:
    """Whether a trace behind another's completion reads the same as alone, tried on a few tokens.

    False for state-space and sliding-window layers, and for attention that takes no mask of its own.
    """
    config: Any = backbone.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if kinds != {"full_attention"} or getattr(config, "sliding_window", None):
        return False
    chance = torch.Generator().manual_seed(0)
    tokens = torch.randint(int(config.vocab_size), (3 * _TRIED_TOKENS,), generator=chance)
    owners = torch.tensor([_PROMPT, 0, 1]).repeat_interleave(_TRIED_TOKENS)
    is_seen = (owners[None] == _PROMPT) | (owners[None] == owners[:, None])
    places = torch.arange(3 * _TRIED_TOKENS)
    places[2 * _TRIED_TOKENS :] -= _TRIED_TOKENS
    kept = owners != 0
    was_training = backbone.training
    backbone.train(False)
    try:
        packed = _read(
            backbone, tokens, places, (is_seen & is_seen.new_ones(is_seen.shape).tril())[None, None]
        )
        alone = _read(backbone, tokens[kept], places[kept], None)
    except (RuntimeError, ValueError, TypeError, IndexError):  # an architecture says no in its own way
        return False
    finally:
        backbone.train(was_training)
    apart = (packed[kept] - alone).norm() / alone.norm()
    return bool(apart < _MOST_APART)


def _read(backbone: PreTrainedModel, tokens: Tensor, places: Tensor, mask: Tensor | None) -> Tensor:
    device = backbone.device
    output = backbone(
        input_ids=tokens[None].to(device),
        attention_mask=mask if mask is None else mask.to(device),
        position_ids=places[None].to(device),
        use_cache=False,
    )
    hidden: Tensor = output.last_hidden_state[0].float()
    return hidden
