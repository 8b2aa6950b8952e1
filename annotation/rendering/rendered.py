"""What a model wrote, as safe HTML: the entry the pages use.

Markdown, formulas and code, through an allow-list; where that would be too long or too deep, the plain text, of
which a million characters are shown and the rest is counted.
Results are kept in a cache of this process, by the text's hash and RENDERER_VERSION, of at most MOST_ENTRIES
texts and MOST_CACHED_CHARACTERS of HTML (about 32 MB for Latin text), whichever is reached first; the least
recently used leaves. It is shared by threads.
"""

import hashlib
import html
from collections import OrderedDict
from threading import Lock

from annotation.rendering.invisible import label_invisible, show_nul, spell_invisible
from annotation.rendering.markdown import TooDeep, markdown_to_html
from annotation.rendering.sanitising import sanitise

RENDERER_VERSION = "2"  # raise it whenever the same source comes out differently
LONGEST_MARKDOWN = 30_000  # characters; a longer text is shown plainly
LONGEST_SHOWN = 1_000_000  # characters; a browser takes seconds to lay out more, and says nothing meanwhile
MOST_ENTRIES = 4_096
MOST_CACHED_CHARACTERS = 32_000_000


class RenderCache:
    """Least recently used HTML, bounded in entries and in characters; safe to share between threads."""

    def __init__(self, *, most_entries: int, most_characters: int) -> None:
        self._most_entries = most_entries
        self._most_characters = most_characters
        self._entries: OrderedDict[bytes, str] = OrderedDict()
        self._num_characters = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def num_characters(self) -> int:
        """The characters of HTML held now."""
        return self._num_characters

    def find(self, key: bytes) -> str | None:
        """The HTML kept under this key, which counts as used now, or None."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def keep(self, key: bytes, rendered: str) -> None:
        """Keep this HTML and drop what was not used for longest, until the bounds hold."""
        with self._lock:
            self._num_characters += len(rendered) - len(self._entries.pop(key, ""))
            self._entries[key] = rendered
            while len(self._entries) > self._most_entries or self._num_characters > self._most_characters:
                self._num_characters -= len(self._entries.popitem(last=False)[1])


_CACHE = RenderCache(most_entries=MOST_ENTRIES, most_characters=MOST_CACHED_CHARACTERS)


def render_markdown(source: str) -> str:
    """Safe HTML for a text that a model (or a prompt's author) wrote; never raises.

    The empty text gives the empty string; anything else shows something.
    """
    key = hashlib.sha256(f"{RENDERER_VERSION}\0{source}".encode(errors="surrogatepass")).digest()
    rendered = _CACHE.find(key)
    if rendered is None:
        rendered = _render(source)
        _CACHE.keep(key, rendered)
    return rendered


def render_step(source: str) -> str:
    """Safe HTML for one step: `render_markdown`, which copes with fragments (an unclosed fence, item 2 of a list)."""
    return render_markdown(source)


def _render(source: str) -> str:
    if not source:
        return ""
    text = show_nul(source)
    if text.isspace():
        return label_invisible(_show_white_space(text))
    if len(text) > LONGEST_MARKDOWN:
        return _plain_start(text)
    try:
        rendered = sanitise(markdown_to_html(text))
    except (TooDeep, RecursionError):
        rendered = _plain(text)
    # Marks that stand for nothing (an empty list item, a bare #) would leave an empty box.
    return label_invisible(rendered if _shows_something(rendered) else _plain(text))


def _plain(text: str) -> str:
    return f'<p class="plain-text" dir="auto">{html.escape(text)}</p>'


def _plain_start(text: str) -> str:
    """As much as a browser can show; codes are plain text here, since elements might be millions."""
    shown = _plain(spell_invisible(text[:LONGEST_SHOWN]))
    if len(text) <= LONGEST_SHOWN:
        return shown
    rest = f"… {len(text) - LONGEST_SHOWN:,} more characters are not shown here; the source has all of them."
    return f"{shown}{_plain(rest)}"


def _show_white_space(text: str) -> str:
    return _plain(
        text[:80]
        .replace("\r\n", "↵")
        .replace("\n", "↵")
        .replace("\r", "↵")
        .replace(" ", "␣")
        .replace("\t", "⇥")
    )


def _shows_something(rendered: str) -> bool:
    return "<hr" in rendered or any(part.partition(">")[2].strip() for part in rendered.split("<"))
