"""Opens a reward model and scores completions: a sequence classifier with one label, as TRL's RewardTrainer saves it.

The score is a number without unit; only differences between completions of one prompt mean something (Bradley & Terry
1952). The text is laid out as in training: prompt in the chat template, completion, end token.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerBase

from rl_bridge.data import Prompt
from rl_bridge.devices import pick_device
from rl_bridge.errors import BridgeError
from rl_bridge.layout import render_prompt
from rl_bridge.models import (
    ModelNotFound,
    hash_weights,
    open_tokenizer,
    resolve_model,
    without_loading_bars,
)
from rl_bridge.prm import list_batches, pad_token_of

_TOKENS_A_BATCH = 4_096


class NotARewardModel(BridgeError):
    """The folder holds no sequence classifier with one label."""


@dataclasses.dataclass(frozen=True, slots=True)
class OpenedRewardModel:
    """A reward model in evaluation mode. `revision` is one SHA-256 over its weights."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    revision: str


def load_reward_model(folder: Path, *, device: str | None = None) -> OpenedRewardModel:
    """Open the reward model in a folder, from safetensors alone. Raises `NotARewardModel`."""
    opener: Any = AutoModelForSequenceClassification
    try:
        resolved = resolve_model(str(folder), models_dir=folder)
        tokenizer = open_tokenizer(resolved)
    except ModelNotFound as error:
        raise NotARewardModel(str(error)) from error
    try:
        with without_loading_bars():
            model, loading = opener.from_pretrained(
                str(folder),
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
            )
    except Exception as error:  # a damaged file makes the libraries raise anything
        reason = str(error).strip().partition("\n")[0].rstrip(" :.")
        raise NotARewardModel(f"{folder} does not open as a reward model: {reason}.") from error
    if loading["missing_keys"] or model.config.num_labels != 1:
        raise NotARewardModel(f"{folder} holds no reward model: it has no head with one label.")
    model.config.get_text_config().pad_token_id = pad_token_of(tokenizer)  # it finds the last token by it
    model.to(device or pick_device()).eval()
    return OpenedRewardModel(model=model, tokenizer=tokenizer, revision=hash_weights(folder))


@torch.inference_mode()
def score_completions(
    opened: OpenedRewardModel,
    pairs: Sequence[tuple[Prompt, str]],
    *,
    say: Callable[[int], object] = lambda _: None,
) -> list[float]:
    """The reward of each (prompt, completion), in the order given; `say` hears each time how many more are done."""
    encoded = [_encode(opened, prompt, completion) for prompt, completion in pairs]
    scores = [0.0] * len(pairs)
    padding = pad_token_of(opened.tokenizer)
    for batch in list_batches([len(ids) for ids in encoded], _TOKENS_A_BATCH):
        width = max(len(encoded[i]) for i in batch)
        rows = [encoded[i] + [padding] * (width - len(encoded[i])) for i in batch]
        masks = [[1] * len(encoded[i]) + [0] * (width - len(encoded[i])) for i in batch]
        device = opened.model.device
        output = opened.model(
            input_ids=torch.tensor(rows, device=device), attention_mask=torch.tensor(masks, device=device)
        )
        for place, score in zip(batch, output.logits[:, 0].float().tolist(), strict=True):
            scores[place] = score
        say(len(batch))
    return scores


def _encode(opened: OpenedRewardModel, prompt: Prompt, completion: str) -> list[int]:
    if not isinstance(prompt, str) and opened.tokenizer.chat_template:  # TRL closes messages by the template
        talk: Any = [*prompt, {"role": "assistant", "content": completion}]
        told: Any = opened.tokenizer.apply_chat_template(talk, return_dict=True)
        return list(told["input_ids"])
    text, is_templated = render_prompt(opened.tokenizer, prompt)
    end = str(opened.tokenizer.eos_token or "")
    whole = text + completion + ("" if completion.endswith(end) else end)
    ids: list[int] = opened.tokenizer(whole, add_special_tokens=not is_templated).input_ids
    return ids
