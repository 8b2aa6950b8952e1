"""Makes stored rows for tests, with plain defaults; time is passed in or is NOW."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import random
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from annotation.models import (
    Account,
    Appeal,
    Assignment,
    AssignmentState,
    Between,
    Choice,
    Comparison,
    Decision,
    Disagreement,
    DryRun,
    GenerationBatch,
    Gold,
    ImportRefusal,
    ImportRun,
    ImportSource,
    Judge,
    JudgeKind,
    JudgeScore,
    Membership,
    ModelSpec,
    PracticeAnswer,
    Project,
    Prompt,
    QualificationAttempt,
    Rating,
    Role,
    SourceFormat,
    StepAlternative,
    StepBranch,
    Trace,
)

NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)
STEPS = ("Tom has 3 apples.\n", "He buys 4 more: 3 + 4 = 7.\n", "The answer is 7.")

_numbers = itertools.count(1)


def make_account(username: str = "", **fields: Any) -> Account:
    return Account.objects.create_user(
        username=username or f"person{next(_numbers)}", password=None, **fields
    )


def make_site_admin(**fields: Any) -> Account:
    return make_account(is_superuser=True, is_staff=True, **fields)


def make_project(**fields: Any) -> Project:
    number = next(_numbers)
    defaults: dict[str, Any] = {"slug": f"project-{number}", "name": f"Project {number}", "created_at": NOW}
    return Project.objects.create(**{**defaults, **fields})


def make_member(project: Project, role: Role = Role.RATER, **fields: Any) -> Account:
    """A new account with one role in the project."""
    account = make_account(**fields)
    Membership.objects.create(project=project, account=account, role=role, created_at=NOW)
    return account


def make_prompt(project: Project | None = None, **fields: Any) -> Prompt:
    text = fields.pop("text", f"Tom has 3 apples and buys 4 more. How many has he? (No. {next(_numbers)})")
    defaults: dict[str, Any] = {
        "project": project or make_project(),
        "text": text,
        "reference_answer": "7",
        "ground_truth": "7",
        "verifier": "numeric",
        "content_hash": hashlib.sha256(text.encode()).hexdigest(),
        "created_at": NOW,
    }
    return Prompt.objects.create(**{**defaults, **fields})


def make_model_spec(**fields: Any) -> ModelSpec:
    defaults = {"name": f"model {next(_numbers)}", "location": "shipped", "created_at": NOW}
    return ModelSpec.objects.create(**{**defaults, **fields})


def make_batch(project: Project | None = None, **fields: Any) -> GenerationBatch:
    project = project or make_project()
    defaults: dict[str, Any] = {
        "project": project,
        "created_by": fields.pop("created_by", None) or make_member(project, Role.ADMIN),
        "model_spec": fields.pop("model_spec", None) or make_model_spec(),
        "num_prompts": 1,
        "num_samples": 1,
        "prompt_template": "{prompt}",
        "segmenter": "auto@1",
        "chunk_size": 4,
        "queued_at": NOW,
        "touched_at": NOW,
    }
    return GenerationBatch.objects.create(**{**defaults, **fields})


def make_dry_run(prompt: Prompt | None = None, **fields: Any) -> DryRun:
    prompt = prompt or make_prompt()
    defaults: dict[str, Any] = {
        "project": prompt.project,
        "prompt": prompt,
        "created_by": fields.pop("created_by", None) or make_account(),
        "model_spec": fields.pop("model_spec", None) or make_model_spec(),
        "form_fields": {},
        "told": prompt.text,
        "temperature": 0.8,
        "top_p": 0.95,
        "max_new_tokens": 64,
        "seed": 1,
        "segmenter": "auto@1",
        "queued_at": NOW,
        "touched_at": NOW,
    }
    return DryRun.objects.create(**{**defaults, **fields})


def make_trace(prompt: Prompt | None = None, *, steps: Sequence[str] = STEPS, **fields: Any) -> Trace:
    """A trace with exactly these steps (their texts joined are the completion)."""
    prompt = prompt or make_prompt(fields.pop("project", None))
    defaults: dict[str, Any] = {
        "project": prompt.project,
        "prompt": prompt,
        "completion": "".join(steps),
        "step_ends": list(itertools.accumulate(len(step) for step in steps)),
        "segmenter": "lines@1",
        "model_name": "test model",
        "queue_key": random.random(),
        "created_at": NOW,
    }
    return Trace.objects.create(**{**defaults, **fields})


def make_assignment(trace: Trace | None = None, rater: Account | None = None, **fields: Any) -> Assignment:
    trace = trace or make_trace()
    defaults: dict[str, Any] = {
        "trace": trace,
        "rater": rater or make_member(trace.project),
        "leased_at": NOW,
        "expires_at": NOW + dt.timedelta(minutes=30),
        "selection_probability": 1.0,
    }
    return Assignment.objects.create(**{**defaults, **fields})


def make_rating(
    trace: Trace | None = None,
    rater: Account | None = None,
    labels: Sequence[int | None] = (1, 1, 1),
    **fields: Any,
) -> Rating:
    """A submitted rating with its assignment."""
    trace = trace or make_trace()
    assignment = fields.pop("assignment", None) or make_assignment(
        trace, rater, state=AssignmentState.SUBMITTED, ended_at=NOW
    )
    defaults: dict[str, Any] = {
        "trace": trace,
        "rater": assignment.rater,
        "assignment": assignment,
        "labels": list(labels),
        "is_assisted": False,
        "submitted_at": NOW,
        "idempotency_key": uuid4(),
    }
    return Rating.objects.create(**{**defaults, **fields})


def make_comparison(better: Trace | None = None, worse: Trace | None = None, **fields: Any) -> Comparison:
    """A rater's word that the one is better than the other; `choice` says another."""
    better = better or make_trace()
    worse = worse or make_trace(better.prompt)
    first, second = sorted((better, worse), key=lambda trace: trace.pk)
    defaults: dict[str, Any] = {
        "prompt": better.prompt,
        "trace_a": first,
        "trace_b": second,
        "choice": Choice.A if first == better else Choice.B,
        "is_swapped": False,
        "submitted_at": NOW,
    }
    rater = fields.pop("rater", None) or make_member(better.project)
    return Comparison.objects.create(rater=rater, **{**defaults, **fields})


