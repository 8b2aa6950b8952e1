"""The process reward model: any transformers backbone with our own step head, P(step stands) at each step's last token.

Token-classification classes don't exist for every architecture (Falcon-H1 has none), a linear layer on the last
hidden state works for all. Format of a saved folder: the backbone as `from_pretrained` reads it, its tokenizer,
`step_head.safetensors` and `prm.json`. The idea of scoring steps is Lightman et al. 2023; one logit a step (rather than
two classes) makes soft targets and calibration straightforward.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rl_bridge.data import Prompt
from rl_bridge.devices import pick_device
from rl_bridge.errors import BridgeError
from rl_bridge.layout import EncodedTrace, TraceEncoder
from rl_bridge.models import (
    ModelNotFound,
    ResolvedModel,
    hash_weights,
    open_tokenizer,
    open_weights,
    without_loading_bars,
)

PRM_FILE = "prm.json"
HEAD_FILE = "step_head.safetensors"
FORMAT = 1
_TOKENS_A_BATCH = 4_096


class NotAPrm(BridgeError):
    """The folder holds no process reward model of this format."""


@dataclasses.dataclass(frozen=True, slots=True)
class PrmConfig:
    """What a saved PRM says of itself; `max_length` counts tokens of prompt and completion together."""

    format: int
    backbone: str
    backbone_revision: str
    max_length: int
    export: str
    segmenters: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class TraceToScore:
    """A prompt and the steps whose concatenation is the completion."""

    prompt: Prompt
    steps: tuple[str, ...]


class StepRewardModel(nn.Module):
    """Backbone and step head. Batches are B rows of T tokens, padded on the right, with S step positions each."""

    def __init__(self, backbone: PreTrainedModel) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(hidden_size_of(backbone), 1)
        nn.init.zeros_(self.head.bias)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        positions: Tensor,
        position_ids: Tensor | None = None,
    ) -> Tensor:
        """Return one logit for each step, (B, S): the log-odds that it stands.

        The mask is (B, T), or (B, 1, T, T) where a row holds several traces (true where row sees column); tokens stand
        where `position_ids` (B, T) says, else where they lie.
        """
        output = self.backbone(
            input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids, use_cache=False
        )
        hidden = output.last_hidden_state
        index = positions.unsqueeze(-1).expand(-1, -1, hidden.shape[-1])
        at_ends = hidden.gather(1, index)
        # A logit from bf16 products is too coarse to train.
        with torch.autocast(hidden.device.type, enabled=False):
            logits: Tensor = self.head(at_ends.float()).squeeze(-1)
        return logits


@dataclasses.dataclass(frozen=True, slots=True)
class Prm:
    """An opened process reward model. `revision` is one SHA-256 over its weights."""

    model: StepRewardModel
    tokenizer: PreTrainedTokenizerBase
    encoder: TraceEncoder
    config: PrmConfig
    revision: str


def hidden_size_of(backbone: PreTrainedModel) -> int:
    """The width of the last hidden state, also for models whose text part has a configuration of its own."""
    config: Any = backbone.config
    return int(config.get_text_config().hidden_size)


def save_prm(
    folder: Path, *, model: StepRewardModel, tokenizer: PreTrainedTokenizerBase, config: PrmConfig
) -> None:
    """Write a PRM that `load_prm` opens: the backbone in the dtype it has, the head in float32."""
    folder.mkdir(parents=True, exist_ok=True)
    with without_loading_bars():
        model.backbone.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    head = {name: tensor.detach().float().cpu() for name, tensor in model.head.state_dict().items()}
    save_file(head, folder / HEAD_FILE)
    text = json.dumps(dataclasses.asdict(config), indent=2, sort_keys=True) + "\n"
    (folder / PRM_FILE).write_text(text, encoding="utf-8")


def load_prm(folder: Path, *, device: str | None = None, dtype: torch.dtype | None = None) -> Prm:
    """Open a saved PRM in evaluation mode, on the GPU where there is one. Raises `NotAPrm`."""
    config = _read_config(folder)
    resolved = ResolvedModel(location=str(folder), name=str(folder), is_local=True)
    try:
        head = load_file(folder / HEAD_FILE)
        tokenizer = open_tokenizer(resolved)
        model = StepRewardModel(open_weights(resolved, with_head=False, dtype=dtype))
        model.head.load_state_dict(head)
    except (ModelNotFound, OSError, RuntimeError, SafetensorError) as error:
        raise NotAPrm(f"{folder} does not open as a process reward model: {error}") from error
    model.to(device or pick_device()).eval()
    return Prm(
        model=model,
        tokenizer=tokenizer,
        encoder=TraceEncoder(tokenizer, max_length=config.max_length),
        config=config,
        revision=hash_weights(folder),
    )


def score_steps(prm: Prm, prompt: Prompt, steps: Sequence[str]) -> list[float]:
    """Return P(step stands) for each of the S steps; the steps' concatenation is the completion.

    Raises `TraceTooLong` where the completion doesn't fit the PRM's `max_length`.
    """
    return score_traces(prm, [TraceToScore(prompt=prompt, steps=tuple(steps))])[0]


def score_traces(
    prm: Prm,
    traces: Sequence[TraceToScore],
    *,
    tokens_a_batch: int = _TOKENS_A_BATCH,
    say: Callable[[int], object] = lambda _: None,
) -> list[list[float]]:
    """Score many traces, in the order given. Batches hold traces of like length and at most `tokens_a_batch` tokens.

    `say` hears after each batch how many traces it had. Raises `TraceTooLong`.
    """
    encoded = [prm.encoder.encode(trace.prompt, trace.steps) for trace in traces]
    scores: list[list[float]] = [[] for _ in traces]
    for batch in list_batches([len(trace.input_ids) for trace in encoded], tokens_a_batch):
        probabilities = _score_batch(prm, [encoded[i] for i in batch])
        for i, trace_probabilities in zip(batch, probabilities, strict=True):
            scores[i] = trace_probabilities
        say(len(batch))
    return scores


def list_batches(lengths: Sequence[int], tokens_a_batch: int) -> Iterator[list[int]]:
    """Yield indices of sequences in batches, longest first, such that padding to the longest stays within the budget.

    A sequence longer than the budget is a batch of its own.
    """
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > tokens_a_batch:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


@dataclasses.dataclass(frozen=True, slots=True)
class TraceBatch:
    """B traces padded on the right to T tokens and S steps; padded steps point at token 0 and count for nothing."""

    input_ids: Tensor
    attention_mask: Tensor
    positions: Tensor


def pad_traces(traces: Sequence[EncodedTrace], *, pad_token_id: int) -> TraceBatch:
    """Stack encoded traces."""
    return TraceBatch(
        input_ids=pad_rows([torch.tensor(trace.input_ids) for trace in traces], pad_token_id),
        attention_mask=pad_rows([torch.ones(len(trace.input_ids), dtype=torch.long) for trace in traces], 0),
        positions=pad_rows([torch.tensor(trace.positions) for trace in traces], 0),
    )


def pad_rows(rows: list[Tensor], value: float) -> Tensor:
    """Stack rows of unequal length, filled up on the right with `value`."""
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=value)


def pad_token_of(tokenizer: PreTrainedTokenizerBase) -> int:
    """The token to pad with; which one doesn't matter, since padding is masked."""
    for candidate in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if isinstance(candidate, int):
            return candidate
    return 0


@torch.inference_mode()
def _score_batch(prm: Prm, traces: list[EncodedTrace]) -> list[list[float]]:
    device = prm.model.head.weight.device
    batch = pad_traces(traces, pad_token_id=pad_token_of(prm.tokenizer))
    logits = prm.model(
        batch.input_ids.to(device), batch.attention_mask.to(device), batch.positions.to(device)
    )
    rows: list[list[float]] = torch.sigmoid(logits).cpu().tolist()
    return [row[: len(trace.positions)] for row, trace in zip(rows, traces, strict=True)]


def _read_config(folder: Path) -> PrmConfig:
    path = folder / PRM_FILE
    if not path.is_file():
        raise NotAPrm(f"The folder {folder} holds no process reward model: {PRM_FILE} is missing.")
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        config = PrmConfig(**{**fields, "segmenters": tuple(fields["segmenters"])})
    except (ValueError, TypeError, KeyError) as error:
        raise NotAPrm(f"{path} can't be read: {error}.") from error
    if config.format != FORMAT:
        raise NotAPrm(f"{path} has format {config.format}, and this version reads {FORMAT}.")
    return config
