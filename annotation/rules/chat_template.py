"""Writes a conversation as a model wants it, from the chat template that came with the model: no tokenizer, no torch.

A template is code from wherever the model came from, so it runs in Jinja's immutable sandbox, as in transformers
(`apply_chat_template`), whose settings, filter and functions these are; a test holds the two against each other.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NoReturn

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import Node, Scope
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment


class BadChatTemplate(ValueError):
    """The template can't be read, or refuses the conversation; the message says why, in the template's words."""


class _GenerationBlock(Extension):
    """`{% generation %}` marks what the assistant says, for trainers; here it changes nothing."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return Scope(body).set_lineno(line)


def render_user_turn(
    template: str, special_tokens: Mapping[str, str], text: str, *, asked_at: dt.datetime
) -> str:
    """What a model is given so that it answers `text`: the user's turn, and the opening of the assistant's.

    Without a template that is the text itself. `asked_at` is the time that a template may name, so that it renders
    the same on any day. Raises BadChatTemplate.
    """
    if not template:
        return text
    try:
        return _compile(template).render(
            messages=[{"role": "user", "content": text}],
            tools=None,
            documents=None,
            add_generation_prompt=True,
            strftime_now=asked_at.strftime,
            **special_tokens,
        )
    except (
        jinja2.TemplateError,
        TypeError,
        ValueError,
        ArithmeticError,
        LookupError,
        AttributeError,
    ) as error:
        raise BadChatTemplate(f"The model's chat template can't be used: {error}") from error


@lru_cache(maxsize=32)
def _compile(template: str) -> jinja2.Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationBlock, loopcontrols]
    )
    environment.filters["tojson"] = _write_json
    environment.globals["raise_exception"] = _refuse
    return environment.from_string(template)


def _refuse(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _write_json(value: Any, ensure_ascii: bool = False, **options: Any) -> str:
    """Jinja's own would escape what HTML cares about."""
    return json.dumps(value, ensure_ascii=ensure_ascii, **options)
