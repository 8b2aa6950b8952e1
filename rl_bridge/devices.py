"""Which number format to compute in, on the device at hand."""

import torch


def uses_bf16(asked: bool | None) -> bool:
    """Whether to compute in bf16: as asked, else where the processor multiplies it natively."""
    if asked is not None:
        return asked
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return torch.backends.cpu.get_cpu_capability() == "AVX512"


def pick_device() -> str:
    """Return "cuda" where a GPU can be used, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"
