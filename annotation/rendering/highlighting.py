"""Code with Pygments classes, each prefixed `code-`; the colours are in `static/css/rendered.css`."""

import html

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES

CLASS_PREFIX = "code-"
LONGEST_HIGHLIGHTED = 10_000

# Lexers are regular expressions, some of them slow on hostile text: only languages that traces are written
# in, and not too much of them.
_SAME_NAME = (
    "bash c cpp csharp go haskell html java javascript json julia latex lean lean4 matlab python r rust sql typescript "
    "xml yaml"
)
_OTHER_NAMES = {
    "c++": "cpp",
    "js": "javascript",
    "py": "python",
    "python3": "python",
    "sh": "bash",
    "shell": "bash",
    "tex": "latex",
    "ts": "typescript",
}
LANGUAGES = {name: name for name in _SAME_NAME.split()} | _OTHER_NAMES
HIGHLIGHT_CLASSES = frozenset(CLASS_PREFIX + short for short in STANDARD_TYPES.values() if short)

_FORMATTER = HtmlFormatter(nowrap=True, classprefix=CLASS_PREFIX)


def highlight_code(code: str, language: str) -> str:
    """Spans with classes for a known language, escaped text otherwise; every character is kept."""
    name = LANGUAGES.get(language.lower())
    if name is None or len(code) > LONGEST_HIGHLIGHTED:
        return html.escape(code)
    lexer = get_lexer_by_name(name, stripnl=False, ensurenl=False)
    return str(highlight(code, lexer, _FORMATTER))
