"""How a prompt is put to a model: a template in which `{prompt}` stands for the prompt's text."""

from __future__ import annotations

PLACEHOLDER = "{prompt}"
LONGEST_TEMPLATE = 20_000  # characters
DEFAULT_TEMPLATE = """\
Solve the problem step by step. Write each step on a line of its own. End with the line "The answer is" and the \
answer.

Problem: {prompt}"""


class BadTemplate(ValueError):
    """The template can't be filled; the message says why, in words for whoever wrote it."""


def check_template(template: str) -> None:
    """Raises BadTemplate unless the template holds the placeholder exactly once."""
    count = template.count(PLACEHOLDER)
    if count != 1:
        raise BadTemplate(f"The template must hold {PLACEHOLDER} exactly once; it holds it {count} times.")
    if "\x00" in template:
        raise BadTemplate("The template holds a NUL byte, which no text may.")
    if len(template) > LONGEST_TEMPLATE:
        raise BadTemplate(f"The template is longer than {LONGEST_TEMPLATE:,} characters.")


def fill_template(template: str, prompt: str) -> str:
    """What the model is told. All other braces, also those in the prompt, are left as they are."""
    before, _, after = template.partition(PLACEHOLDER)
    return f"{before}{prompt}{after}"
