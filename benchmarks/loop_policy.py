"""The loop's first policy: a small Llama trained from scratch on worked solutions, saved as any model folder is."""

import random
import time
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from benchmarks.loop_sizes import Size
from benchmarks.loop_truth import Problem

_SPECIAL = ("<|end|>", "<|user|>", "<|assistant|>")
_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
Row = tuple[list[int], list[int]]
"""The tokens of a prompt, and those of its solution with the end."""

_WORDS = Regex(r"[A-Za-z]+|.|\n")


def build_tokenizer(problems: list[Problem]) -> PreTrainedTokenizerFast:
    """A token for each word of the problems, and for each byte otherwise, so digits stand alone and any text can be
    written."""
    words = {word for problem in problems for word in (problem.text + problem.solve()).split()}
    letters = sorted(word.strip(":.=") for word in words if word.strip(":.=").isalpha())
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges: list[tuple[str, str]] = []
    tokens = dict.fromkeys([*_SPECIAL, *alphabet])
    for word in dict.fromkeys(letters):  # letter by letter from the left
        for end in range(2, len(word) + 1):
            if word[:end] not in tokens:
                tokens[word[:end]] = None
                merges.append((word[: end - 1], word[end - 1]))
    vocabulary = {token: place for place, token in enumerate(tokens)}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(_WORDS, behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="<|end|>",
        pad_token="<|end|>",
        additional_special_tokens=list(_SPECIAL[1:]),
        chat_template=_TEMPLATE,
    )


def build_model(tokenizer: PreTrainedTokenizerFast, size: Size, seed: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    end = tokenizer.eos_token_id
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.width,
        intermediate_size=2 * size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=256,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=end,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config)


def pretrain(folder: Path, problems: list[Problem], size: Size, seed: int) -> dict[str, float]:
    """Train from scratch on worked solutions, then on a mix of those and bare answers, and save.

    So the policy knows how to work a sum out, and does not always do so: models that read the web are no different.
    """
    tokenizer = build_tokenizer(problems)
    model = build_model(tokenizer, size, seed)
    worked = [_encode(tokenizer, problem.text, problem.solve()) for problem in problems]
    began = time.process_time()
    loss = _train(
        model, tokenizer, worked, size, steps=size.pretrain_steps, rate=size.pretrain_rate, seed=seed
    )
    if size.bare_steps:
        mixed = mix_in_bare_answers(tokenizer, problems, worked, size, seed)
        loss = _train(
            model, tokenizer, mixed, size, steps=size.bare_steps, rate=size.bare_rate, seed=seed + 1
        )
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return {
        "parameters": float(sum(p.numel() for p in model.parameters())),
        "final_loss": loss,
        "cpu_seconds": time.process_time() - began,
    }


def mix_in_bare_answers(
    tokenizer: PreTrainedTokenizerFast, problems: list[Problem], worked: list[Row], size: Size, seed: int
) -> list[Row]:
    """The same problems, a share of them with the right answer and no work: it is seldom found that way."""
    source = random.Random(seed)
    return [
        _encode(tokenizer, problem.text, problem.state()) if source.random() < size.bare_share else row
        for problem, row in zip(problems, worked, strict=True)
    ]


def _train(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    rows: list[Row],
    size: Size,
    *,
    steps: int,
    rate: float,
    seed: int,
) -> float:
    """So many steps with a rate that rises, then falls; the loss is on solutions alone, and the last one returned."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 50) * max(0.05, 1 - step / steps)
    )
    source, loss = random.Random(seed), torch.tensor(0.0)
    model.train()
    for _ in range(steps):
        batch = _stack(source.sample(rows, size.pretrain_batch), tokenizer.pad_token_id)
        loss = model(**batch).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return loss.item()


def _encode(tokenizer: PreTrainedTokenizerFast, text: str, solution: str) -> Row:
    messages = [{"role": "user", "content": text}]
    asked = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    prompt = tokenizer(asked, add_special_tokens=False).input_ids
    answer = [*tokenizer(solution, add_special_tokens=False).input_ids, tokenizer.eos_token_id]
    return prompt, answer


def _stack(rows: list[Row], padding: int) -> dict[str, Any]:
    width = max(len(prompt) + len(solution) for prompt, solution in rows)
    ids, masks, labels = [], [], []
    for prompt, solution in rows:
        fill = width - len(prompt) - len(solution)
        ids.append(prompt + solution + [padding] * fill)
        masks.append([1] * (width - fill) + [0] * fill)
        labels.append([-100] * len(prompt) + solution + [-100] * fill)
    return {
        "input_ids": torch.tensor(ids),
        "attention_mask": torch.tensor(masks),
        "labels": torch.tensor(labels),
    }
