"""Cutting one next step out of what a model wrote behind a trace's first steps."""

from __future__ import annotations

from annotation.rules.segmentation import segment


def cut_next_step(prefix: str, continuation: str, segmenter: str) -> str | None:
    """The step that follows `prefix`, byte for byte, with its separator; None where there is only white space.

    Both together are cut as the trace was. A cut within the prefix is ignored: its steps are as they were rated.
    """
    whole = prefix + continuation
    end = next((end for end in segment(whole, segmenter) if end > len(prefix)), len(prefix))
    step = whole[len(prefix) : end]
    return step if step.strip() else None


def is_next_step_over(prefix: str, continuation: str, segmenter: str) -> bool:
    """Whether another step has begun behind the next one, so that the next one will not grow any more."""
    step = cut_next_step(prefix, continuation, segmenter)
    return step is not None and continuation[len(step) :].strip() != ""


def is_same_step(one: str, other: str) -> bool:
    """Whether two steps say the same; white space at their ends is none of it."""
    return one.strip() == other.strip()
