"""What an evaluation found, as one table for people and one JSON for programs. Pure; loads no torch."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from rl_bridge.evaluating.confidence import Claim, ConfidenceFigures, measure_confidence
from rl_bridge.evaluating.first_errors import FirstErrorFigures, JudgedTrace, measure_first_errors
from rl_bridge.evaluating.intervals import Estimate, bootstrap_difference, bootstrap_mean
from rl_bridge.evaluating.pass_rates import SampledPrompt, list_rates, majority_of, vote_share_of


@dataclasses.dataclass(frozen=True, slots=True)
class PolicyResult:
    """One policy: its rates by name, each with one value a prompt, and how sure it is of its majority answers.

    `revision` says which weights it had.
    """

    name: str
    rates: dict[str, list[float]]
    votes: ConfidenceFigures
    num_undecided: int
    revision: str = ""

    @property
    def estimates(self) -> dict[str, Estimate]:
        return {rate: bootstrap_mean(values) for rate, values in self.rates.items()}


@dataclasses.dataclass(frozen=True, slots=True)
class JudgeResult:
    """One process reward model or judge: its first errors, and the calibration of its step scores."""

    name: str
    first_errors: FirstErrorFigures
    steps: ConfidenceFigures


@dataclasses.dataclass(frozen=True, slots=True)
class LabelledTrace:
    """A trace with what is known of its steps: labels 1, 0 or None, and its first error (−1: none)."""

    labels: tuple[int | None, ...]
    first_error: int | None
    group: str


def describe_policy(
    name: str, prompts: Sequence[SampledPrompt], *, num_undecided: int = 0, revision: str = ""
) -> PolicyResult:
    """`num_undecided` completions had no verdict (a verifier ran out of time) and count as wrong."""
    return PolicyResult(
        name=name,
        rates=list_rates(prompts),
        votes=measure_confidence(
            [Claim(vote_share_of(prompt), majority_of(prompt) >= 0.5, prompt.prompt_id) for prompt in prompts]
        ),
        num_undecided=num_undecided,
        revision=revision,
    )


def describe_judge(
    name: str,
    traces: Sequence[LabelledTrace],
    scores: Sequence[Sequence[float | None]],
    *,
    threshold: float = 0.5,
) -> JudgeResult:
    """Hold the scores of N traces against what is known of them."""
    judged = [
        JudgedTrace(tuple(said), trace.first_error, trace.group)
        for trace, said in zip(traces, scores, strict=True)
        if trace.first_error is not None
    ]
    claims = [
        Claim(score, label == 1, trace.group)
        for trace, said in zip(traces, scores, strict=True)
        for label, score in zip(trace.labels, said, strict=True)
        if label is not None and score is not None
    ]
    return JudgeResult(name, measure_first_errors(judged, threshold), measure_confidence(claims))


def compare(before: PolicyResult, after: PolicyResult) -> dict[str, Estimate]:
    """`after` − `before` for each rate that both have, paired by prompt."""
    return {
        rate: bootstrap_difference(values, before.rates[rate])
        for rate, values in after.rates.items()
        if rate in before.rates
    }


def write_table(policies: Sequence[PolicyResult], judges: Sequence[JudgeResult]) -> str:
    """Markdown: rates down, policies across, and the last policy against the first; then the judges."""
    parts = []
    if policies:
        parts.append(_write_policies(policies))
    if judges:
        parts.append(_write_judges(judges))
    return "\n".join(parts)  # each ends its last line; a blank line between


def _write_policies(policies: Sequence[PolicyResult]) -> str:
    columns = {policy.name: policy.estimates for policy in policies}
    if len(policies) > 1:
        first, last = policies[0], policies[-1]
        columns[f"{last.name} − {first.name}"] = compare(first, last)
    rates = list(dict.fromkeys(rate for policy in policies for rate in policy.rates))
    rows = [[rate, *(_show(column.get(rate)) for column in columns.values())] for rate in rates]
    sure = {
        "calibration error of votes": [policy.votes.ece for policy in policies],
        "wrong among votes of 0.9 or more": [policy.votes.confident_wrong for policy in policies],
    }
    for title, found in sure.items():
        row = [title, *map(_show, found)]
        rows.append(row + [""] * (1 + len(columns) - len(row)))
    return _lay_out(["", *columns], rows)


def _write_judges(judges: Sequence[JudgeResult]) -> str:
    head = [
        "judge",
        "first-error F1",
        "on errors",
        "on correct",
        "unread",
        "calibration error",
        "wrong among sure",
    ]
    rows = [
        [
            judge.name,
            _show(judge.first_errors.f1),
            _show(judge.first_errors.on_errors),
            _show(judge.first_errors.on_correct),
            str(judge.first_errors.num_unread),
            _show(judge.steps.ece),
            _show(judge.steps.confident_wrong),
        ]
        for judge in judges
    ]
    return _lay_out(head, rows)


def _lay_out(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _show(estimate: Estimate | None) -> str:
    return "" if estimate is None else str(estimate)


def as_json(policies: Sequence[PolicyResult], judges: Sequence[JudgeResult]) -> dict[str, Any]:
    """Everything the table says and more, for programs."""
    return {
        "policies": {
            policy.name: {
                "rates": _dump(policy.estimates),
                "votes": _dump_confidence(policy.votes),
                "num_undecided": policy.num_undecided,
                "by_prompt": policy.rates,
            }
            for policy in policies
        },
        "differences": {
            f"{after.name} − {policies[0].name}": _dump(compare(policies[0], after)) for after in policies[1:]
        },
        "judges": {
            judge.name: {
                "first_errors": _dump_first_errors(judge.first_errors),
                "steps": _dump_confidence(judge.steps),
            }
            for judge in judges
        },
    }


def _dump(estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: dataclasses.asdict(estimate) for name, estimate in estimates.items()}


def _dump_first_errors(figures: FirstErrorFigures) -> dict[str, Any]:
    return dataclasses.asdict(figures)


def _dump_confidence(figures: ConfidenceFigures) -> dict[str, Any]:
    return dataclasses.asdict(figures)
