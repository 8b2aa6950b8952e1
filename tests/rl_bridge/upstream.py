"""Warnings that libraries provoke among themselves; ours to wait for, not to mend."""

import pytest

# TRL 1.16 and peft 0.21 still read names that transformers 5.23 renamed (gradient to activation checkpointing).
ignore_warnings_inside_trl = pytest.mark.filterwarnings(
    "ignore:`(is_)?gradient_checkpointing.*` is deprecated and will be removed in v6:FutureWarning"
)
