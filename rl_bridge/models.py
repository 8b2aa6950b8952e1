"""Opens causal language models: the shipped one, a local folder, or a name on the Hugging Face hub.

Only safetensors weights are read, and no code that comes with a model is ever run; the one exception to
"safetensors" is our own conversion of the shipped GGUF file.
"""

import contextlib
import dataclasses
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import pre_tokenizers
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    GgufConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from rl_bridge.devices import pick_device
from rl_bridge.locations import ModelNotFound, ResolvedModel, locate_model
from rl_bridge.shipped import (
    CONVERSION_VERSION,
    SHIPPED,
    SHIPPED_FOLDER,
    SHIPPED_NAME,
    ShippedProvenance,
    find_prepared_model,
    find_provenance,
    find_shipped_gguf,
)
from rl_bridge.weights import hash_file, hash_weights

__all__ = [
    "LoadedModel",
    "ModelNotFound",
    "ResolvedModel",
    "find_shipped_gguf",
    "hash_weights",
    "load_causal_lm",
    "pick_device",
    "prepare_shipped_model",
    "resolve_model",
]


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in evaluation mode with its tokenizer, and what identifies its weights.

    `revision` is the GGUF file's SHA-256 for the shipped model, the weights' SHA-256 for a folder, and the
    commit for a model of the hub.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    name: str
    revision: str


def prepare_shipped_model(models_dir: Path) -> Path:
    """Return the folder with the shipped model as bf16 safetensors, converting it from GGUF the first time.

    Converting takes 15–25 s on two cores; opening the result takes half a second. Safe when several
    processes call it at once (a file lock), and when one is killed in the middle (the folder appears by an
    atomic rename).
    """
    prepared = find_prepared_model(models_dir)
    if prepared is not None:
        return prepared
    models_dir.mkdir(parents=True, exist_ok=True)
    with _locked(models_dir / f".{SHIPPED_FOLDER}.lock"):
        prepared = find_prepared_model(models_dir)
        if prepared is not None:
            return prepared
        return _convert_shipped_model(models_dir)


def resolve_model(location: str, *, models_dir: Path) -> ResolvedModel:
    """Say what `location` means: "shipped", a folder, a GGUF file, or a hub name.

    Raises `ModelNotFound` for a folder that is not there or holds no weights, `ShippedModelMissing`.
    """
    if location == SHIPPED:
        folder = prepare_shipped_model(models_dir)
        return ResolvedModel(location=str(folder), name=SHIPPED_NAME, is_local=True)
    return locate_model(location)


def load_causal_lm(
    location: str, *, models_dir: Path, device: str | None = None, dtype: torch.dtype | None = None
) -> LoadedModel:
    """Open a causal language model for generation or scoring, in evaluation mode.

    `location` is "shipped", a local folder, or a hub name. `device` defaults to the GPU where there is one,
    `dtype` to what the weights are stored in. Raises `ModelNotFound` or `ShippedModelMissing`.
    """
    resolved = resolve_model(location, models_dir=models_dir)
    tokenizer = open_tokenizer(resolved)
    model = open_weights(resolved, with_head=True, dtype=dtype)
    target: Any = torch.device(device or pick_device())
    model.to(target).eval()
    return LoadedModel(
        model=model, tokenizer=tokenizer, name=resolved.name, revision=get_revision(resolved, model)
    )


def open_tokenizer(resolved: ResolvedModel) -> PreTrainedTokenizerBase:
    """Open a model's tokenizer. Raises `ModelNotFound`."""
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            resolved.location,
            local_files_only=resolved.is_local,
            trust_remote_code=False,
            **({"gguf_file": resolved.gguf_file} if resolved.gguf_file else {}),
        )
    except Exception as error:  # a damaged file makes the libraries raise anything, even a bare Exception
        raise ModelNotFound(
            f"The tokenizer of {resolved.name} does not open: {_first_line(error)}"
        ) from error
    return tokenizer


def open_weights(
    resolved: ResolvedModel, *, with_head: bool, dtype: torch.dtype | None = None
) -> PreTrainedModel:
    """Open a model's weights: a causal language model, or without its head the backbone alone.

    `dtype` defaults to what the weights are stored in. Raises `ModelNotFound`, also where some weight is absent:
    transformers would make it up at random.
    """
    return _open(AutoModelForCausalLM if with_head else AutoModel, resolved, dtype)


