"""What makes two judges the same judge: the code, the model and its weights, the rubric and what it may see.

A judge's version is stored with each of its scores. Whoever changes what a judge computes raises its code version.
"""

from __future__ import annotations

import hashlib

LIKELIHOOD_CODE = "1"
ARITHMETIC_CODE = "1"
RUBRIC_CODE = "1"
ROLLOUT_CODE = "1"
PRM_CODE = "1"


def make_judge_version(
    *, code: str, model: str = "", revision: str = "", rubric: str = "", sees_reference: bool = False
) -> str:
    """A short text that differs wherever one of the parts does: the code version, then a hash of the rest.

    >>> make_judge_version(code="1")
    '1'
    """
    if not (model or rubric or sees_reference):
        return code
    parts = "\x00".join([model, revision, rubric, str(sees_reference)])
    return f"{code}-{hashlib.sha256(parts.encode()).hexdigest()[:12]}"
