"""Every catalogue is complete, compiled, and says what its messages need."""

from __future__ import annotations

import re
from pathlib import Path

import polib
import pytest
from django.template import engines

from annotation.rules.messages import Message, find_script_messages, marked
from config.translations import (
    LOCALE_DIR,
    catalogue_path,
    find_messages,
    find_python_messages,
    find_template_messages,
    list_languages,
    merge_messages,
)

LANGUAGES = list_languages()
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}")


def load(language: str) -> polib.POFile:
    return polib.pofile(str(catalogue_path(language)))


def texts_of(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_has_a_translation(language: str) -> None:
    catalogue = load(language)
    listed = {Message(entry.msgid, entry.msgid_plural) for entry in catalogue}
    empty = [entry.msgid for entry in catalogue if not all(texts_of(entry)) or entry.fuzzy]

    missing = [message.text for message in find_messages() if message not in listed]

    assert missing == [], "run manage.py update_translations"
    assert empty == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_catalogue_keeps_what_is_said_no_more(language: str) -> None:
    said = find_messages()

    assert [e.msgid for e in load(language) if Message(e.msgid, e.msgid_plural) not in said] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_the_text_one(language: str) -> None:
    path = catalogue_path(language)

    assert path.with_suffix(".mo").read_bytes() == load(language).to_binary(), (
        "run manage.py update_translations"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_puts_in_nothing_that_the_message_does_not_give(language: str) -> None:
    wrong = []
    for entry in load(language):
        given = set(PLACEHOLDER.findall(entry.msgid + entry.msgid_plural))
        for text in texts_of(entry):
            used = set(PLACEHOLDER.findall(text))
            # A plural form may spell its number out ("two steps"), a single text leaves nothing away.
            if not used <= given or (not entry.msgid_plural and used != given):
                wrong.append((entry.msgid, text))

    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_opens_the_same_tags(language: str) -> None:
    def tags(text: str) -> list[str]:
        return sorted(re.findall(r"</?(\w+)", text))

    wrong = [e.msgid for e in load(language) if not e.msgid_plural and tags(e.msgid) != tags(e.msgstr)]

    assert wrong == []


def test_there_is_a_catalogue_for_every_language_but_the_one_it_is_written_in(settings: object) -> None:
    assert ["en", *LANGUAGES] == [code for code, _ in settings.LANGUAGES]  # type: ignore[attr-defined]
    assert Path(LOCALE_DIR).is_dir()


def test_templates_are_read_with_blocks_plurals_and_parts() -> None:
    template = engines["django"].from_string(
        "{% load i18n partials %}{% if a %}{% translate 'One' %}{% endif %}"
        "{% partialdef part %}{% blocktranslate count n=a trimmed %}{{ n }}\n step{% plural %}{{ n }} steps"
        "{% endblocktranslate %}{% endpartialdef %}{% for x in y %}-{% empty %}{% translate 'None' %}{% endfor %}"
    )

    found = find_template_messages(template.template)  # type: ignore[attr-defined]

    assert sorted(found) == [Message("%(n)s step", "%(n)s steps"), Message("None"), Message("One")]


def test_python_is_read_by_the_names_of_gettext() -> None:
    source = 'gettext("a" "b"); _("c"); ngettext("d", "e", n); marked("f"); other("g"); gettext(name)'

    assert find_python_messages(source) == [
        Message("ab"),
        Message("c"),
        Message("d", "e"),
        Message("f"),
    ]


def test_scripts_are_read_by_the_names_of_gettext() -> None:
    source = 'gettext("Say “no”"); ngettext("{n} step", "{n} steps", n);\nmygettext("x"); gettext("a \\" b", { n })'

    found = find_script_messages(source)

    assert found == [Message("Say “no”"), Message("{n} step", "{n} steps"), Message('a " b')]
    assert marked("as it is") == "as it is"


def test_bringing_a_catalogue_in_line_keeps_translations_and_drops_what_went() -> None:
    catalogue = polib.POFile()
    catalogue.metadata = {"Plural-Forms": "nplurals=3; plural=0;"}
    catalogue.extend([polib.POEntry(msgid="Save", msgstr="حفظ"), polib.POEntry(msgid="Gone", msgstr="ذهب")])

    merge_messages(catalogue, {Message("Save"): ["a.html"], Message("{n} step", "{n} steps"): ["b.js"]})

    assert [entry.msgid for entry in catalogue] == ["Save", "{n} step"]
    assert catalogue[0].msgstr == "حفظ"
    assert catalogue[0].occurrences == [("a.html", "")]
    assert catalogue[1].msgstr_plural == {0: "", 1: "", 2: ""}
