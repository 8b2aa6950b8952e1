"""What an export takes, and what it makes of it: every threshold, filter and fraction, frozen with the export.

The defaults are DOMAIN.md's. A policy is stored as JSON with its export and written into the manifest.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

CONFIGS = (
    "stepwise",
    "preference",
    "step_preference",
    "unpaired_preference",
    "sft",
    "prompts",
    "evidence",
)
SPLITS = ("train", "validation", "test")
EVIDENCE = ("human", "hybrid", "ai")
LOWEST_P_PREFERENCE = 0.8
"""The merge writes no pair below it, so no policy can ask for one."""

AfterError = Literal["label", "mask"]
Duplicates = Literal["same_numbers", "any_numbers"]


class BadPolicy(ValueError):
    """A threshold or fraction that can't be; the message says which, in words for the person who chose it."""


class PolicyJson(TypedDict):
    """A policy as it is stored and as the manifest shows it."""

    good_from: float
    bad_to: float
    min_p_preference: float
    sft_from: float
    minimum_raters: int
    evidence: list[str]
    after_error: str
    models: list[str]
    batches: list[int]
    languages: list[str]
    made_from: str
    made_to: str
    uses_gold_in_evaluation: bool
    leaves_out_bad_prompts: bool
    validation_share: float
    test_share: float
    seed: int
    near_duplicates: str


@dataclass(frozen=True, slots=True)
class ExportPolicy:
    """How labels are made and what is left out. Probabilities and shares lie in 0 to 1.

    `good_from`, `bad_to`: a step is labelled 1 from the one on, 0 up to the other, else masked (-100); the same
    thresholds on P(trace) make the labels of `unpaired_preference`. `minimum_raters`: what rests on people alone needs
    that many raters who saw no judge score; 1 takes traces that the merge calls "not enough evidence" (`none`). A pair
    needs them for each of its traces, or as many who compared the two.
    `evidence`: which provenances are taken. `after_error="mask"` masks the steps after a trace's first error rather
    than labelling them 0. `models`: completions of these models only; empty = all; and so `batches` (ids) and
    `languages` (of the prompt: ISO 639-1, "" = not recognised). `made_from`, `made_to`: traces made on these days (ISO
    dates, UTC, both included; "" = no bound). Gold never trains;
    `uses_gold_in_evaluation` puts it into validation and test. `leaves_out_bad_prompts`: prompts that at least half
    of their raters called broken, and from `prompts` those whose reference answer as many called wrong.
    `near_duplicates`: whether prompts that differ in their numbers only must share a split (`any_numbers`) or need
    not (`same_numbers`).
    """

    good_from: float = 0.8
    bad_to: float = 0.2
    min_p_preference: float = LOWEST_P_PREFERENCE
    sft_from: float = 0.9
    minimum_raters: int = 2
    evidence: tuple[str, ...] = ("human", "hybrid", "ai")
    after_error: AfterError = "label"
    models: tuple[str, ...] = ()
    batches: tuple[int, ...] = ()
    languages: tuple[str, ...] = ()
    made_from: str = ""
    made_to: str = ""
    uses_gold_in_evaluation: bool = True
    leaves_out_bad_prompts: bool = True
    validation_share: float = 0.1
    test_share: float = 0.1
    seed: int = 0
    near_duplicates: Duplicates = "same_numbers"

    def __post_init__(self) -> None:
        shares = ("good_from", "bad_to", "min_p_preference", "sft_from", "validation_share", "test_share")
        for name in shares:
            value = getattr(self, name)
            if not (math.isfinite(value) and 0.0 <= value <= 1.0):
                raise BadPolicy(f"{name} lies between 0 and 1; {value!r} does not.")
        if not self.bad_to < self.good_from:
            raise BadPolicy("A step can't be labelled good and bad at once: bad_to must be below good_from.")
        if self.min_p_preference < LOWEST_P_PREFERENCE:
            raise BadPolicy(f"The merge keeps no preference below {LOWEST_P_PREFERENCE}.")
        if self.validation_share + self.test_share >= 1.0:
            raise BadPolicy("Validation and test must leave something to train on.")
        days = [_read_day(day) for day in (self.made_from, self.made_to)]
        if days[0] and days[1] and days[0] > days[1]:
            raise BadPolicy("The first day lies after the last one.")
        if not all(isinstance(batch, int) for batch in self.batches):
            raise BadPolicy("Batches are chosen by their numbers.")
        if self.minimum_raters < 1:
            raise BadPolicy("What rests on people needs at least 1 rater.")
        if unknown := sorted(set(self.evidence) - set(EVIDENCE)):
            raise BadPolicy(f"There is no evidence called {unknown[0]!r}.")
        if self.after_error not in ("label", "mask") or self.near_duplicates not in (
            "same_numbers",
            "any_numbers",
        ):
            raise BadPolicy("after_error is label or mask, near_duplicates same_numbers or any_numbers.")

    def as_json(self) -> PolicyJson:
        """The policy as plain JSON values, lists sorted, so that equal policies are equal texts."""
        values = dataclasses.asdict(self)
        for name in ("evidence", "models", "batches", "languages"):
            values[name] = sorted(set(values[name]))
        return PolicyJson(**values)  # type: ignore[typeddict-item,no-any-return]


def read_policy(stored: Mapping[str, object]) -> ExportPolicy:
    """The policy that `as_json` stored; what a newer version added takes its default. Raises BadPolicy."""
    names = {field.name for field in dataclasses.fields(ExportPolicy)}
    if unknown := sorted(set(stored) - names):
        raise BadPolicy(f"A policy has no {unknown[0]!r}.")
    values = {name: _freeze(value) for name, value in stored.items()}
    try:
        return ExportPolicy(**values)  # type: ignore[arg-type]  # checked by __post_init__
    except TypeError as error:
        raise BadPolicy(f"A value of the policy has the wrong type: {error}.") from error


def _read_day(day: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(day) if day else None
    except (TypeError, ValueError) as error:
        raise BadPolicy(f"{day!r} is no day; write it as 2026-03-01.") from error


def _freeze(value: object) -> object:
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
