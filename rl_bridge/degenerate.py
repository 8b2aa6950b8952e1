"""Tells completions that go round in circles, as a policy writes them that has learned to please a judge. No torch."""

_WORDS_IN_A_RUN = 4
_FEWEST_RUNS = 8
"""A text of fewer runs is too short to tell; "4 + 4 = 8" twice is no circle."""
MOST_REPEATED = 0.5


def measure_repetition(text: str) -> float:
    """The share of runs of four words that stood in the text before, 0 to 1; 0 for short texts.

    Where a text has hardly any spaces (a language without them, one letter for ever) characters stand for words.
    """
    words = text.split()
    if len(words) * 20 < len(text):
        words = [character for character in text if not character.isspace()]
    runs = [tuple(words[i : i + _WORDS_IN_A_RUN]) for i in range(len(words) - _WORDS_IN_A_RUN + 1)]
    if len(runs) < _FEWEST_RUNS:
        return 0.0
    return 1.0 - len(set(runs)) / len(runs)


def is_degenerate(text: str) -> bool:
    """Whether most of a text repeats what it said already."""
    return measure_repetition(text) > MOST_REPEATED
