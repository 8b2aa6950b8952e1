"""The tables, one noun a file. What must always hold is a database constraint."""

from annotation.models.account import Account
from annotation.models.api_token import ApiToken, TokenScope
from annotation.models.assignment import Assignment, AssignmentState, SelectedBy
from annotation.models.audit_event import AuditEvent
from annotation.models.comparison import Choice, Comparison
from annotation.models.decision import (
    Appeal,
    AppealState,
    Between,
    Decision,
    Disagreement,
    Ruling,
)
from annotation.models.dry_run import DryRun
from annotation.models.failure import BatchFailure, JudgeFailure
from annotation.models.generation_batch import GenerationBatch, GenerationChunk
from annotation.models.gold import Gold, GoldSource, GoldUse
from annotation.models.import_run import ImportRefusal, ImportRun, ImportSource, SourceFormat
from annotation.models.job import ChunkedJob, Job, JobState
from annotation.models.judge import Judge, JudgeChunk, JudgeKind, JudgeRun, JudgeScore
from annotation.models.membership import Invitation, Membership, PauseReason, Role
from annotation.models.merge_run import MergedPreference, MergedTrace, MergeRun, Provenance
from annotation.models.model_spec import Backend, ModelSpec, ModelTrial
from annotation.models.practice import PracticeAnswer, QualificationAttempt
from annotation.models.project import Project
from annotation.models.prompt import Priority, Prompt
from annotation.models.quality_report import QualityReport, ReportKind
from annotation.models.rating import Outcome, Rating
from annotation.models.step_branch import StepAlternative, StepBranch
from annotation.models.trace import Trace

__all__ = [
    "Account",
    "ApiToken",
    "Appeal",
    "AppealState",
    "Assignment",
    "AssignmentState",
    "AuditEvent",
    "Backend",
    "BatchFailure",
    "Between",
    "Choice",
    "ChunkedJob",
    "Comparison",
    "Decision",
    "Disagreement",
    "DryRun",
    "GenerationBatch",
    "GenerationChunk",
    "Gold",
    "GoldSource",
    "GoldUse",
    "ImportRefusal",
    "ImportRun",
    "ImportSource",
    "Invitation",
    "Job",
    "JobState",
    "Judge",
    "JudgeChunk",
    "JudgeFailure",
    "JudgeKind",
    "JudgeRun",
    "JudgeScore",
    "Membership",
    "MergeRun",
    "MergedPreference",
    "MergedTrace",
    "ModelSpec",
    "ModelTrial",
    "Outcome",
    "PauseReason",
    "PracticeAnswer",
    "Priority",
    "Project",
    "Prompt",
    "Provenance",
    "QualificationAttempt",
    "QualityReport",
    "Rating",
    "ReportKind",
    "Role",
    "Ruling",
    "SelectedBy",
    "SourceFormat",
    "StepAlternative",
    "StepBranch",
    "TokenScope",
    "Trace",
]
