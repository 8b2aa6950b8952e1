"""Which language a text is written in, for filters; by character statistics, offline (py3langid).

Lui and Baldwin 2012, "langid.py: An Off-the-shelf Language Identification Tool". Digits and formulas say nothing of a
language, so what is little more than those is not recognised rather than guessed.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from py3langid import langid

LEAST_SURE = 0.25
"""Below this share of all languages' weight the answer is a guess: "Solve: x^2=4" comes out as Galician at 0.02."""
_LONGEST = 2_000  # characters; more make the answer slower, not better
_NOT_WORDS = re.compile(r"\\[A-Za-z]+|[\d\W_]+")


def detect_language(text: str) -> str:
    """The ISO 639-1 code of the text's language; "" where the text does not say."""
    words = _NOT_WORDS.sub(" ", text[:_LONGEST]).strip()
    if not words:
        return ""
    code, share = _identifier().classify(words)
    return str(code) if share >= LEAST_SURE else ""


@cache
def _identifier() -> Any:
    """The statistics of 97 languages, read at the first question: it takes a second."""
    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