def make_judge(**fields: Any) -> Judge:
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "kind": JudgeKind.ARITHMETIC,
        "name": f"judge {number}",
        "version": "1",
        "created_at": NOW,
    }
    return Judge.objects.create(**{**defaults, **fields})


def make_judge_score(
    trace: Trace,
    judge: Judge | None = None,
    probabilities: Sequence[float | None] = (0.9, 0.8, 0.7),
    **fields: Any,
) -> JudgeScore:
    defaults: dict[str, Any] = {
        "trace": trace,
        "judge": judge or make_judge(),
        "probabilities": list(probabilities),
        "created_at": NOW,
    }
    return JudgeScore.objects.create(**{**defaults, **fields})


def make_gold(trace: Trace, stands: Sequence[bool] = (True, True, True), **fields: Any) -> Gold:
    defaults: dict[str, Any] = {
        "trace": trace,
        "stands": list(stands),
        "created_by": fields.pop("created_by", None) or make_member(trace.project, Role.ADMIN),
        "created_at": NOW,
    }
    return Gold.objects.create(**{**defaults, **fields})


def make_attempt(project: Project, rater: Account, **fields: Any) -> QualificationAttempt:
    """An attempt that runs; for one that ended give finished_at, num_right and has_passed."""
    defaults: dict[str, Any] = {"number": 1, "pass_mark": project.qualification_pass_mark, "started_at": NOW}
    return QualificationAttempt.objects.create(project=project, rater=rater, **{**defaults, **fields})


def make_practice_answer(
    trace: Trace, rater: Account, labels: Sequence[int | None] = (1, 1, 1), **fields: Any
) -> PracticeAnswer:
    """Said in the tutorial, unless an attempt is given."""
    defaults: dict[str, Any] = {"is_right": True, "answered_at": NOW}
    return PracticeAnswer.objects.create(
        trace=trace, rater=rater, labels=list(labels), **{**defaults, **fields}
    )


def make_branch(assignment: Assignment | None = None, *, step_index: int = 1, **fields: Any) -> StepBranch:
    assignment = assignment or make_assignment()
    defaults: dict[str, Any] = {
        "round": 1,
        "num_wanted": 4,
        "temperature": 0.8,
        "top_p": 0.95,
        "max_new_tokens": 64,
        "seed": 1,
        "requested_by": assignment.rater,
        "queued_at": NOW,
        "touched_at": NOW,
    }
    return StepBranch.objects.create(assignment=assignment, step_index=step_index, **{**defaults, **fields})


def make_alternative(branch: StepBranch, *, index: int = 0, **fields: Any) -> StepAlternative:
    defaults: dict[str, Any] = {"text": "He buys 4 more, so 3 + 4 = 7.\n", "created_at": NOW}
    return StepAlternative.objects.create(branch=branch, index=index, **{**defaults, **fields})


def make_decision(
    trace: Trace,
    labels: Sequence[int | None] = (1, 1, 1),
    *,
    adjudicator: Account | None = None,
    **fields: Any,
) -> Decision:
    defaults: dict[str, Any] = {
        "trace": trace,
        "adjudicator": adjudicator or make_member(trace.project, Role.ADJUDICATOR),
        "labels": list(labels),
        "has_seen_scores": False,
        "decided_at": NOW,
        "idempotency_key": uuid4(),
    }
    return Decision.objects.create(**{**defaults, **fields})


def make_appeal(decision: Decision, rater: Account, **fields: Any) -> Appeal:
    defaults: dict[str, Any] = {
        "trace": decision.trace,
        "decision": decision,
        "rater": rater,
        "reason": "Step 2 is right: 3 + 4 = 7.",
        "filed_at": NOW,
    }
    return Appeal.objects.create(**{**defaults, **fields})


def make_disagreement(trace: Trace, bits: float = 1.0, **fields: Any) -> Disagreement:
    defaults: dict[str, Any] = {
        "trace": trace,
        "project": trace.project,
        "between": Between.RATERS,
        "bits": bits,
        "found_at": NOW,
    }
    return Disagreement.objects.create(**{**defaults, **fields})


def make_import_source(project: Project | None = None, **fields: Any) -> ImportSource:
    """A data set by its name, that no worker has looked at."""
    project = project or make_project()
    defaults: dict[str, Any] = {
        "name": "someone/sums",
        "file_format": SourceFormat.HUB,
        "split": "train",
        "created_by": fields.get("created_by") or make_account(),
        "queued_at": NOW,
        "touched_at": NOW,
    }
    return ImportSource.objects.create(project=project, **{**defaults, **fields})


def make_import_run(source: ImportSource | None = None, **fields: Any) -> ImportRun:
    """An import of prompts, queued, that has refused one row so far."""
    source = source or make_import_source(columns=["prompt"])
    defaults: dict[str, Any] = {
        "layout": "prompts",
        "mapping": {"prompt": "prompt"},
        "created_by": source.created_by,
        "queued_at": NOW,
        "touched_at": NOW,
        "num_read": 1,
        "num_refused": 1,
    }
    run = ImportRun.objects.create(project=source.project, source=source, **{**defaults, **fields})
    ImportRefusal.objects.create(run=run, number=1, reason="“prompt” is empty.", raw='{"prompt": ""}')
    return run
