"""What a rating may say, and what follows from it.

A rating's labels are one entry a step: +1 good, 0 neutral, −1 bad, None not judged. The values and the habit
of stopping at the first error are PRM800K's (Lightman et al. 2023, "Let's Verify Step by Step"). A step after
the first error is not judged, never wrong: where a project stops raters there (`stop_at_first_error`), saying
anything about a later step is an error.
"""

from collections.abc import Sequence

from annotation.rules.messages import Said, marked

Label = int | None
Labels = Sequence[Label]

BAD, NEUTRAL, GOOD = -1, 0, 1
VALUES = frozenset({BAD, NEUTRAL, GOOD})


class InvalidLabels(Said):
    """The labels break a rule of the rating scheme; the message says which, in words for the rater."""


class WrongLength(InvalidLabels):
    """There is not exactly one label for each step."""


class OutOfRange(InvalidLabels):
    """A label is none of −1, 0, +1 and None."""


class JudgedAfterFirstError(InvalidLabels):
    """A step after the first −1 is judged although the project stops there."""


class Incomplete(InvalidLabels):
    """A step that must be judged is not."""


def check_labels(labels: Labels, num_steps: int, stop_at_first_error: bool) -> None:
    """Raise WrongLength, OutOfRange, JudgedAfterFirstError or Incomplete unless this rating can be submitted."""
    check_draft(labels, num_steps, stop_at_first_error)
    missing = _first_missing(labels, stop_at_first_error)
    if missing is not None:
        raise Incomplete(marked("Step {number} is not judged yet."), number=missing + 1)


def check_draft(labels: Labels, num_steps: int, stop_at_first_error: bool) -> None:
    """Raise WrongLength, OutOfRange or JudgedAfterFirstError unless these labels can be kept as a draft."""
    if len(labels) != num_steps:
        raise WrongLength(
            marked("The trace has {num_steps} steps, but there are {num_labels} labels."),
            num_steps=num_steps,
            num_labels=len(labels),
        )
    for index, label in enumerate(labels):
        # `True == 1`, but a stored True is no label; the type says so, not the value.
        if label is not None and (type(label) is not int or label not in VALUES):
            raise OutOfRange(
                marked("Step {number} is labelled {label}; only -1, 0, 1 and none are allowed."),
                number=index + 1,
                label=repr(label),
            )
    error = first_error(labels)
    if stop_at_first_error and error is not None:
        for index in range(error + 1, num_steps):
            if labels[index] is not None:
                raise JudgedAfterFirstError(
                    marked("Step {number} is judged, but step {error} is bad and this project stops there."),
                    number=index + 1,
                    error=error + 1,
                )


def is_complete(labels: Labels, stop_at_first_error: bool) -> bool:
    """Whether every step is judged or, with `stop_at_first_error`, every step up to and including the first −1."""
    return _first_missing(labels, stop_at_first_error) is None


def first_error(labels: Labels) -> int | None:
    """The index of the first −1; None where there is none."""
    return next((index for index, label in enumerate(labels) if label == BAD), None)


def verdict(labels: Labels) -> bool:
    """The verdict on the whole trace: True where any step is bad."""
    return first_error(labels) is not None


def _first_missing(labels: Labels, stop_at_first_error: bool) -> int | None:
    error = first_error(labels) if stop_at_first_error else None
    needed = len(labels) if error is None else error + 1
    return next((index for index in range(needed) if labels[index] is None), None)
