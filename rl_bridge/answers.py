"""Finds the final answer in a completion. Pure text; linear in the completion's length.

A completion states its answer explicitly (`\\boxed{…}`, `#### …`, `A: …`, `the answer is …`, `<answer>…</answer>`),
or else it simply ends with it. The last explicit statement wins; text inside `<think>…</think>` is no answer, and
thinking that was never closed has none behind it.
"""

import re
from fractions import Fraction

_LONGEST_ANSWER = 2_000  # characters; a longer "answer" is a whole text that nobody compares
_DASHES = str.maketrans({"−": "-", "–": "-", "﹣": "-", "－": "-"})
_NUMBER = re.compile(
    r"(?<![\w.])(?P<sign>[-+]?)\$?"
    r"(?P<whole>\d{1,3}(?:,\d{3}){1,100}(?!\d)|\d{1,300})?"
    r"(?P<fraction>\.\d{1,300})?"
    r"(?P<exponent>[eE][-+]?\d{1,3}(?!\d))?"
    r"(?:\s?/\s?(?P<denominator>\d{1,300}))?"
)
_LATEX_FRACTION = re.compile(r"\\[dt]?frac\s*\{\s*(-?\d{1,300})\s*\}\s*\{\s*(\d{1,300})\s*\}")
_STATED = re.compile(
    r"(?:^|\n)[ \t]*(?:####|A:|Answer:|Final answer:)[ \t]*(?P<marked>[^\n]+)"
    r"|\banswer(?:[ \t]+is|[ \t]*:)[ \t]*:?[ \t]*(?P<said>[^\n]+)"
    r"|<answer>(?P<tagged>.{0,2000}?)</answer>",
    re.IGNORECASE | re.DOTALL,
)
_CHOICE_ALONE = re.compile(r"(?:^|\n)\W{0,4}([A-Z])\W{0,4}(?=\n|$)|\(([A-Z])\)")
_CHOICE_LEADING = re.compile(r"\W{0,4}([A-Za-z])(?![A-Za-z'’])")
_THINKING_OPENS = re.compile(r"(?:\A|\n)[ \t]*<think(?:ing)?>", re.IGNORECASE)
_THINKING_CLOSES = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)")


def conclude(completion: str) -> str:
    """Return what follows the thinking: the whole completion where there is none, and nothing where the thinking was
    never closed. Half a thought may name the right answer by chance, or dismiss it in the words that never came."""
    return "" if is_thinking_unclosed(completion) else _cut_thinking_off(completion)


def is_thinking_unclosed(completion: str) -> bool:
    """Whether a `<think>` that opens a line has no `</think>` behind it."""
    return _THINKING_OPENS.search(_cut_thinking_off(completion)) is not None


def _cut_thinking_off(completion: str) -> str:
    """What follows the last closing tag: chat templates may put the opening one into the prompt."""
    end = 0
    for closing in _THINKING_CLOSES.finditer(completion):
        end = closing.end()
    return completion[end:]


def find_stated_answer(completion: str) -> str | None:
    """Return the text of the last explicit statement of the answer, unparsed, or None where there is none."""
    text = conclude(completion)
    stated = ""
    position = -1
    for match in _STATED.finditer(text):
        stated = next(part for part in match.groups() if part is not None)
        position = match.start()
    boxed_at, boxed = _find_last_boxed(text)
    if boxed is not None and boxed_at >= position:
        return boxed.strip()
    inner = _find_last_boxed(stated)[1]  # "The answer is $\boxed{4}$."
    if inner is not None:
        return inner.strip()
    return stated.strip()[:_LONGEST_ANSWER] or None


def find_text_answer(completion: str) -> str | None:
    """Return the stated answer without its closing full stop, else the last line that isn't empty, else None."""
    stated = find_stated_answer(completion)
    if stated is None:
        lines = [line for line in conclude(completion).splitlines() if line.strip()]
        if not lines:
            return None
        stated = lines[-1]
    return _trim(stated)[:_LONGEST_ANSWER] or None


def find_last_lines(completion: str, num_lines: int) -> str | None:
    """Return the stated answer where it has several lines, else the last `num_lines` lines that aren't empty."""
    stated = find_stated_answer(completion)
    if stated is not None and "\n" in stated:
        return stated
    lines = [line for line in conclude(completion).splitlines() if line.strip()]
    return "\n".join(lines[-num_lines:]) or None


def find_number(completion: str) -> str | None:
    """Return the final number as written: the first one in the stated answer, else the last in the text, or None."""
    text = conclude(completion)
    stated = find_stated_answer(completion)
    if stated is not None:
        numbers = list_numbers(stated.rpartition("=")[2]) or list_numbers(stated)
        # "A: 3 apples and 4 apples." followed by more lines opens the reasoning, it doesn't state the answer.
        if len(numbers) == 1 or (numbers and stated in text.rstrip().rpartition("\n")[2]):
            return numbers[0]
    numbers = list_numbers(text)
    return numbers[-1] if numbers else None


def list_numbers(text: str) -> list[str]:
    """Return every number in `text` as written: integers, decimals, thousands with commas, `a/b`, `\\frac{a}{b}`."""
    plain = _LATEX_FRACTION.sub(r" \1/\2 ", text.translate(_DASHES))
    found = []
    for match in _NUMBER.finditer(plain):
        if match["whole"] or match["fraction"]:
            before = plain[max(0, match.start() - 8) : match.start()].rstrip()
            is_subtraction = match["sign"] and before.endswith((")", *"0123456789"))
            found.append(match.group()[1:] if is_subtraction else match.group())
    return found


def read_number(text: str) -> Fraction | None:
    """Return the value of a number as written, exactly, or None where `text` isn't one number."""
    plain = _LATEX_FRACTION.sub(r"\1/\2", text.translate(_DASHES)).strip().rstrip("%.").strip()
    match = _NUMBER.fullmatch(plain)
    if match is None or not (match["whole"] or match["fraction"]):
        return None
    decimal = (match["whole"] or "0").replace(",", "") + (match["fraction"] or "") + (match["exponent"] or "")
    denominator = int(match["denominator"] or 1)
    if denominator == 0:
        return None
    value = Fraction(decimal) / denominator
    return -value if match["sign"] == "-" else value


def find_choice(completion: str) -> str | None:
    """Return the letter of the option chosen, as a capital, or None where no option is named."""
    stated = find_stated_answer(completion)
    if stated is not None:
        leading = _CHOICE_LEADING.match(re.sub(r"\\text\s*\{", "", stated))
        if leading:
            return leading[1].upper()
    alone = list(_CHOICE_ALONE.finditer(conclude(completion)))
    return (alone[-1][1] or alone[-1][2]) if alone else None


def _find_last_boxed(text: str) -> tuple[int, str | None]:
    """Return where the last complete `\\boxed{…}` begins and what is between its braces, or (-1, None)."""
    start = text.rfind("\\boxed{")
    if start < 0:
        return -1, None
    depth = 0
    opening = start + len("\\boxed")
    for end in range(opening, min(len(text), opening + _LONGEST_ANSWER)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if depth == 0:
            return start, text[opening + 1 : end]
    return -1, None


def _trim(answer: str) -> str:
    """Drop Markdown emphasis, dollar signs around a formula, and the full stop that ends a sentence."""
    trimmed = answer.strip().strip("*_`").strip()
    if trimmed.endswith(".") and _SENTENCE_END.search(trimmed):
        trimmed = trimmed[:-1].rstrip()
    if len(trimmed) > 1 and trimmed[0] == trimmed[-1] == "$":
        trimmed = trimmed.strip("$")
    return trimmed.strip("*_`").strip()
