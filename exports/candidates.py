"""From candidates to rows: the policy's verdict on a trace, a pair or a prompt, then the format's row.

The preview and the snapshot both come through here, so what one announces the other writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType

from exports.formats import (
    evidence,
    preference,
    prompts,
    sft,
    step_preference,
    stepwise,
    unpaired_preference,
)
from exports.formats.dataset import FormName, Row
from exports.labels import LeftOut, refuse_in_split, refuse_language, refuse_pair, refuse_trace
from exports.policy import ExportPolicy
from exports.queries import SuspectPrompts
from exports.rows import AskedPrompt, JudgedPair, JudgedTrace

TRACE_FORMATS: dict[str, ModuleType] = {
    "stepwise": stepwise,
    "unpaired_preference": unpaired_preference,
    "sft": sft,
}
PAIR_FORMATS: dict[str, ModuleType] = {"preference": preference, "step_preference": step_preference}
FORMATS: dict[str, ModuleType] = {
    **TRACE_FORMATS,
    **PAIR_FORMATS,
    "prompts": prompts,
    "evidence": evidence,
}


@dataclass(frozen=True, slots=True)
class Chooser:
    """What turns candidates into rows: the policy, the form, each prompt's split, and the prompts in doubt."""

    policy: ExportPolicy
    form: FormName
    split_of: Mapping[int, str]
    suspects: SuspectPrompts

    def rows_of_trace(
        self, trace: JudgedTrace, configs: Iterable[str]
    ) -> Iterable[tuple[str, str, Row | LeftOut]]:
        """(config, split, row or why not) for each of the configs that are made of traces."""
        split = self.split_of[trace.prompt_id]
        refused = (
            refuse_trace(trace, self.policy)
            or self._refuse_prompt(trace.prompt_id)
            or refuse_in_split(trace.provenance, split)
        )
        for config in configs:
            yield (
                config,
                split,
                refused or TRACE_FORMATS[config].make_row(trace, self.policy, self.form),
            )

    def rows_of_pair(
        self, pair: JudgedPair, configs: Iterable[str]
    ) -> Iterable[tuple[str, str, Row | LeftOut]]:
        """(config, split, row or why not) for each of the configs that are made of pairs."""
        split = self.split_of[pair.chosen.prompt_id]
        refused = (
            refuse_pair(pair, self.policy)
            or self._refuse_prompt(pair.chosen.prompt_id)
            or refuse_in_split(pair.provenance, split)
        )
        for config in configs:
            yield config, split, refused or PAIR_FORMATS[config].make_row(pair, self.policy, self.form)

    def row_of_prompt(self, prompt: AskedPrompt) -> tuple[str, Row | LeftOut]:
        """(split, row or why not). A prompt has no label, so any may be in any split."""
        split = self.split_of[prompt.prompt_id]
        refused = refuse_language(prompt.language, self.policy) or self._refuse_prompt(prompt.prompt_id)
        if (
            refused is None
            and self.policy.leaves_out_bad_prompts
            and prompt.prompt_id in self.suspects.wrong_reference
        ):
            refused = LeftOut("wrong_reference")
        return split, refused or prompts.make_row(prompt, self.form)

    def _refuse_prompt(self, prompt_id: int) -> LeftOut | None:
        is_bad = self.policy.leaves_out_bad_prompts and prompt_id in self.suspects.broken
        return LeftOut("bad_prompt") if is_bad else None


def schema_of(config: str, form: FormName) -> object:
    """The columns of a config in this form (a pyarrow schema)."""
    return FORMATS[config].schema(form)
