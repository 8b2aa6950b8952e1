"""`evaluate`: policies on an export's prompts, process reward models and judges on steps whose first error is known.

What can be checked before a model is opened was checked by `plan`.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from rl_bridge import runs
from rl_bridge.data import Prompt
from rl_bridge.evaluating.labelled import KnownTrace
from rl_bridge.evaluating.pass_rates import SampledPrompt
from rl_bridge.evaluating.plan import EvaluationPlan
from rl_bridge.evaluating.plots import draw_results
from rl_bridge.evaluating.results import (
    JudgeResult,
    PolicyResult,
    as_json,
    describe_judge,
    describe_policy,
    write_table,
)
from rl_bridge.evaluating.sampling import Drawing, sample_completions
from rl_bridge.evaluating.scorers import Scorer, open_scorers, score_known
from rl_bridge.evaluating.settings import Evaluation
from rl_bridge.locations import locate_model
from rl_bridge.models import load_causal_lm, open_tokenizer
from rl_bridge.shipped import SHIPPED
from rl_bridge.verifiers import check_answer, extract_final_answer

TABLE_FILE = "table.md"
COMPLETIONS_FILE = "completions.jsonl"
RESULTS_FILE = "results.json"


def evaluate(plan: EvaluationPlan) -> str:
    """Evaluate, write the run folder and return the table, as Markdown.

    Raises `NotAPrm`, `NotARewardModel` and `ModelNotFound` before anything is written, unless a policy's weights are at
    fault.
    """
    settings = plan.settings
    for location in settings.policies.values():
        _require_policy(location)
    scorers = open_scorers(settings.prms, settings.reward_models)
    settings.output.mkdir(parents=True, exist_ok=True)
    runs.write_json(settings.output / "config.json", runs.describe_config(settings))
    runs.write_json(settings.output / "environment.json", runs.describe_environment())
    policies = [
        _evaluate_policy(settings, name, location, plan.prompts, scorers)
        for name, location in settings.policies.items()
    ]
    judges = _evaluate_judges(settings, plan.known, scorers)
    runs.write_json(settings.output / runs.DATA_FILE, _describe_data(plan, policies, scorers))
    return _write(settings.output, policies, judges)


def _require_policy(location: str) -> None:
    """A name on the hub can be wrong where no file shows it; its tokenizer is a small thing to ask for first."""
    if location == SHIPPED:
        return
    located = locate_model(location)
    if not located.is_local:
        open_tokenizer(located)


def _evaluate_policy(
    settings: Evaluation, name: str, location: str, rows: Sequence[dict[str, Any]], scorers: Sequence[Scorer]
) -> PolicyResult:
    policy = load_causal_lm(location, models_dir=settings.models_dir)
    drawing = Drawing(
        num_samples=settings.num_samples,
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_new_tokens=settings.max_new_tokens,
        seed=settings.seed,
    )
    prompts: list[Prompt] = [row["prompt"] for row in rows]
    # Without a terminal (disable=None) there is no bar.
    with tqdm(total=len(prompts), desc=name, unit=" prompts", disable=None) as bar:
        drawn = sample_completions(policy, prompts, drawing, say=lambda done: bar.update(done - bar.n))
    verdicts = [
        [
            check_answer(verifier=row["verifier"], completion=text, ground_truth=row["ground_truth"])
            for text in texts
        ]
        for row, texts in zip(rows, drawn, strict=True)
    ]
    flat = [(row["prompt"], text) for row, texts in zip(rows, drawn, strict=True) for text in texts]
    scores = {scorer.name: scorer.score(flat) for scorer in scorers}
    sampled = [
        SampledPrompt(
            prompt_id=str(row["prompt_id"]),
            is_correct=tuple(verdict is True for verdict in verdicts[place]),
            answers=tuple(extract_final_answer(text, row["verifier"]) for text in drawn[place]),
            scores={
                scorer: tuple(values[place * len(drawn[place]) : (place + 1) * len(drawn[place])])
                for scorer, values in scores.items()
            },
        )
        for place, row in enumerate(rows)
    ]
    _write_completions(settings.output / COMPLETIONS_FILE, name, rows, drawn, sampled)
    undecided = sum(verdict is None for several in verdicts for verdict in several)
    return describe_policy(name, sampled, num_undecided=undecided, revision=policy.revision)


def _evaluate_judges(
    settings: Evaluation, known: Sequence[KnownTrace], scorers: Sequence[Scorer]
) -> list[JudgeResult]:
    """The PRMs on every known trace, then the judges whose scores came with the file, each on those it scored."""
    results = [
        describe_judge(
            scorer.name,
            [trace.known for trace in known],
            score_known(scorer.prm, known, name=scorer.name),
            threshold=settings.threshold,
        )
        for scorer in scorers
        if scorer.prm is not None and known
    ]
    for judge in dict.fromkeys(judge for trace in known for judge in trace.scores):
        scored = [trace for trace in known if judge in trace.scores]
        results.append(
            describe_judge(
                judge,
                [trace.known for trace in scored],
                [trace.scores[judge] for trace in scored],
                threshold=settings.threshold,
            )
        )
    return results


def _describe_data(
    plan: EvaluationPlan, policies: Sequence[PolicyResult], scorers: Sequence[Scorer]
) -> dict[str, Any]:
    """What was read, by hash, so that the same evaluation can be made again: export, traces, each model's weights."""
    data: dict[str, Any] = {
        "models": {
            "policies": {policy.name: policy.revision for policy in policies},
            "prms": {scorer.name: scorer.revision for scorer in scorers if scorer.prm is not None},
            "reward_models": {scorer.name: scorer.revision for scorer in scorers if scorer.prm is None},
        }
    }
    if plan.export is not None:
        data |= {"export": plan.export.title, "manifest_sha256": plan.export.manifest_sha256}
    if plan.settings.traces is not None:
        data |= {"traces": str(plan.settings.traces), "traces_sha256": plan.traces_sha256}
    return data


def _write_completions(
    path: Path,
    policy: str,
    rows: Sequence[dict[str, Any]],
    drawn: Sequence[Sequence[str]],
    sampled: Sequence[SampledPrompt],
) -> None:
    with path.open("a", encoding="utf-8") as lines:
        for row, texts, found in zip(rows, drawn, sampled, strict=True):
            for i, text in enumerate(texts):
                record = {
                    "policy": policy,
                    "prompt_id": found.prompt_id,
                    "prompt": row["prompt"],
                    "completion": text,
                    "answer": found.answers[i],
                    "is_correct": found.is_correct[i],
                    "scores": {scorer: scores[i] for scorer, scores in found.scores.items()},
                }
                lines.write(json.dumps(record, ensure_ascii=False) + "\n")


def _write(
    folder: Path,
    policies: Sequence[PolicyResult],
    judges: Sequence[JudgeResult],
) -> str:
    table = write_table(policies, judges)
    runs.write_json(folder / RESULTS_FILE, as_json(policies, judges))
    (folder / TABLE_FILE).write_text(table, encoding="utf-8")
    draw_results(folder / "plots", policies, judges)
    return table
