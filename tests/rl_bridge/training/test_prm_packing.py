"""Prefix packing: the prompt is computed once for all its traces, and nothing else changes."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import MistralConfig, MistralForCausalLM

from rl_bridge import layout, prm
from rl_bridge.data import StepwiseRow
from rl_bridge.training import prm as train_prm
from rl_bridge.training.prm_packing import (
    PromptSampler,
    collate_packed,
    group_by_prompt,
    prompt_of,
    shares_prefixes,
)
from rl_bridge.training.prm_rows import Example, collate, prepare_rows
from tests.rl_bridge import tiny


def make_examples(*traces: tuple[str, tuple[str, ...]]) -> list[Example]:
    encoder = layout.TraceEncoder(tiny.build_tokenizer(), max_length=300)
    rows = [
        StepwiseRow(
            prompt=prompt,
            steps=steps,
            labels=tuple(1 - i % 2 for i in range(len(steps))),
            probabilities=tuple(0.5 for _ in steps),
        )
        for prompt, steps in traces
    ]
    return prepare_rows(encoder, rows, soft=False).examples


TRACES = (
    ("What is 1 + 1?", ("One.\n", "Two.")),
    ("Another question?", ("No.",)),
    ("What is 1 + 1?", ("It is three.\n", "Or is it?\n", "So 3.")),
    ("What is 1 + 1?", ("2",)),
)


def test_the_loss_and_its_gradient_are_those_of_traces_alone() -> None:
    examples = make_examples(*TRACES)
    model = prm.StepRewardModel(tiny.build_llama().model)
    loss = train_prm.StepLoss(model, train_prm.ClassBalance(standing=0.7, failing=1.6))

    def measure(batch: dict[str, torch.Tensor]) -> tuple[float, list[torch.Tensor]]:
        model.zero_grad()
        value = loss(**batch)["loss"]
        value.backward()
        return float(value.detach()), [p.grad.clone() for p in model.parameters() if p.grad is not None]

    plain, plain_gradients = measure(collate(examples, pad_token_id=0))
    packed, packed_gradients = measure(collate_packed(examples, pad_token_id=0))

    assert packed == pytest.approx(plain, rel=1e-5)
    for one, other in zip(plain_gradients, packed_gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)


def test_the_prompt_stands_once_in_a_row() -> None:
    examples = make_examples(*TRACES)

    batch = collate_packed(examples, pad_token_id=0)

    assert batch["input_ids"].shape[0] == 2
    saved = 2 * len(prompt_of(examples[0]))
    total = sum(len(example.trace.input_ids) for example in examples)
    rows = batch["attention_mask"].diagonal(dim1=2, dim2=3).sum()
    assert batch["input_ids"].shape[1] < total - saved
    assert int(rows) == batch["input_ids"].numel()  # every token sees itself, also a padded one


def test_traces_without_a_companion_are_stacked_as_ever() -> None:
    examples = make_examples(TRACES[0], TRACES[1])

    batch = collate_packed(examples, pad_token_id=0)

    assert "position_ids" not in batch
    assert batch["attention_mask"].ndim == 2


def test_a_sequence_does_not_grow_without_end() -> None:
    long = make_examples(*[("q", ("x" * 250,))] * 20)

    groups = group_by_prompt(long)

    assert sum(map(len, groups)) == 20
    assert len(groups) > 1
    assert all(
        len(prompt_of(group[0])) + sum(len(e.trace.input_ids) - len(prompt_of(e)) for e in group) <= 4096
        for group in groups
    )


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["a?", "b?", "cc?"]), st.integers(1, 3)), min_size=1, max_size=12),
    st.integers(1, 5),
    st.integers(0, 3),
)
def test_every_trace_comes_once_an_epoch_with_its_companions(
    traces: list[tuple[str, int]], batch_size: int, epoch: int
) -> None:
    examples = make_examples(*[(prompt, ("s.",) * steps) for prompt, steps in traces])
    sampler = PromptSampler(examples, batch_size=batch_size, seed=5)
    sampler.set_epoch(epoch)

    order = list(sampler)

    assert sorted(order) == list(range(len(examples)))
    assert order == list(sampler)
    assert len(sampler) == len(examples)
    changes = sum(traces[a][0] != traces[b][0] for a, b in itertools.pairwise(order))
    runs = sum(-(-sum(p == prompt for p, _ in traces) // batch_size) for prompt in {p for p, _ in traces})
    assert changes < runs


def test_each_epoch_has_an_order_of_its_own() -> None:
    sampler = PromptSampler(make_examples(*[(f"{i}?", ("s.",)) for i in range(12)]), batch_size=4, seed=0)
    first = list(sampler)

    sampler.set_epoch(1)

    assert list(sampler) != first


def test_attention_shares_prefixes_and_state_spaces_and_windows_do_not() -> None:
    window = MistralConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        sliding_window=8,
    )

    assert shares_prefixes(tiny.build_llama().model)
    assert not shares_prefixes(tiny.build_falcon_h1().model)
    assert not shares_prefixes(MistralForCausalLM(window).model)
