r"""A formula's LaTeX to MathML Core that a strict Content-Security-Policy accepts, or else to its source.

math-core converts; what it leaves to do here: its inline styles become classes (`static/css/rendered.css`
holds the rules), HTML inside `<mtext>` becomes a class, and LaTeX as models write it is brought into a form
that shows everything: an unescaped percent sign is a percent sign and no comment, a line break outside an
environment breaks the line, environments are not numbered, and colours are dropped, since white on white
would hide text.
"""

import html
import re

from math_core import LatexError, LatexToMathML

from annotation.rendering.formula_limits import is_within_limits

WIDEST_SPACE_EM = 20.0
FURTHEST_BACK_EM = 3.0  # of all negative spaces together: text pulled back would cover what stands before it

_CONVERTER = LatexToMathML(
    macros={
        "mbox": r"\text{#1}",
        "hbox": r"\text{#1}",
        "nicefrac": r"{#1}/{#2}",
        "substack": r"\begin{gathered}#1\end{gathered}",
    },
    allow_unreliable_rendering=True,  # a tilde that is a little too short beats the source
    fancy_error=False,
    max_expansions=100,
)

_STYLE_CLASSES = {
    "text-align: right": "to-right",
    "text-align: left": "to-left",
    "padding-right: 0": "flush-right",
    "padding-left: 0": "flush-left",
    "padding-left: 1em": "gap-left",
    "padding-left: 0.1em": "tight",
    "padding-top: 0.1667em": "gap-top",
    "padding-top: 0": "tight-top",
    "width: 100%": "full-width",
    "width: 50%": "half-width",
    "width: 7.5%": "margin-width",
    "math-shift: compact": "compact",
    "margin-left: -0.16666667em": "negative-space",
    **{
        f"border-{side}: 0.05em {line} currentcolor": f"{line}-{side}"
        for side in ("left", "right", "top", "bottom")
        for line in ("solid", "dashed")
    },
}
MATH_CLASSES = frozenset(_STYLE_CLASSES.values()) | {
    "text-bold",
    "text-italic",
    "text-code",
    "text-small-caps",
    "text-underlined",
    "text-struck",
    "menclose-updiagonalstrike",
    "menclose-downdiagonalstrike",
    "menclose-phasorangle",
}
_TEXT_CLASSES = {
    "b": "text-bold",
    "i": "text-italic",
    "em": "text-italic",
    "code": "text-code",
    "u": "text-underlined",
    "s": "text-struck",
    "span": "text-small-caps",
}

_STYLE = re.compile(r' style="([^"]*)"')
_TEXT_ELEMENT = re.compile(r"<mtext><(b|i|em|code|u|s)>|<mtext><(span) style=\"font-variant-caps")
_HTML_ELEMENT = re.compile(r"</?(?:b|i|em|code|u|s|span|a)(?: [^>]*)?>")
_SPACE_WIDTH = re.compile(r'(?:width="|margin-left:)(-?[\d.]+)em')
_EMPTY_LAST_ROW = re.compile(r'<mtr><mtd class="(?:solid|dashed)-top[^"]*"></mtd></mtr></mtable>')
_TAG = re.compile(r"<[^>]*>")

_PERCENT = re.compile(r"(\\.)|%", re.DOTALL)
_NUMBERED = re.compile(r"\\(begin|end)\{(align|equation|gather|multline|alignat|flalign|eqnarray)\}")
_ALIASES = {"split": "aligned", "smallmatrix": "matrix", "subarray": "array"}
_ALIAS = re.compile(r"\\(begin|end)\{(split|smallmatrix|subarray)\}")
_TEXT_WITH_MATH = re.compile(r"\\text\{([^{}$]*(?:\$[^{}$]*\$[^{}$]*)++)\}")
_ROW_TOKEN = re.compile(r"\\begin\b|\\end\b|\\\\|\\.|[&{}]", re.DOTALL)


