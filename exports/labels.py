"""Labels: what the thresholds of a policy make of posteriors; and which traces and pairs a policy takes.

Labels are TRL's: 1 the step stands, 0 it does not, -100 no label (the loss ignores it).
"""

from __future__ import annotations

from dataclasses import dataclass

from exports.policy import ExportPolicy
from exports.rows import JudgedPair, JudgedTrace

GOOD, BAD, MASKED = 1, 0, -100

REASONS = {
    "no_evidence": "nobody rated them and no calibrated judge scored them",
    "too_few_raters": "they rest on people alone, and on fewer raters than asked for",
    "evidence_not_wanted": "the policy leaves out what rests on this kind of evidence",
    "other_model": "another model wrote them",
    "other_batch": "they are of another batch, or of none",
    "other_day": "they were made on another day",
    "other_language": "their prompt is in another language",
    "bad_prompt": "at least half of its raters called the prompt broken",
    "wrong_reference": "at least half of its raters called the reference answer wrong",
    "gold": "gold trains nothing, it only evaluates",
    "gold_not_wanted": "the policy leaves gold out",
    "not_for_evaluation": "they fall into validation or test, where only people's word and gold count",
    "empty_completion": "the completion is blank",
    "no_clear_step": "no step has a posterior beyond the thresholds",
    "undecided": "P(trace) lies between the thresholds",
    "not_sure_enough": "P(trace) is below the threshold for SFT",
    "unclear_preference": "P(preference) is below the threshold",
    "same_text": "both completions are the same text",
    "different_prompts": "the two models were given different texts",
    "broken_chat_template": "the chat template of the model that wrote them can't be used",
    "no_shared_error": "neither step at the fork has a clear label, or the traces share no step",
}
"""Why a trace, pair or prompt is left out, in words that follow "left out because"."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a row is not taken: a key of REASONS."""

    reason: str


def label_step(p: float, policy: ExportPolicy) -> int:
    """1, 0 or -100 for P(step stands) = p."""
    if p >= policy.good_from:
        return GOOD
    return BAD if p <= policy.bad_to else MASKED


def label_steps(trace: JudgedTrace, policy: ExportPolicy) -> list[int]:
    """One label a step. With `after_error="mask"`, steps after the first one labelled 0 say nothing."""
    good_from, bad_to = policy.good_from, policy.bad_to
    labels = [GOOD if p >= good_from else BAD if p <= bad_to else MASKED for p in trace.posterior]
    if policy.after_error == "mask" and BAD in labels:
        first = labels.index(BAD)
        labels[first + 1 :] = [MASKED] * (len(labels) - first - 1)
    return labels


def refuse_source(trace: JudgedTrace, policy: ExportPolicy) -> LeftOut | None:
    """Why a trace from this model, batch, day or language is not wanted; None where it is."""
    if policy.models and trace.model not in policy.models:
        return LeftOut("other_model")
    if policy.batches and trace.batch_id not in policy.batches:
        return LeftOut("other_batch")
    day = trace.made_on.isoformat()
    if (policy.made_from and day < policy.made_from) or (policy.made_to and day > policy.made_to):
        return LeftOut("other_day")
    return refuse_language(trace.language, policy)


def refuse_language(language: str, policy: ExportPolicy) -> LeftOut | None:
    """Why a prompt in this language is not wanted; None where it is."""
    is_wanted = not policy.languages or language in policy.languages
    return None if is_wanted else LeftOut("other_language")


def refuse_trace(trace: JudgedTrace, policy: ExportPolicy) -> LeftOut | None:
    """Why the policy does not take this trace, whatever the dataset and the split; None where it does."""
    if (refused := refuse_source(trace, policy)) is not None:
        return refused
    if not trace.posterior:
        return LeftOut("no_evidence")
    if trace.provenance == "gold":
        return None if policy.uses_gold_in_evaluation else LeftOut("gold_not_wanted")
    return _refuse_evidence(trace.provenance, trace.num_blind_raters, policy)


def _refuse_evidence(provenance: str, num_people: int, policy: ExportPolicy) -> LeftOut | None:
    """What rests on people alone (`none`: on one of them) needs the least number of them."""
    rests_on_people = provenance in ("human", "none")
    if ("human" if rests_on_people else provenance) not in policy.evidence:
        return LeftOut("evidence_not_wanted")
    return LeftOut("too_few_raters") if rests_on_people and num_people < policy.minimum_raters else None


def refuse_pair(pair: JudgedPair, policy: ExportPolicy) -> LeftOut | None:
    """Why the policy does not take this pair, whatever the split; None where it does."""
    refused = refuse_source(pair.chosen, policy) or refuse_source(pair.rejected, policy)
    if refused is not None:
        return refused
    if (refused := _refuse_evidence(pair.provenance, pair.num_people, policy)) is not None:
        return refused
    if pair.probability < policy.min_p_preference:
        return LeftOut("unclear_preference")
    if not pair.chosen.completion.strip() or not pair.rejected.completion.strip():
        return LeftOut("empty_completion")
    if pair.chosen.completion == pair.rejected.completion:
        return LeftOut("same_text")
    return LeftOut("different_prompts") if pair.chosen.prompt != pair.rejected.prompt else None


def refuse_in_split(provenance: str, split: str) -> LeftOut | None:
    """Why a row with this evidence may not be in this split: gold never trains, and only people and gold evaluate."""
    if split == "train":
        return LeftOut("gold") if provenance == "gold" else None
    return None if provenance in ("human", "gold") else LeftOut("not_for_evaluation")
