"""Process reward models that others made: any token-classification model in a folder, as TRL's PRMTrainer saves them.

Layout (TRL 1.13, PRMTrainer.tokenize_row): the prompt, then each step followed by a separator, whose last token carries
the step's label; label 1 of two says that the step is correct. Models that need code of their own are not opened.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForTokenClassification, PreTrainedModel, PreTrainedTokenizerBase

from rl_bridge.devices import pick_device
from rl_bridge.layout import TraceTooLong
from rl_bridge.models import (
    ModelNotFound,
    ResolvedModel,
    hash_weights,
    open_tokenizer,
    without_loading_bars,
)
from rl_bridge.prm import PRM_FILE, NotAPrm, Prm, TraceToScore, load_prm, score_traces

_USUAL_LENGTH = 4_096  # tokens, where the model doesn't say how many it reads


@dataclasses.dataclass(frozen=True, slots=True)
class TokenPrm:
    """An opened token-classification model. `revision` is one SHA-256 over its weights."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    separator: str
    max_length: int
    revision: str


AnyPrm = Prm | TokenPrm


def load_any_prm(folder: Path, *, separator: str = "\n", device: str | None = None) -> AnyPrm:
    """Open the process reward model in a folder: ours, or a token classifier with one or two labels.

    Raises `NotAPrm`.
    """
    if (folder / PRM_FILE).is_file():
        return load_prm(folder, device=device)
    if not (folder / "config.json").is_file():
        raise NotAPrm(f"The folder {folder} holds no model: config.json is missing.")
    if not any(folder.glob("*.safetensors")):
        raise NotAPrm(f"The folder {folder} holds no .safetensors weights.")
    try:
        tokenizer = open_tokenizer(ResolvedModel(location=str(folder), name=str(folder), is_local=True))
    except ModelNotFound as error:
        raise NotAPrm(str(error)) from error
    model = _open_classifier(folder)
    if not tokenizer(separator, add_special_tokens=False).input_ids:
        raise NotAPrm(f"The separator {separator!r} is no token of the model's.")
    if model.config.num_labels not in (1, 2):
        raise NotAPrm(f"{folder} tells {model.config.num_labels} labels apart; a PRM has one or two.")
    model.to(torch.device(device or pick_device())).eval()  # type: ignore[arg-type]
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return TokenPrm(model, tokenizer, separator, int(limit or _USUAL_LENGTH), hash_weights(folder))


def score_with(prm: AnyPrm, trace: TraceToScore) -> list[float]:
    """P(step is correct) for each step of a trace. Raises `TraceTooLong`."""
    return score_traces(prm, [trace])[0] if isinstance(prm, Prm) else _score(prm, trace)


def score_all(
    prm: AnyPrm, traces: Sequence[TraceToScore], *, say: Callable[[int], object] = lambda _: None
) -> list[list[float] | None]:
    """P(step is correct) for each step of N traces, in their order; None for a trace that is too long to be read.

    Our own models take many traces of like length at a time; `say` hears each time how many more are done.
    """
    if isinstance(prm, Prm):
        fitting = [place for place, trace in enumerate(traces) if _fits(prm, trace)]
        say(len(traces) - len(fitting))
        scores = score_traces(prm, [traces[place] for place in fitting], say=say)
        found = dict(zip(fitting, scores, strict=True))
        return [found.get(place) for place in range(len(traces))]
    told: list[list[float] | None] = []
    for trace in traces:
        told.append(_score_or_none(prm, trace))
        say(1)
    return told


def _fits(prm: Prm, trace: TraceToScore) -> bool:
    try:
        prm.encoder.encode(trace.prompt, trace.steps)
    except TraceTooLong:
        return False
    return True


def _score_or_none(prm: TokenPrm, trace: TraceToScore) -> list[float] | None:
    try:
        return _score(prm, trace)
    except TraceTooLong:
        return None


@torch.inference_mode()
def _score(prm: TokenPrm, trace: TraceToScore) -> list[float]:
    """Steps are put as TRL's data has them: without the white space around them, which the separator stands for."""
    ids, ends = _encode(prm, trace)
    if len(ids) > prm.max_length:
        raise TraceTooLong(f"The trace has {len(ids):,} tokens, and the PRM reads {prm.max_length:,}.")
    tokens = torch.tensor([ids], device=prm.model.device)
    logits: torch.Tensor = prm.model(input_ids=tokens).logits[0, ends].float()
    correct = torch.softmax(logits, dim=-1)[:, 1] if logits.shape[-1] == 2 else torch.sigmoid(logits[:, 0])
    numbers: list[float] = correct.tolist()
    return numbers


def _encode(prm: TokenPrm, trace: TraceToScore) -> tuple[list[int], list[int]]:
    def tokenize(text: str) -> list[int]:
        found: list[int] = prm.tokenizer(text, add_special_tokens=False).input_ids
        return found

    prompt = trace.prompt if isinstance(trace.prompt, str) else "\n".join(m["content"] for m in trace.prompt)
    bos = prm.tokenizer.bos_token_id
    ids = [*([bos] if isinstance(bos, int) else []), *tokenize(prompt)]
    separator = tokenize(prm.separator)
    ends: list[int] = []
    for step in trace.steps:
        ids += tokenize(step.strip()) + separator
        ends.append(len(ids) - 1)
    return ids, ends


def _open_classifier(folder: Path) -> PreTrainedModel:
    opener: Any = AutoModelForTokenClassification
    try:
        with without_loading_bars():
            model, loading = opener.from_pretrained(
                str(folder),
                dtype="auto",
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
            )
    except Exception as error:  # a damaged file makes the libraries raise anything
        reason = str(error).strip().partition("\n")[0].rstrip(" :.")
        raise NotAPrm(f"{folder} does not open as a process reward model: {reason}.") from error
    if loading["missing_keys"]:
        raise NotAPrm(
            f"{folder} holds no process reward model: {min(loading['missing_keys'])} is missing from its weights."
        )
    opened: PreTrainedModel = model
    return opened