def render_formula(latex: str, *, is_display: bool, source: str) -> str:
    """MathML for a formula, or `source` (with its delimiters, as the model wrote it) in `<code class="math-source">`.

    The result still goes through the sanitiser. Never raises and never comes back empty.
    """
    mathml = _convert(latex, is_display=is_display) if is_within_limits(latex) else None
    return render_math_source(source) if mathml is None else mathml


def render_math_source(source: str) -> str:
    """The LaTeX itself, escaped."""
    return f'<code class="math-source">{html.escape(source)}</code>'


def _convert(latex: str, *, is_display: bool) -> str | None:
    """MathML with classes for styles; None where the formula is not supported, shows nothing, or spreads too far."""
    try:
        mathml = _CONVERTER.convert_with_local_state(
            _normalise(latex, is_display=is_display), displaystyle=is_display
        )
    except LatexError:
        return None
    widths = [float(width) for width in _SPACE_WIDTH.findall(mathml)]
    if max(widths, default=0.0) > WIDEST_SPACE_EM or -sum(w for w in widths if w < 0) > FURTHEST_BACK_EM:
        return None
    if not _TAG.sub("", mathml).strip():
        return None
    return _with_classes(mathml)


def _normalise(latex: str, *, is_display: bool) -> str:
    latex = _PERCENT.sub(lambda found: found[1] or r"\%", latex.strip())
    if r"\tag" not in latex:
        latex = _NUMBERED.sub(r"\\\1{\2*}", latex)
    latex = _ALIAS.sub(lambda found: rf"\{found[1]}{{{_ALIASES[found[2]]}}}", latex)
    latex = _TEXT_WITH_MATH.sub(_split_text, latex)
    return _wrap_rows(latex) if is_display else latex


def _split_text(found: re.Match[str]) -> str:
    r"""`\text{if $x$ holds}` as `\text{if }x\text{ holds}`, since the converter has no mathematics inside text."""
    parts = found[1].split("$")
    return "".join(f"{{{part}}}" if at % 2 else rf"\text{{{part}}}" for at, part in enumerate(parts) if part)


def _wrap_rows(latex: str) -> str:
    """Line breaks at the top level, which LaTeX wants inside an environment, get one."""
    depth = 0
    has_rows = has_cells = False
    for token in _ROW_TOKEN.findall(latex):
        if token in (r"\begin", "{"):
            depth += 1
        elif token in (r"\end", "}"):
            depth -= 1
        elif depth == 0:
            has_rows = has_rows or token == r"\\"
            has_cells = has_cells or token == "&"
    if not has_rows and not has_cells:
        return latex
    environment = "aligned" if has_cells else "gathered"
    return rf"\begin{{{environment}}}{latex}\end{{{environment}}}"


def _with_classes(mathml: str) -> str:
    # Text is escaped in the converter's output, so whatever looks like a tag here is its own markup.
    mathml = _TEXT_ELEMENT.sub(lambda found: f'<mtext class="{_TEXT_CLASSES[found[1] or found[2]]}">', mathml)
    mathml = _STYLE.sub(_class_for_style, _HTML_ELEMENT.sub("", mathml))
    # The combining arrow is drawn beside its letter, the arrow proper above it.
    return _close_table(mathml.replace(">\u20d7</mo>", ">\u2192</mo>"))


def _close_table(mathml: str) -> str:
    """A final \\hline arrives as an empty last row; it becomes the lower border, where there is just one table."""
    if mathml.count("<mtable") != 1 or not _EMPTY_LAST_ROW.search(mathml):
        return mathml
    mathml = _EMPTY_LAST_ROW.sub("</mtable>", mathml)
    if 'class="' in mathml[mathml.index("<mtable") : mathml.index("<mtr")]:
        return re.sub(r'(<mtable[^>]* class=")', r"\1solid-bottom ", mathml, count=1)
    return mathml.replace("<mtable", '<mtable class="solid-bottom"', 1)


def _class_for_style(found: re.Match[str]) -> str:
    declarations = (re.sub(r"\s*:\s*", ": ", part.strip()) for part in found[1].split(";"))
    classes = [_STYLE_CLASSES[declaration] for declaration in declarations if declaration in _STYLE_CLASSES]
    return f' class="{" ".join(classes)}"' if classes else ""
