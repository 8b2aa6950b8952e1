"""A language model in this very process, through transformers: batched, padded on the left, seeded."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import torch
import transformers
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteriaList

from annotation.generation.backend import (
    BackendDescription,
    ChatTemplate,
    Completion,
    GenerationRequest,
    GenerationStopped,
    Refusal,
    Sampling,
)
from annotation.generation.nucleus import NucleusProcessor
from annotation.generation.watching import LogprobRecorder, StopWhenAsked, StopWhenEnough
from rl_bridge.models import LoadedModel

_MOST_AT_A_TIME = 32  # requests: more of them make no more tokens a second (docs/adr/generation-chunks.md)


def _list_groups(indices: Sequence[int], lengths: Sequence[int]) -> list[Sequence[int]]:
    """All of them where they are few; else groups of like length."""
    if len(indices) <= _MOST_AT_A_TIME:
        return [indices]
    ordered = sorted(indices, key=lambda index: lengths[index])
    return [ordered[start : start + _MOST_AT_A_TIME] for start in range(0, len(ordered), _MOST_AT_A_TIME)]


def _list_processors(sampling: Sampling) -> list[LogitsProcessor]:
    if sampling.temperature <= 0:
        return []
    return [NucleusProcessor(temperature=sampling.temperature, top_p=sampling.top_p)]


class TransformersBackend:
    """Implements `Backend` for a model that is already open."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._model: Any = loaded.model
        self._tokenizer: Any = loaded.tokenizer

    def describe(self) -> BackendDescription:
        return BackendDescription(
            backend="transformers",
            model=self._loaded.name,
            revision=self._loaded.revision,
            dtype=str(self._model.dtype).removeprefix("torch."),
            device=str(self._model.device),
            num_threads=torch.get_num_threads(),
            versions={"torch": torch.__version__, "transformers": transformers.__version__},
        )

    def describe_chat(self) -> ChatTemplate:
        template = self._tokenizer.chat_template
        # A tokenizer may bring several, by name; without tools `apply_chat_template` takes the default one.
        chosen = template.get("default", "") if isinstance(template, dict) else template
        return ChatTemplate(chosen or "", dict(self._tokenizer.special_tokens_map))

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        sampling: Sampling,
        should_stop: Callable[[], bool],
    ) -> list[Completion | Refusal]:
        """See `Backend.generate`. Requests that fit go through the model together; more than it takes at a time in
        groups of like length, so that little of a group is padding, each with a seed of its own."""
        prompts = [self._encode(request) for request in requests]
        refusals = [self._find_refusal(len(tokens), sampling) for tokens in prompts]
        fitting = [index for index, refusal in enumerate(refusals) if refusal is None]
        made: dict[int, Completion] = {}
        for number, group in enumerate(_list_groups(fitting, [len(tokens) for tokens in prompts])):
            enough = StopWhenEnough(self._tokenizer, [requests[index].is_enough for index in group])
            drawn = dataclasses.replace(sampling, seed=sampling.seed + number)
            completions = self._complete([prompts[index] for index in group], drawn, should_stop, enough)
            made |= dict(zip(group, completions, strict=True))
        return [refusal or made[index] for index, refusal in enumerate(refusals)]

    def _encode(self, request: GenerationRequest) -> list[int]:
        text = request.text
        if self._tokenizer.chat_template:
            text = self._tokenizer.apply_chat_template(
                [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True
            )
            text += request.answer_begins
            tokens: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        else:
            tokens = self._tokenizer(text + request.answer_begins).input_ids
        return tokens

    def _find_refusal(self, num_tokens: int, sampling: Sampling) -> Refusal | None:
        context = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        if context is None or num_tokens + sampling.max_new_tokens <= context:
            return None
        return Refusal(
            f"The prompt is too long: {num_tokens:,} tokens and up to {sampling.max_new_tokens:,} new ones do not "
            f"fit into the model's context of {context:,}."
        )

    def _complete(
        self,
        prompts: Sequence[list[int]],
        sampling: Sampling,
        should_stop: Callable[[], bool],
        enough: StopWhenEnough,
    ) -> list[Completion]:
        if not prompts:
            return []
        if should_stop():
            raise GenerationStopped
        input_ids, attention_mask = self._pad(prompts)
        stop, recorder = StopWhenAsked(should_stop), LogprobRecorder()
        with torch.random.fork_rng(devices=self._list_random_devices()), torch.inference_mode():
            torch.manual_seed(sampling.seed)
            sequences: torch.Tensor = self._model.generate(
                input_ids=input_ids,
                attention_mask=attention_mask,
                generation_config=self._configure(sampling),
                logits_processor=LogitsProcessorList([recorder, *_list_processors(sampling)]),
                stopping_criteria=StoppingCriteriaList([stop, enough]),
            )
        if stop.was_stopped:
            raise GenerationStopped
        new_tokens = sequences[:, input_ids.shape[1] :].tolist()
        logprobs = recorder.finish(sequences).tolist()
        return [
            self._read(len(prompt), tokens, numbers)
            for prompt, tokens, numbers in zip(prompts, new_tokens, logprobs, strict=True)
        ]

    def _pad(self, prompts: Sequence[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Pads on the left, since what follows a prompt must stand right behind it."""
        width = max(len(tokens) for tokens in prompts)
        pad = self._pad_id
        rows = [[pad] * (width - len(tokens)) + tokens for tokens in prompts]
        mask = [[0] * (width - len(tokens)) + [1] * len(tokens) for tokens in prompts]
        device = self._model.device
        return torch.tensor(rows, device=device), torch.tensor(mask, device=device)

    def _configure(self, sampling: Sampling) -> Any:
        """Says everything, so that nothing is taken over from the file that came with the model. Temperature and top-p
        are processors of ours."""
        make_config: Any = transformers.GenerationConfig  # carries no types
        config = make_config(
            max_new_tokens=sampling.max_new_tokens,
            do_sample=sampling.temperature > 0,
            eos_token_id=sorted(self._end_ids) or None,
            pad_token_id=self._pad_id,
        )
        if sampling.temperature > 0:
            config.update(temperature=1.0, top_p=1.0, top_k=0)
        return config

    def _read(self, num_prompt_tokens: int, tokens: list[int], logprobs: list[float]) -> Completion:
        end = next((index for index, token in enumerate(tokens) if token in self._end_ids), None)
        text = self._tokenizer.decode(
            tokens[:end], skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        drawn = logprobs if end is None else logprobs[: end + 1]
        return Completion(
            text=text,
            num_prompt_tokens=num_prompt_tokens,
            num_tokens=len(tokens[:end]),
            finish_reason="length" if end is None else "stop",
            mean_logprob=sum(drawn) / len(drawn),
        )

    @property
    def _end_ids(self) -> frozenset[int]:
        configured = self._model.generation_config.eos_token_id
        ids = configured if isinstance(configured, list) else [configured]
        return frozenset(token for token in [*ids, self._tokenizer.eos_token_id] if token is not None)

    @property
    def _pad_id(self) -> int:
        pad = self._tokenizer.pad_token_id
        return int(pad) if pad is not None else min(self._end_ids, default=0)

    def _list_random_devices(self) -> list[int]:
        return [self._model.device.index or 0] if self._model.device.type == "cuda" else []
