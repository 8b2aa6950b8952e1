"""Language models of a few thousand random weights with a byte-level tokenizer, made in milliseconds.

They are real transformers models with real files; only their size is small.
"""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    FalconH1Config,
    FalconH1ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build_tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, so characters outside ASCII are several tokens; a few pairs are wider."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    merges = [("Ċ", "Ċ"), ("Ġ", "Ġ"), (".", "Ċ"), ("a", "n")]
    vocabulary = [*special, *alphabet, *("".join(pair) for pair in merges)]
    backend = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(vocabulary)}, merges=merges))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        bos_token="<|im_start|>",
        chat_template=CHAT_TEMPLATE,
    )


def build_llama(*, seed: int = 0, hidden_size: int = 32) -> PreTrainedModel:
    """A Llama of two layers."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=263,
        hidden_size=hidden_size,
        intermediate_size=2 * hidden_size,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=2048,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config)


def build_reward_llama(*, seed: int = 0) -> PreTrainedModel:
    """A Llama of two layers with a head for one number a text."""
    torch.manual_seed(seed)
    config: LlamaConfig = build_llama(seed=seed).config
    config.num_labels = 1
    return LlamaForSequenceClassification(config)


def build_falcon_h1(*, seed: int = 0) -> PreTrainedModel:
    """A Falcon-H1 (attention and state-space heads side by side) of two layers."""
    torch.manual_seed(seed)
    config = FalconH1Config(
        vocab_size=263,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        mamba_d_ssm=32,
        mamba_n_heads=2,
        mamba_d_head=16,
        mamba_d_state=8,
        mamba_chunk_size=16,
        max_position_embeddings=2048,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    return FalconH1ForCausalLM(config)


def write_model(folder: Path, model: PreTrainedModel) -> Path:
    """Save `model` with the byte-level tokenizer as a folder that `from_pretrained` opens."""
    model.save_pretrained(folder)
    build_tokenizer().save_pretrained(folder)
    return folder
