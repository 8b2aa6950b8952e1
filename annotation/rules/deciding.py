"""What a decision may say of a trace's steps, and what it means for each of them."""

from annotation.rules.rating import BAD, Labels, check_labels, first_error


def check_decision(labels: Labels, num_steps: int, stop_at_first_error: bool) -> None:
    """A decision keeps the rules of a rating: raises what annotation.rules.rating.check_labels raises."""
    check_labels(labels, num_steps, stop_at_first_error)


def decided_steps(labels: Labels) -> list[bool]:
    """Whether each of S steps stands. What is not judged after the first error rests on it, hence does not stand."""
    error = first_error(labels)
    return [
        label != BAD and not (label is None and error is not None and index > error)
        for index, label in enumerate(labels)
    ]
