"""What a process reward model trains on: traces laid out as the policy saw them, with what each step should score."""

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor
from tqdm import tqdm

from rl_bridge import prm
from rl_bridge.data import StepwiseRow
from rl_bridge.layout import EncodedTrace, TraceEncoder, TraceTargets, TraceTooLong, read_targets
from rl_bridge.runs import NothingToTrainOn


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """One encoded trace with what its steps should score."""

    trace: EncodedTrace
    targets: TraceTargets


@dataclasses.dataclass(frozen=True, slots=True)
class PreparedRows:
    """The examples that train, and one sentence with counts for everything that was cut or left out."""

    examples: list[Example]
    warnings: tuple[str, ...]


def prepare_rows(encoder: TraceEncoder, rows: Sequence[StepwiseRow], *, soft: bool) -> PreparedRows:
    """Encode rows, leave out those that can't teach, and count what was cut. Raises `NothingToTrainOn`."""
    examples: list[Example] = []
    too_long = without_labels = unlocated = prompts_cut = tokens_cut = 0
    for row in tqdm(rows, desc="prepared", unit=" traces", disable=None):  # no bar without a terminal
        try:
            trace = encoder.encode(row.prompt, row.steps)
        except TraceTooLong:
            too_long += 1
            continue
        targets = read_targets(row, trace, soft=soft)
        unlocated += trace.is_located.count(False)
        if not any(targets.counted):
            without_labels += 1
            continue
        prompts_cut += trace.num_prompt_tokens_cut > 0
        tokens_cut += trace.num_prompt_tokens_cut
        examples.append(Example(trace=trace, targets=targets))
    limit = encoder.max_length
    findings = [
        (
            too_long,
            f"{too_long} of {len(rows)} traces left out: the completion alone exceeds {limit} tokens.",
        ),
        (prompts_cut, f"{prompts_cut} prompts cut on the left by {tokens_cut} tokens to fit {limit} tokens."),
        (without_labels, f"{without_labels} traces left out: no step of theirs has a label."),
        (
            unlocated,
            f"{unlocated} steps left unlabelled: the tokenizer has no token for any of their characters.",
        ),
    ]
    warnings = tuple(text for count, text in findings if count)
    if not examples:
        raise NothingToTrainOn(" ".join(("No labelled step is left to train on.", *warnings)))
    return PreparedRows(examples=examples, warnings=warnings)


def collate(examples: Sequence[Example], *, pad_token_id: int) -> dict[str, Tensor]:
    """Stack examples into the arguments of `StepLoss.forward`."""
    batch = prm.pad_traces([example.trace for example in examples], pad_token_id=pad_token_id)
    return {
        "input_ids": batch.input_ids,
        "attention_mask": batch.attention_mask,
        "positions": batch.positions,
        "targets": prm.pad_rows([torch.tensor(example.targets.values) for example in examples], 0.0),
        "counted": prm.pad_rows([torch.tensor(example.targets.counted).float() for example in examples], 0.0),
    }
