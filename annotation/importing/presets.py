"""Public data sets whose columns are known: each gives prompt, reference answer and verifier.

GSM8K (Cobbe et al. 2021), MATH (Hendrycks et al. 2021), ARC-Challenge (Clark et al. 2018), MMLU (Hendrycks et al.
2021) and HumanEval (Chen et al. 2021), with the columns that their data sets on the Hugging Face hub have.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from annotation.importing.items import Item, read_index, read_list, read_text
from annotation.importing.layout import Layout, Mapped, Values
from annotation.importing.rows import BadRow
from rl_bridge.answers import find_stated_answer

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _read_gsm8k(values: Values, mapped: Mapped) -> Item:
    """The answer stands behind the worked solution's `####`."""
    _, mark, answer = read_text(values, "answer", is_needed=True).rpartition("####")
    answer = answer.strip()
    if not mark or not answer:
        raise BadRow("“answer” ends in no “#### number”.")
    return Item(read_text(values, "question", is_needed=True), answer, "numeric", answer)


def _read_math(values: Values, mapped: Mapped) -> Item:
    """The answer is what the worked solution boxes; some copies also have it in a column."""
    answer = read_text(values, "answer").strip()
    if not answer:
        answer = find_stated_answer(read_text(values, "solution", is_needed=True)) or ""
    if not answer:
        raise BadRow("“solution” boxes no answer.")
    return Item(read_text(values, "problem", is_needed=True), answer, "math", answer)


def _read_arc(values: Values, mapped: Mapped) -> Item:
    choices = values.get("choices")
    if not isinstance(choices, dict) or not choices.get("text"):
        raise BadRow("“choices” is not an object with “label” and “text”.")
    texts = [str(text) for text in read_list(choices, "text", inside="choices")]
    names = [str(label) for label in read_list(choices, "label", inside="choices")]
    key = read_text(values, "answerKey", is_needed=True).strip()
    if key not in names or len(names) != len(texts):
        raise BadRow(f"“answerKey” is {key!r:.20}, which is none of the choices.")
    return _build_choice(read_text(values, "question", is_needed=True), texts, names.index(key))


def _read_mmlu(values: Values, mapped: Mapped) -> Item:
    texts = [str(text) for text in read_list(values, "choices")]
    answer: Any = read_index(values.get("answer"))
    if isinstance(answer, str):
        answer = _LETTERS.find(answer.strip().upper()[:1] or "?")
    if isinstance(answer, bool) or not isinstance(answer, int) or not 0 <= answer < len(texts):
        raise BadRow(f"“answer” is {values.get('answer')!r:.20}, which is none of the choices.")
    return _build_choice(read_text(values, "question", is_needed=True), texts, answer)


def _build_choice(question: str, texts: Sequence[str], correct: int) -> Item:
    if len(texts) > len(_LETTERS):
        raise BadRow(f"there are {len(texts)} choices, and letters for {len(_LETTERS)}.")
    options = [f"{letter}) {text}" for letter, text in zip(_LETTERS, texts, strict=False)]
    return Item("\n".join([question, "", *options]), options[correct], "choice", _LETTERS[correct])


def _read_human_eval(values: Values, mapped: Mapped) -> Item:
    """The reference answer is the solution that came with the problem; its unit tests are what the verifier runs."""
    code = read_text(values, "prompt", is_needed=True)
    asks = "Complete this Python function. Answer with the whole function in one code block."
    tests = {
        "tests": read_text(values, "test", is_needed=True),
        "entry_point": read_text(values, "entry_point", is_needed=True),
        "beginning": code,
    }
    return Item(
        prompt=f"{asks}\n\n```python\n{code}\n```",
        reference_answer=code + read_text(values, "canonical_solution"),
        verifier="code",
        ground_truth=json.dumps(tests, ensure_ascii=False),
    )


GSM8K = Layout(
    "gsm8k",
    "GSM8K",
    "Grade-school word problems; answers are numbers.",
    _read_gsm8k,
    columns=("question", "answer"),
)
MATH = Layout(
    "math",
    "MATH",
    "Competition problems; answers are compared symbolically.",
    _read_math,
    columns=("problem", "solution"),
)
ARC = Layout(
    "arc",
    "ARC-Challenge",
    "Science questions with choices.",
    _read_arc,
    columns=("question", "choices", "answerKey"),
)
MMLU = Layout(
    "mmlu",
    "MMLU",
    "Questions of 57 subjects with four choices.",
    _read_mmlu,
    columns=("question", "choices", "answer"),
)
HUMAN_EVAL = Layout(
    "human_eval",
    "HumanEval",
    "Python functions to complete, checked by their unit tests where an administrator turned that on.",
    _read_human_eval,
    columns=("task_id", "prompt", "canonical_solution", "test", "entry_point"),
)
