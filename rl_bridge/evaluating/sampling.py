"""Draws completions from a policy, many prompts at a time: padded on the left, seeded, the same for the same seed."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import GenerationConfig

from rl_bridge.data import Prompt
from rl_bridge.layout import render_prompt
from rl_bridge.models import LoadedModel
from rl_bridge.prm import list_batches, pad_token_of

_TOKENS_A_BATCH = 16_384  # of prompt and completion, in one call of the model


@dataclasses.dataclass(frozen=True, slots=True)
class Drawing:
    """How completions are drawn. `temperature` 0 takes the likeliest token each time."""

    num_samples: int = 8
    temperature: float = 1.0
    top_p: float = 1.0
    max_new_tokens: int = 256
    seed: int = 0


def sample_completions(
    policy: LoadedModel,
    prompts: Sequence[Prompt],
    drawing: Drawing,
    *,
    say: Callable[[int], None] = lambda done: None,
) -> list[list[str]]:
    """`num_samples` completions of each prompt, in the prompts' order; `say` hears how many prompts are done.

    Prompts go through the policy's own chat template, as in its training; a completion ends before its end token.
    """
    encoded = [_encode(policy, prompt) for prompt in prompts]
    lengths = [(len(ids) + drawing.max_new_tokens) * drawing.num_samples for ids in encoded]
    found: list[list[str]] = [[] for _ in prompts]
    num_done = 0
    with torch.random.fork_rng(devices=_random_devices(policy)):
        torch.manual_seed(drawing.seed)
        for batch in list_batches(lengths, _TOKENS_A_BATCH):
            for place, texts in zip(batch, _draw(policy, [encoded[i] for i in batch], drawing), strict=True):
                found[place] = texts
            num_done += len(batch)
            say(num_done)
    return found


def _encode(policy: LoadedModel, prompt: Prompt) -> list[int]:
    text, is_templated = render_prompt(policy.tokenizer, prompt)
    ids: list[int] = policy.tokenizer(text, add_special_tokens=not is_templated).input_ids
    return ids


@torch.inference_mode()
def _draw(policy: LoadedModel, prompts: Sequence[list[int]], drawing: Drawing) -> list[list[str]]:
    model: Any = policy.model
    padding = pad_token_of(policy.tokenizer)
    width = max(map(len, prompts))
    rows = [[padding] * (width - len(ids)) + ids for ids in prompts]
    masks = [[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts]
    sequences = model.generate(
        input_ids=torch.tensor(rows, device=model.device).repeat_interleave(drawing.num_samples, dim=0),
        attention_mask=torch.tensor(masks, device=model.device).repeat_interleave(drawing.num_samples, dim=0),
        generation_config=_configure(model, drawing, padding),
    )
    texts = [_read(policy, tokens) for tokens in sequences[:, width:].tolist()]
    n = drawing.num_samples
    return [texts[start : start + n] for start in range(0, len(texts), n)]


def _configure(model: Any, drawing: Drawing, padding: int) -> Any:
    """The model's own end tokens; how to draw is ours alone, so that two policies are drawn from alike."""
    draws = drawing.temperature > 0
    how: dict[str, Any] = (
        {"temperature": drawing.temperature, "top_p": drawing.top_p, "top_k": 0} if draws else {}
    )
    make: Any = GenerationConfig  # it carries no types
    return make(
        max_new_tokens=drawing.max_new_tokens,
        do_sample=draws,
        eos_token_id=model.generation_config.eos_token_id,
        pad_token_id=padding,
        **how,
    )


def _read(policy: LoadedModel, tokens: list[int]) -> str:
    model: Any = policy.model
    ends = model.generation_config.eos_token_id
    stops = {*(ends if isinstance(ends, list) else [ends]), pad_token_of(policy.tokenizer)}
    kept = next((tokens[:i] for i, token in enumerate(tokens) if token in stops), tokens)
    return str(policy.tokenizer.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _random_devices(policy: LoadedModel) -> list[int]:
    device = policy.model.device
    return [device.index or 0] if device.type == "cuda" else []
