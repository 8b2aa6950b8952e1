"""Which formulas may reach the converter at all.

math-core is native code and recursive. Found by experiment with 0.9.0: about 400 nested groups overflow a 1
MB stack, which ends the whole process, no exception; each opening bracket that never closes doubles its time
(14 pairs of `( [` take 5 s); and a macro may expand to 16 MB; some commands in a row without braces
(`\\pmod\\xrightarrow…`) double it too. So nesting, unclosed brackets, commands and length are bounded here,
far above what a formula in a reasoning trace needs, and formulas that would hide or define something are
refused.
"""

import re

MOST_CHARACTERS = 4_000
MOST_COMMANDS = 500
MOST_NESTED = 20
MOST_UNCLOSED = 10
LONGEST_CHAIN = 12  # commands in a row, each perhaps the argument of the one before: \hat\hat\hat…

# Definitions could expand without end; phantoms and anchors show nothing, and a rater must see all that is
# written. Macros, the converter's own (\pmod) and ours, want their argument in braces: what follows them bare
# is read again at each level.
_REFUSED = re.compile(
    r"\\(?:[gex]?def|let|(?:re|provide)?newcommand|renewcommand|providecommand|DeclareMathOperator|newenvironment"
    r"|[hv]?phantom|label|eq?ref|(?:html)?href|url|class|style|cssId)(?![A-Za-z])"
    r"|\\(?:p?mod|pod|mbox|hbox|nicefrac|substack)(?![A-Za-z])(?!\s*[{\w])"
)
_DELIMITER = r"\s*(?:\\[A-Za-z]+|\\.|.)"
_FENCES = "brack|brace|paren|angle|floor|ceil|vert|Vert|group|moustache|Brack|Angle|brbrak"
_CORNERS = "llbracket|ulcorner|llcorner"
_TOKEN = re.compile(
    rf"(?P<open>\\begin(?![A-Za-z])|\\left(?![A-Za-z]){_DELIMITER}|\{{)"
    rf"|(?P<close>\\end(?![A-Za-z])|\\right(?![A-Za-z]){_DELIMITER}|\}})"
    rf"|(?P<bracket>\\[bB]ig{{1,2}}l(?![A-Za-z]){_DELIMITER}|\\mathopen(?![A-Za-z]){_DELIMITER}"
    rf"|[(\[]|\\\{{|\\(?:l(?:{_FENCES})|{_CORNERS})(?![A-Za-z]))"
    rf"|(?P<unbracket>\\[bB]ig{{1,2}}r(?![A-Za-z]){_DELIMITER}|\\mathclose(?![A-Za-z]){_DELIMITER}"
    rf"|[)\]]|\\\}}|\\(?:r(?:{_FENCES})|rrbracket|urcorner|lrcorner)(?![A-Za-z]))"
    r"|(?P<cell>\\\\|&)|\\(?:[A-Za-z]+|.)",
    re.DOTALL,
)
# The first argument of a command with two, where the second is another command.
_FIRST_ARGUMENT = re.compile(
    r"(\\(?:[dtc]?frac|[dt]?binom|overset|underset|stackrel|textcolor|color|sqrt|x[a-zA-Z]*arrow)\s*)"
    r"(?:\{[^{}]*\}|\[[^\[\]]*\]|[^\\{\s])\s*(?=\\)"
)
_CHAIN = re.compile(rf"(?:\\[A-Za-z]++\s*+){{{LONGEST_CHAIN + 1}}}")
_CLOSES = {")": "(", "]": "[", r"\}": r"\{"}


def is_within_limits(latex: str) -> bool:
    """Whether the converter can take this formula in bounded time and stack, without hiding anything."""
    if len(latex) > MOST_CHARACTERS or latex.count("\\") > MOST_COMMANDS or _REFUSED.search(latex):
        return False
    if _CHAIN.search(_FIRST_ARGUMENT.sub(r"\1", latex)):
        return False
    deepest, unclosed = _measure(latex)
    return deepest <= MOST_NESTED and unclosed <= MOST_UNCLOSED


def _measure(latex: str) -> tuple[int, int]:
    """The deepest nesting, and how many brackets do not close inside their own group or table cell.

    A bracket counts as closed only by its own counterpart, and only while it is the innermost: rather one too
    many.
    """
    groups: list[list[str]] = [[]]  # the brackets open in each open group
    deepest = unclosed = nested = 0
    for token in _TOKEN.finditer(latex):
        brackets = groups[-1]
        match token.lastgroup:
            case "open":
                groups.append([])
                nested += 1
            case "close" if len(groups) > 1:
                nested -= 1 + len(brackets)
                unclosed += len(brackets)
                groups.pop()
            case "bracket":
                brackets.append(_shape(token.group()))
                nested += 1
            case "unbracket" if brackets and brackets[-1] == _shape(token.group()):
                brackets.pop()
                nested -= 1
            case "cell":
                nested -= len(brackets)
                unclosed += len(brackets)
                brackets.clear()
        deepest = max(deepest, nested)
    return deepest, unclosed + sum(map(len, groups))


def _shape(bracket: str) -> str:
    r"""One name for a bracket and its counterpart: `(`, `angle` for `\langle` and `\rangle`, `big` for `\bigl(`."""
    if "ig" in bracket:
        return "big"
    if bracket.startswith(r"\math"):
        return "math"
    if bracket in _CLOSES:
        return _CLOSES[bracket]
    return bracket[2:] if bracket[:1] == "\\" and bracket[1:].isalpha() else bracket
