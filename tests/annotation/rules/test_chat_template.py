"""A chat template renders as transformers would, and can do no more than that."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast
from transformers.utils.chat_template_utils import render_jinja_template

from annotation.rules.chat_template import BadChatTemplate, render_user_turn
from tests.rl_bridge import tiny

ASKED_AT = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)
CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are helpful.<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TRIMMING = (
    "{{- bos_token }}\n{%- if tools is not none %}\n    {{- raise_exception('no tools') }}\n{%- endif %}\n"
    "{%- for message in messages %}\n"
    "    {%- if message.role == 'assistant' %}\n"
    "        {%- generation %}{{ message.content }}{% endgeneration %}\n"
    "    {%- elif message.role == 'user' %}\n"
    "        {{- '[INST] ' + message['content'] | trim + ' [/INST]' }}\n"
    "        {%- if message.content == 'stop' %}{% break %}{% endif %}\n"
    "    {%- endif %}\n"
    "{%- endfor %}\n"
    "{{- {'a': '<é>'} | tojson }}\n"
)
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


def render_by_transformers(template: str, text: str) -> str:
    arguments: Any = {
        "conversations": [[{"role": "user", "content": text}]],
        "chat_template": template,
        "add_generation_prompt": True,
        **TOKENS,
    }
    return str(render_jinja_template(**arguments)[0][0])


@pytest.mark.parametrize("template", [CHATML, TRIMMING], ids=["ChatML", "trimming"])
@settings(deadline=None)  # a busy machine is no failure
@given(text=st.text() | st.just("stop"))
def test_a_user_turn_is_rendered_as_transformers_renders_it(template: str, text: str) -> None:
    ours = render_user_turn(template, TOKENS, text, asked_at=ASKED_AT)

    assert ours == render_by_transformers(template, text)


def test_the_tiny_models_own_template_gives_what_its_tokenizer_gives() -> None:
    tokenizer: PreTrainedTokenizerFast = tiny.build_tokenizer()
    tokenizer.chat_template = CHATML
    expected = tokenizer.apply_chat_template(
        [{"role": "user", "content": "3 + 4?"}], tokenize=False, add_generation_prompt=True
    )

    ours = render_user_turn(CHATML, tokenizer.special_tokens_map, "3 + 4?", asked_at=ASKED_AT)

    assert ours == expected
    assert ours.endswith("3 + 4?<|im_end|>\n<|im_start|>assistant\n")


def test_a_template_that_names_the_date_gets_the_day_the_model_was_asked() -> None:
    dated = "{{ strftime_now('%d %b %Y') }}: {{ messages[0].content }}"

    assert render_user_turn(dated, {}, "Hi", asked_at=ASKED_AT) == "01 Mar 2026: Hi"


def test_without_a_template_the_text_stays_as_it_is() -> None:
    assert render_user_turn("", TOKENS, "What is {{ 3 }}?", asked_at=ASKED_AT) == "What is {{ 3 }}?"


@settings(deadline=None)  # a busy machine is no failure
@given(st.text())
def test_what_a_prompt_holds_is_never_read_as_a_template(text: str) -> None:
    braced = "{{ 7 * 7 }}{% raw %}" + text

    assert render_user_turn("{{ messages[0].content }}", {}, braced, asked_at=ASKED_AT) == braced


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{% for %}", "can't be used"),
        ("{{ raise_exception('Roles must alternate') }}", "Roles must alternate"),
        ("{{ messages.append('x') }}", "can't be used"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "can't be used"),
        ("{{ messages[0].content.__init__.__globals__ }}", "can't be used"),
        ("{{ nothing.there }}", "can't be used"),
        ("{{ range(10000000) | list }}", "can't be used"),
        ("{{ 1 / 0 }}", "can't be used"),
    ],
)
def test_a_template_that_breaks_or_reaches_out_is_refused_in_a_sentence(template: str, reason: str) -> None:
    with pytest.raises(BadChatTemplate, match=reason):
        render_user_turn(template, {}, "Hi", asked_at=ASKED_AT)
