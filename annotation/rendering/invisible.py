"""Characters that would deceive a reader, shown as their code.

Bidirectional embeddings, overrides and isolates can make a formula read backwards; zero-width and control
characters hide text in plain sight (Boucher & Anderson 2021, "Trojan Source"). Left alone: ZWNJ and ZWJ,
which Persian, Indic scripts and emoji need; the direction marks LRM, RLM and ALM, which only move their
neighbouring punctuation; and U+2061–U+2064, which MathML itself uses.
"""

import re

# As code points, so that this file holds none of them: controls but tab and line ends, soft hyphen, Mongolian vowel
# separator, zero-width space, line and paragraph separators with embeddings and overrides, word joiner, isolates,
# byte order mark, annotation marks, tags.
_DECEIVING = (
    "00-08 0B-0C 0E-1F 7F-9F AD-AD 180E-180E 200B-200B 2028-202E 2060-2060 2066-206F "
    "FEFF-FEFF FFF9-FFFB E0000-E007F"
)
_PATTERN = re.compile(
    "["
    + "".join("-".join(chr(int(code, 16)) for code in span.split("-")) for span in _DECEIVING.split())
    + "]"
)
_NUL_PICTURE = "\u2400"


def label_invisible(safe_html: str) -> str:
    """Replace each deceiving character in sanitised HTML by a visible label such as U+202E.

    Only text can hold one: the sanitiser lets no attribute value through that a model wrote.
    """
    return _PATTERN.sub(
        lambda found: f'<span class="invisible-character">{_code(found[0])}</span>', safe_html
    )


def spell_invisible(text: str) -> str:
    """The same for plain text: the code in brackets, [U+202E]."""
    return _PATTERN.sub(lambda found: f"[{_code(found[0])}]", text)


def spell_out(text: str) -> str:
    """Plain text that any page can show and no reader is deceived by: `show_nul` and `spell_invisible`."""
    return spell_invisible(show_nul(text))


def show_nul(text: str) -> str:
    """NUL as its control picture, which an HTML parser keeps; lone surrogates, which no encoder takes, as U+FFFD."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text.replace("\0", _NUL_PICTURE))


def _code(character: str) -> str:
    return f"U+{ord(character):04X}"
