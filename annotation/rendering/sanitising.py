"""The last word on what reaches a rater's browser: an allow-list of elements, attributes and classes.

Nothing on it navigates, loads, runs, styles or names anything: no links, images, SVG, forms, `style`, `id` or
`name`. The renderer never writes those either; this holds even where the renderer, or a library below it, is
wrong.
"""

import nh3

from annotation.rendering.formulas import MATH_CLASSES
from annotation.rendering.highlighting import HIGHLIGHT_CLASSES

_BLOCKS = {
    "p",
    "div",
    "blockquote",
    "ul",
    "ol",
    "li",
    "pre",
    "hr",
    "br",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
}
_PHRASES = {"code", "em", "strong", "s", "span"}
_MATH = {
    "math",
    "mrow",
    "mi",
    "mn",
    "mo",
    "mtext",
    "mspace",
    "mfrac",
    "msqrt",
    "mroot",
    "mpadded",
    "menclose",
}
_MATH |= {"msub", "msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts", "mprescripts"}
_MATH |= {"mtable", "mtr", "mtd"}
_LAYOUT = {"displaystyle", "scriptlevel"}
_MATH_ATTRIBUTES = {
    "math": {"display"},
    "menclose": {"notation"},
    "mfrac": {"linethickness"} | _LAYOUT,
    "mi": {"mathvariant"},
    "mo": {
        "form",
        "largeop",
        "lspace",
        "maxsize",
        "minsize",
        "movablelimits",
        "rspace",
        "stretchy",
        "symmetric",
    },
    "mover": {"accent"},
    "mrow": _LAYOUT,
    "mspace": {"width"},
    "mtable": _LAYOUT,
    "munder": {"accentunder"},
    "munderover": {"accent", "accentunder"},
}
_DIRECTED = ("p", "div", "blockquote", "li", "th", "td", "code", "span")
_ATTRIBUTE_VALUES = {tag: {"dir": {"auto", "ltr"}} for tag in _DIRECTED} | {
    "div": {"dir": {"auto", "ltr"}, "tabindex": {"0"}},
}
_OWN_CLASSES = {
    "p": {"heading", *(f"heading-{level}" for level in range(1, 7)), "plain-text"},
    "div": {"table-box", "code-box", "formula-box"},
    "span": {"address", "code-language", "image-text", "invisible-character"},
    "code": {"math-source"},
    "th": {"to-left", "to-center", "to-right"},
    "td": {"to-left", "to-center", "to-right"},
}
_CLASSES = (
    _OWN_CLASSES
    | {tag: set(MATH_CLASSES) for tag in _MATH}
    | {"span": _OWN_CLASSES["span"] | set(HIGHLIGHT_CLASSES)}
)

_CLEANER = nh3.Cleaner(
    tags=_BLOCKS | _PHRASES | _MATH,
    clean_content_tags={"script", "style"},
    attributes={"ol": {"start"}, **_MATH_ATTRIBUTES},
    tag_attribute_values=_ATTRIBUTE_VALUES,
    allowed_classes=_CLASSES,
    generic_attribute_prefixes=set(),
    url_schemes=set(),
    link_rel=None,
)


def sanitise(unsafe_html: str) -> str:
    """HTML with nothing but what is on the list."""
    return _CLEANER.clean(unsafe_html)
