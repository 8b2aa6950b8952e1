"""One side of `benchmarks.generation`: a plain loop over the model. Requests and replies are lines of JSON."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig

from benchmarks.generation_prompts import TEMPERATURE, TEMPLATE, TOP_P, list_problems
from config.paths import data_dir, models_dir
from rl_bridge.models import load_causal_lm

BATCH_SIZE = 32


def make_traces(model: Any, tokenizer: Any, *, num_traces: int, num_tokens: int, seed: int) -> int:
    """Completes the prompts and throws the texts away; returns how many tokens were made."""
    make_config: Any = GenerationConfig
    config = make_config(
        max_new_tokens=num_tokens,
        do_sample=True,
        temperature=TEMPERATURE,
        top_p=TOP_P,
        top_k=0,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id,
    )
    texts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": TEMPLATE.replace("{prompt}", problem)}],
            tokenize=False,
            add_generation_prompt=True,
        )
        for problem, _ in list_problems(num_traces)
    ]
    made = 0
    torch.manual_seed(seed)
    for start in range(0, num_traces, BATCH_SIZE):
        inputs = tokenizer(
            texts[start : start + BATCH_SIZE], return_tensors="pt", padding=True, add_special_tokens=False
        )
        with torch.inference_mode():
            output = model.generate(**inputs, generation_config=config)
        new = output[:, inputs.input_ids.shape[1] :]
        tokenizer.batch_decode(new, skip_special_tokens=True)
        made += sum(_count(row, tokenizer.eos_token_id) for row in new.tolist())
    return made


def _count(tokens: list[int], end: int) -> int:
    return tokens.index(end) if end in tokens else len(tokens)


def main() -> None:
    loaded = load_causal_lm("shipped", models_dir=models_dir(Path(data_dir())))
    tokenizer: Any = loaded.tokenizer
    tokenizer.padding_side = "left"
    for line in sys.stdin:
        request = json.loads(line)
        begun = time.perf_counter()
        made = make_traces(
            loaded.model,
            tokenizer,
            num_traces=request["traces"],
            num_tokens=request["tokens"],
            seed=request["seed"],
        )
        seconds = time.perf_counter() - begun
        reply = {"tokens": made, "traces": request["traces"], "seconds": round(seconds, 3)}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
