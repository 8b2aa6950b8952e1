"""The typed settings of `evaluate`. Loads no torch."""

import dataclasses
from pathlib import Path
from typing import ClassVar

from rl_bridge.errors import BridgeError


class BadEvaluation(BridgeError):
    """A setting is outside its range, or nothing was named to evaluate; the text says which."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What is evaluated, on what, and how.

    `policies`, `prms` and `reward_models` map a name to a model's location; the first policy is the one that others are
    held against. `traces` is a file with steps whose first error is known, beside the export's stepwise rows. At most
    `limit_prompts` prompts are asked (0: all). A judge calls a step bad under `threshold`.
    """

    kind: ClassVar[str] = "evaluate"
    output: Path
    export: Path | None = None
    split: str = "test"
    policies: dict[str, str] = dataclasses.field(default_factory=dict)
    prms: dict[str, str] = dataclasses.field(default_factory=dict)
    reward_models: dict[str, str] = dataclasses.field(default_factory=dict)
    traces: Path | None = None
    models_dir: Path = Path("var/models")
    num_samples: int = 8
    temperature: float = 1.0
    top_p: float = 1.0
    max_new_tokens: int = 256
    limit_prompts: int = 0
    threshold: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.policies and not self.prms and self.traces is None:
            raise BadEvaluation("Name what to evaluate: --policy, --prm, or --traces with scores in it.")
        if self.policies and self.export is None:
            raise BadEvaluation("A policy is evaluated on the prompts of an export: add --export.")
        if self.reward_models and not self.policies:
            raise BadEvaluation("A reward model chooses among a policy's completions: add --policy.")
        for name in sorted(set(self.prms).intersection(self.reward_models)):
            raise BadEvaluation(f"A PRM and a reward model are both named {name!r}; name them apart.")
        if self.prms and self.export is None and self.traces is None:
            raise BadEvaluation("A PRM is evaluated on labelled steps: add --export or --traces.")
        for name in ("num_samples", "max_new_tokens"):
            if getattr(self, name) < 1:
                raise BadEvaluation(
                    f"{name.replace('_', '-')} must be at least 1, not {getattr(self, name)}."
                )
        if self.limit_prompts < 0 or self.temperature < 0:
            raise BadEvaluation("limit-prompts and temperature must not be negative.")
        if not 0 < self.top_p <= 1 or not 0 < self.threshold < 1:
            raise BadEvaluation("top-p and threshold lie between 0 and 1.")
        if self.temperature == 0 and self.num_samples > 1:
            raise BadEvaluation("With temperature 0 all completions of a prompt are one; add --samples 1.")


def read_names(words: list[str]) -> dict[str, str]:
    """`NAME=LOCATION` words as a mapping; without a name the location is the name. Raises `BadEvaluation`."""
    named: dict[str, str] = {}
    for word in words:
        name, equals, location = word.partition("=")
        if not equals:
            name, location = word, word
        if not name or not location:
            raise BadEvaluation(f"{word!r} is neither a location nor NAME=LOCATION.")
        if name in named:
            raise BadEvaluation(f"The name {name!r} stands twice.")
        named[name] = location
    return named
