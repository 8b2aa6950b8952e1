"""The texts that a page's scripts say, in the page's language: one JSON element with just those, none in English."""

from __future__ import annotations

from functools import lru_cache

from django import template
from django.contrib.staticfiles import finders
from django.utils.html import json_script
from django.utils.translation import get_language, gettext, ngettext

from annotation.rules.messages import Message, find_script_messages

register = template.Library()

# One number of each of the plural categories that browsers know (Unicode CLDR), for languages that have them.
_ONE_OF_EACH = {"zero": 0, "one": 1, "two": 2, "few": 3, "many": 11, "other": 100}
_WRITTEN_IN = "en"


@register.simple_tag
def script_words(*scripts: str) -> str:
    """Use: {% script_words "js/frame.js" "js/rating.js" %}. frame.js reads it (`gettext` there)."""
    language = get_language() or _WRITTEN_IN
    if language == _WRITTEN_IN:
        return ""
    return json_script(_translate_all(scripts, language), "script-words")


@lru_cache(maxsize=100)
def _translate_all(scripts: tuple[str, ...], language: str) -> dict[str, str | dict[str, str]]:
    messages = [message for script in scripts for message in _find_messages(script)]
    return {message.text: _translate(message) for message in messages}


def _translate(message: Message) -> str | dict[str, str]:
    if not message.plural:
        return gettext(message.text)
    return {
        category: ngettext(message.text, message.plural, number) for category, number in _ONE_OF_EACH.items()
    }


@lru_cache(maxsize=100)
def _find_messages(script: str) -> list[Message]:
    path = finders.find(script)
    if path is None:
        raise template.TemplateSyntaxError(f"There is no script {script}.")
    with open(path, encoding="utf-8") as source:  # noqa: PTH123 (finders return strings)
        return find_script_messages(source.read())
