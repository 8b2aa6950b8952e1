"""What our PRM trainer and judge add to the bare model.

    python -m benchmarks.prm [--quick] [--only train|shared|judge] [--model shipped] [--trained-layers 2]

- `train_over_bare`: tokens a second of `rl_bridge train prm` over those of a bare loop of transformers' own
  token-classification class: forward, backward, AdamW, nothing else. Same weights, same layers learning (on a CPU the
  last two, as the trainer does by itself; on a GPU all), same bf16 products, same traces. All traces are equally long,
  so that the bare loop's batches hold no padding and take attention's fastest way. Ours clips gradients, keeps a log,
  and looks after checkpoints meanwhile.
- `train_shared_over_bare`: the same with four traces to a prompt, whose prompt our trainer computes once. Tokens are
  counted as the bare loop reads them.
- `judge_over_bare`: tokens a second of `score_traces`, from texts to probabilities, over the backbone's forward pass on
  batches that are tokenized already.

Both sides take turns, a few steps each; the first step of a turn warms up and doesn't count. `…_in_cpu` is the same
ratio in processor time, which other work on the machine disturbs less (on a GPU it says nothing, and is left out).
"""

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from transformers import AutoModelForTokenClassification, PrinterCallback, TrainerCallback  # noqa: E402
from transformers.utils import logging as transformers_logging  # noqa: E402

from rl_bridge import prm  # noqa: E402
from rl_bridge.data import StepwiseRow  # noqa: E402
from rl_bridge.devices import pick_device, uses_bf16  # noqa: E402
from rl_bridge.layout import TraceEncoder  # noqa: E402
from rl_bridge.models import open_tokenizer, open_weights, resolve_model, without_loading_bars  # noqa: E402
from rl_bridge.training.kinds import PrmTraining  # noqa: E402
from rl_bridge.training.prm import ClassBalance, build_trainer, freeze_layers  # noqa: E402
from rl_bridge.training.prm_rows import Example, prepare_rows  # noqa: E402
from rl_bridge.training.session import make_arguments  # noqa: E402

PARTS = ("train", "shared", "judge")
BATCH = 4
SHARED = 4
Turn = tuple[float, float]
"""Seconds and processor seconds of one step."""


def make_rows(count: int, *, steps: int, to_a_prompt: int) -> list[StepwiseRow]:
    """Sums of single digits, whose tokens are as many in every trace."""
    rows = []
    for i in range(count):
        asked = i // to_a_prompt
        digits = [(asked * 7 + step * 3) % 9 + 1 for step in range(20)]
        texts = tuple(
            f"We add {digits[step]} to {(i + step) % 9 + 1}, which leaves the last digit {(i * 3 + step) % 9 + 1}.\n"
            for step in range(steps)
        )
        prompt = f"What is the last digit of {' + '.join(map(str, digits))} + {asked:05d}?"
        labels = tuple(int(step < 4) for step in range(steps))
        rows.append(StepwiseRow(prompt, texts, labels, tuple(map(float, labels))))
    return rows


def bare_steps(
    given: argparse.Namespace, resolved: Any, examples: list[Example], device: str
) -> Callable[[int], list[Turn]]:
    """The bare loop: steps a turn, timed."""
    opener: Any = AutoModelForTokenClassification
    transformers_logging.set_verbosity_error()  # it reports the new head at length
    with without_loading_bars():
        model = opener.from_pretrained(resolved.location, num_labels=2, dtype=torch.float32).to(device)
    freeze_layers(model.base_model, given.trained_layers)
    model.score.requires_grad_(True)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-5)
    batches = []
    for start in range(0, len(examples), BATCH):
        batch = examples[start : start + BATCH]
        labels = torch.full((len(batch), len(batch[0].trace.input_ids)), -100)
        for row, example in enumerate(batch):
            labels[row, example.trace.positions] = torch.tensor(example.targets.values).long()
        ids = torch.tensor([example.trace.input_ids for example in batch])
        batches.append((ids.to(device), labels.to(device)))

    def take(count: int) -> list[Turn]:
        model.train()
        turns = []
        for number in range(count):
            ids, labels = batches[number % len(batches)]
            begun = stamp(device)
            with torch.autocast(device, torch.bfloat16, enabled=uses_bf16(None)):
                loss = model(input_ids=ids, labels=labels).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            turns.append(since(begun, device))
        return turns[1:]

    return take


