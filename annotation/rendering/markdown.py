"""Markdown to HTML, made for reading what a model wrote, a fragment at a time.

CommonMark with tables and strikethrough, with these differences, each so that a rater sees everything that
was written: - HTML, entities and link definitions are text; links and images show their text and their
address, and lead nowhere. - A line break is a line break. Indented text is a paragraph (a step may be the
inside of a list), a line above --- no heading. - Headings are paragraphs with a class: the page's own outline
stays its own. - Blocks carry `dir="auto"`, code and formulas read from left to right.
"""

import html
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from annotation.rendering.formulas import render_formula
from annotation.rendering.highlighting import highlight_code
from annotation.rendering.math_syntax import add_mathematics

DEEPEST_NESTING = 60  # blocks and phrases inside each other; markdown-it drops what is deeper

Environment = MutableMapping[str, Any]
RenderRule = Callable[[RendererHTML, Sequence[Token], int, OptionsDict, Environment], str]

_DIRECTED = {"paragraph_open", "blockquote_open", "list_item_open", "th_open", "td_open"}


class TooDeep(ValueError):
    """The text nests deeper than we follow; part of it would be lost."""


def markdown_to_html(source: str) -> str:
    """HTML that still has to be sanitised. Raises TooDeep, or RecursionError from the parser."""
    tokens = _MARKDOWN.parse(source)
    if any(token.level >= DEEPEST_NESTING - 1 for token in tokens):
        raise TooDeep
    for token in tokens:
        _adapt(token)
    return str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))


def _adapt(token: Token) -> None:
    """Directions, and classes in place of heading levels and alignment styles."""
    if token.type in _DIRECTED:
        token.attrSet("dir", "auto")
    if token.type in ("heading_open", "heading_close"):
        level = token.tag[1:]
        token.tag = "p"
        if token.nesting == 1:
            token.attrs = {"class": f"heading heading-{level}", "dir": "auto"}
    style = token.attrs.pop("style", None)
    if isinstance(style, str):
        token.attrSet("class", style.replace("text-align:", "to-"))


def _formula(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: Environment
) -> str:
    token = tokens[at]
    return render_formula(token.content, is_display=token.info == "display", source=token.markup)


def _formula_block(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: Environment
) -> str:
    return f'<div class="formula-box" tabindex="0">{_formula(renderer, tokens, at, options, env)}</div>\n'


def _code(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: Environment
) -> str:
    return f'<code dir="ltr">{html.escape(tokens[at].content)}</code>'


def _fence(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: Environment
) -> str:
    """The whole info string is shown: a model could otherwise hide text in it."""
    info = tokens[at].info.strip()
    label = f'<span class="code-language" dir="auto">{html.escape(info)}</span>\n' if info else ""
    code = highlight_code(tokens[at].content, info.split()[0] if info else "")
    return f'<div class="code-box" dir="ltr">{label}<pre><code>{code}</code></pre></div>\n'


def _link_close(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: Environment
) -> str:
    """The address behind a link's text, as text; nothing where the text already is the address."""
    opener = max(before for before in range(at) if tokens[before].type == "link_open")
    text = "".join(token.content for token in tokens[opener + 1 : at])
    address, title = str(tokens[opener].attrs.get("href", "")), str(tokens[opener].attrs.get("title", ""))
    if text == address and not title:
        return ""
    return _address(address, title)


def _link_open(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: Environment
) -> str:
    return ""


def _image(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: Environment
) -> str:
    token = tokens[at]
    text = f'<span class="image-text">{html.escape(token.content)}</span>' if token.content else ""
    return text + _address(str(token.attrs.get("src", "")), str(token.attrs.get("title", "")))


def _address(address: str, title: str) -> str:
    shown = html.escape(f'{address} "{title}"' if title else address)
    return f' <span class="address" dir="ltr">({shown})</span>'


def _table_open(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: Environment
) -> str:
    return '<div class="table-box" tabindex="0"><table>\n'


def _table_close(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: Environment
) -> str:
    return "</table></div>\n"


_RULES: dict[str, RenderRule] = {
    "formula": _formula,
    "formula_block": _formula_block,
    "code_inline": _code,
    "fence": _fence,
    "link_open": _link_open,
    "link_close": _link_close,
    "image": _image,
    "table_open": _table_open,
    "table_close": _table_close,
}


def _make_markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": DEEPEST_NESTING})
    markdown.enable(["table", "strikethrough"])
    markdown.disable(["code", "lheading", "reference", "entity", "html_block", "html_inline"])
    # markdown-it refuses javascript: addresses and turns the link into text; here no address is ever
    # followed, so all may show.
    markdown.validateLink = lambda url: True  # type: ignore[method-assign]
    markdown.normalizeLink = lambda url: url  # type: ignore[method-assign]
    add_mathematics(markdown)
    for name, rule in _RULES.items():
        markdown.add_render_rule(name, rule)
    return markdown


_MARKDOWN = _make_markdown()
