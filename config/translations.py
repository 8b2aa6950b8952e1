"""The catalogues of translations in `locale/`: which messages they must hold, and writing them.

Messages are found by reading templates, Python and JavaScript as the product itself does, so no gettext tools are
needed; `manage.py update_translations` writes, and tests/repo/test_translations.py holds that all is up to date.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import polib
from django.template import engines
from django.template.base import Node, Template
from django.templatetags.i18n import BlockTranslateNode, TranslateNode

from annotation.rules.messages import Message, find_script_messages
from config.paths import BASE_DIR

LOCALE_DIR = BASE_DIR / "locale"
_PACKAGES = ("annotation", "config", "exports")
_ONE_TEXT = {"gettext", "gettext_lazy", "gettext_noop", "marked", "_"}
_TWO_TEXTS = {"ngettext", "ngettext_lazy"}


def find_messages() -> dict[Message, list[str]]:
    """Every message of the product, with the files it stands in."""
    found: dict[Message, list[str]] = {}
    for path, message in _walk_files():
        places = found.setdefault(message, [])
        if path not in places:
            places.append(path)
    return dict(sorted(found.items()))


def list_languages() -> list[str]:
    """The languages that there is a catalogue of."""
    return sorted(path.name for path in LOCALE_DIR.iterdir() if path.is_dir())


def catalogue_path(language: str) -> Path:
    """The text form of a language's catalogue; the compiled one lies beside it as .mo."""
    return LOCALE_DIR / language / "LC_MESSAGES" / "django.po"


def merge_messages(catalogue: polib.POFile, messages: dict[Message, list[str]]) -> None:
    """Adds messages that are new, without a translation, and drops those the product says no more."""
    known = {Message(entry.msgid, entry.msgid_plural): entry for entry in catalogue if not entry.obsolete}
    entries = [known.get(message) or _make_entry(message, catalogue) for message in messages]
    for entry, places in zip(entries, messages.values(), strict=True):
        entry.occurrences = [(place, "") for place in places]
    catalogue[:] = entries


def find_template_messages(template: Template) -> list[Message]:
    """What `{% translate %}` and `{% blocktranslate %}` say in a template, parts included."""
    return list(_find_in_nodes(template.nodelist))


def find_python_messages(source: str) -> list[Message]:
    """What is passed to gettext and its kin, as constants."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        texts = [
            arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
        ]
        if name in _ONE_TEXT and texts:
            found.append(Message(texts[0]))
        elif name in _TWO_TEXTS and len(texts) > 1:
            found.append(Message(texts[0], texts[1]))
    return found


def _walk_files() -> Iterator[tuple[str, Message]]:
    for path in sorted((BASE_DIR / "templates").rglob("*.html")):
        template = engines["django"].get_template(str(path.relative_to(BASE_DIR / "templates")))
        for message in find_template_messages(template.template):  # type: ignore[attr-defined]
            yield _name(path), message
    for package in _PACKAGES:
        for path in sorted((BASE_DIR / package).rglob("*.py")):
            for message in find_python_messages(path.read_text(encoding="utf-8")):
                yield _name(path), message
    for path in sorted((BASE_DIR / "static" / "js").glob("*.js")):
        for message in find_script_messages(path.read_text(encoding="utf-8")):
            yield _name(path), message


def _find_in_nodes(nodes: list[Node]) -> Iterator[Message]:
    for node in nodes:
        if isinstance(node, TranslateNode):
            text = node.filter_expression.var.literal
            if text is not None:
                yield Message(str(text))
        elif isinstance(node, BlockTranslateNode):
            singular = node.render_token_list(node.singular)[0]
            plural = node.render_token_list(node.plural)[0] if node.plural else ""
            yield Message(singular, plural)
        for inside in {"nodelist", *node.child_nodelists}:
            yield from _find_in_nodes(getattr(node, inside, None) or [])


def _make_entry(message: Message, catalogue: polib.POFile) -> polib.POEntry:
    if not message.plural:
        return polib.POEntry(msgid=message.text)
    num_forms = int(catalogue.metadata["Plural-Forms"].partition("nplurals=")[2].partition(";")[0])
    return polib.POEntry(
        msgid=message.text, msgid_plural=message.plural, msgstr_plural=dict.fromkeys(range(num_forms), "")
    )


def _name(path: Path) -> str:
    return str(path.relative_to(BASE_DIR))