class Clock(TrainerCallback):
    """The time from the end of one step to the end of the next, everything between them included."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.ends: list[Turn] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        self.ends.append(stamp(self.device))


def our_steps(
    given: argparse.Namespace, resolved: Any, examples: list[Example], device: str
) -> Callable[[int], list[Turn]]:
    """Our trainer: steps a turn, timed."""
    backbone = open_weights(resolved, with_head=False, dtype=torch.float32)
    freeze_layers(backbone, given.trained_layers)
    model = prm.StepRewardModel(backbone)

    def take(count: int) -> list[Turn]:
        with tempfile.TemporaryDirectory() as scratch:
            settings = PrmTraining(
                export=Path(), output=Path(scratch), max_steps=count, batch_size=BATCH, warmup_share=0.0
            )
            trainer = build_trainer(
                model,
                examples,
                settings,
                balance=ClassBalance(1.0, 1.0),
                arguments=make_arguments(settings, count) | {"disable_tqdm": True},
                pad_token_id=0,
            )
            trainer.remove_callback(PrinterCallback)
            clock = Clock(device)
            trainer.add_callback(clock)
            trainer.train()
        ends = clock.ends
        return [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(ends)]

    return take


def judging_turns(
    given: argparse.Namespace, resolved: Any, rows: list[StepwiseRow], device: str
) -> tuple[Callable[[int], list[Turn]], Callable[[int], list[Turn]]]:
    """Ours and the bare forward pass, both over all rows."""
    tokenizer = open_tokenizer(resolved)
    dtype = torch.bfloat16 if uses_bf16(None) else torch.float32
    model = prm.StepRewardModel(open_weights(resolved, with_head=False, dtype=dtype)).to(device).train(False)
    encoder = TraceEncoder(tokenizer, max_length=1024)
    described = prm.PrmConfig(prm.FORMAT, "bench", "", 1024, "bench", ())
    opened = prm.Prm(model=model, tokenizer=tokenizer, encoder=encoder, config=described, revision="")
    traces = [prm.TraceToScore(row.prompt, row.steps) for row in rows]
    ids = [encoder.encode(row.prompt, row.steps).input_ids for row in rows]
    order = prm.list_batches([len(row) for row in ids], 4_096)
    batches = [torch.tensor([ids[i] for i in batch]).to(device) for batch in order]

    def ours() -> None:
        prm.score_traces(opened, traces)

    @torch.inference_mode()
    def bare() -> None:
        for batch in batches:
            model.backbone(input_ids=batch, use_cache=False)

    def turns(work: Callable[[], None]) -> Callable[[int], list[Turn]]:
        def take(count: int) -> list[Turn]:
            found = []
            for _ in range(count):
                begun = stamp(device)
                work()
                found.append(since(begun, device))
            return found[1:]

        return take

    return turns(ours), turns(bare)


def stamp(device: str) -> Turn:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter(), time.process_time()


def since(begun: Turn, device: str) -> Turn:
    now = stamp(device)
    return now[0] - begun[0], now[1] - begun[1]


def compare(
    name: str,
    ours: Callable[[int], list[Turn]],
    bare: Callable[[int], list[Turn]],
    *,
    rounds: int,
    steps: int,
) -> dict[str, float]:
    """How much faster ours is, as the median over rounds of the ratio of their steps' medians."""
    by_wall, by_cpu = [], []
    for number in range(rounds):
        first, second = (ours, bare) if number % 2 else (bare, ours)
        taken = {first: first(steps + 1), second: second(steps + 1)}
        by_wall.append(_ratio([t[0] for t in taken[bare]], [t[0] for t in taken[ours]]))
        by_cpu.append(_ratio([t[1] for t in taken[bare]], [t[1] for t in taken[ours]]))
        print(
            f"{name}, round {number + 1}: {by_wall[-1]:.3f}, in processor time {by_cpu[-1]:.3f}", flush=True
        )
    figures = {name: round(statistics.median(by_wall), 3)}
    if pick_device() == "cpu":
        figures[f"{name}_in_cpu"] = round(statistics.median(by_cpu), 3)
    return figures


def _ratio(bare: list[float], ours: list[float]) -> float:
    return statistics.median(bare) / statistics.median(ours)


def main() -> None:
    parser = argparse.ArgumentParser(description="The PRM trainer and judge against the bare model.")
    parser.add_argument("--quick", action="store_true", help="short traces, few rounds, not `shared`")
    parser.add_argument("--only", choices=PARTS, help="one of the three figures")
    parser.add_argument("--model", default="shipped")
    parser.add_argument("--trained-layers", type=int, default=2 if pick_device() == "cpu" else None)
    given = parser.parse_args()
    device = pick_device()
    models_dir = Path(os.environ.get("GRADUS_MODELS", ROOT / "var" / "models"))
    resolved = resolve_model(given.model, models_dir=models_dir)
    encoder = TraceEncoder(open_tokenizer(resolved), max_length=1024)
    steps, rounds, turn = (4, 2, 2) if given.quick else (12, 7, 5)
    parts = (given.only,) if given.only else ("train", "judge") if given.quick else PARTS
    report: dict[str, Any] = {}
    for part, name, to_a_prompt in (
        ("train", "train_over_bare", 1),
        ("shared", "train_shared_over_bare", SHARED),
    ):
        if part not in parts:
            continue
        rows = make_rows(BATCH * 4, steps=steps, to_a_prompt=to_a_prompt)
        examples = prepare_rows(encoder, rows, soft=False).examples
        lengths = {len(example.trace.input_ids) for example in examples}
        assert len(lengths) == 1, f"traces of {sorted(lengths)} tokens: the bare loop would pad"
        report[f"{name}_tokens_a_trace"] = lengths.pop()
        sides = [build(given, resolved, examples, device) for build in (our_steps, bare_steps)]
        report |= compare(name, *sides, rounds=rounds, steps=turn)
    if "judge" in parts:
        rows = make_rows(BATCH * (1 if given.quick else 4), steps=steps, to_a_prompt=1)
        sides = judging_turns(given, resolved, rows, device)
        report |= compare("judge_over_bare", *sides, rounds=rounds, steps=turn)
    report["device"] = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    print(json.dumps(report | {"load_average": round(os.getloadavg()[0], 2)}))


if __name__ == "__main__":
    main()