def open_scorer(resolved: ResolvedModel, *, dtype: torch.dtype | None = None) -> PreTrainedModel:
    """Open a model with a head that gives a text one number; where the weights have none, it begins at random.

    Raises `ModelNotFound`, also for architectures that transformers has no such class for (Falcon-H1).
    """
    opener = AutoModelForSequenceClassification
    with _without_load_report():
        return _open(opener, resolved, dtype, "reward model", may_be_new=("score.",), num_labels=1)


def _open(
    opener: Any,
    resolved: ResolvedModel,
    dtype: torch.dtype | None,
    kind: str = "language model",
    *,
    may_be_new: tuple[str, ...] = (),
    **own: Any,
) -> PreTrainedModel:
    how: dict[str, Any] = {"use_safetensors": True}
    if resolved.gguf_file:
        how = {"gguf_file": resolved.gguf_file, "quantization_config": GgufConfig(dequantize=True)}
    try:
        with without_loading_bars():
            opened: tuple[PreTrainedModel, dict[str, Any]] = opener.from_pretrained(
                resolved.location,
                dtype=dtype or "auto",
                **how,
                **own,
                trust_remote_code=False,
                local_files_only=resolved.is_local,
                output_loading_info=True,
            )
    except Exception as error:  # as above
        raise ModelNotFound(f"{resolved.name} does not open as a {kind}: {_first_line(error)}") from error
    model, loading = opened
    missing = [name for name in loading["missing_keys"] if not (may_be_new and name.startswith(may_be_new))]
    if missing:
        raise ModelNotFound(f"The weights of {resolved.name} are not whole: {min(missing)} is missing.")
    return model


def get_revision(resolved: ResolvedModel, model: PreTrainedModel) -> str:
    """Return what identifies the weights of an opened model (see `LoadedModel.revision`)."""
    if not resolved.is_local:
        return str(getattr(model.config, "_commit_hash", None) or "unknown")
    folder = Path(resolved.location)
    if resolved.gguf_file:
        return hash_file(folder / resolved.gguf_file)
    provenance = find_provenance(folder)
    return provenance.gguf_sha256 if provenance else hash_weights(folder)


@contextlib.contextmanager
def without_loading_bars() -> Iterator[None]:
    """Keep transformers from drawing a progress bar for a load that takes half a second."""
    bars: Any = transformers_logging  # its functions carry no types
    was_enabled = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if was_enabled:
            bars.enable_progress_bar()


@contextlib.contextmanager
def _without_load_report() -> Iterator[None]:
    """Keep transformers from reporting a new head, at length, to people who asked for one."""
    logger: Any = transformers_logging
    verbosity = logger.get_verbosity()
    logger.set_verbosity_error()
    try:
        yield
    finally:
        logger.set_verbosity(verbosity)


def _convert_shipped_model(models_dir: Path) -> Path:
    gguf = find_shipped_gguf()
    target = models_dir / SHIPPED_FOLDER
    with tempfile.TemporaryDirectory(prefix=f".{SHIPPED_FOLDER}-", dir=models_dir) as scratch:
        folder = Path(scratch) / "model"
        with without_loading_bars():
            model = AutoModelForCausalLM.from_pretrained(
                str(gguf.parent),
                gguf_file=gguf.name,
                quantization_config=GgufConfig(dequantize=True),
                dtype=torch.bfloat16,
                local_files_only=True,
            )
            model.save_pretrained(folder)
            _load_gguf_tokenizer(gguf).save_pretrained(folder)
        ShippedProvenance(
            name=SHIPPED_NAME,
            gguf_file=gguf.name,
            gguf_bytes=gguf.stat().st_size,
            gguf_sha256=hash_file(gguf),
            conversion_version=CONVERSION_VERSION,
            transformers_version=transformers.__version__,
        ).write(folder)
        if target.exists():  # made of another GGUF file or by an older conversion
            shutil.rmtree(target)
        folder.rename(target)
    return target


def _load_gguf_tokenizer(gguf: Path) -> PreTrainedTokenizerBase:
    tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name, local_files_only=True)
    # The file names its pre-tokenizer "smollm": digits stand alone before GPT-2's rule cuts the rest. The
    # GGUF reader of transformers 5.23 knows only GPT-2's, which cuts a number after two spaces differently.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True),
        ]
    )
    return tokenizer


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # released when the file closes, also when the process dies
        yield


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(" :.") + "."
