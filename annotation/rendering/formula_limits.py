"""Which formulas may reach the converter at all.

math-core is native code and recursive. Found by experiment with 0.9.0: about 400 nested groups overflow a 1
MB stack, which ends the whole process, no exception; each opening bracket that never closes doubles its time
(14 pairs of `( [` take 5 s); and a macro may expand to 16 MB. So nesting, unclosed brackets, commands and
length are bounded here, far above what a formula in a reasoning trace needs, and formulas that would hide or
define something are refused.
"""

import re

MOST_CHARACTERS = 4_000
MOST_COMMANDS = 500  # each may nest one level without a brace: \hat\hat\hat…
MOST_NESTED = 50
MOST_UNCLOSED = 6

# Definitions could expand without end; phantoms and anchors show nothing, and a rater must see all that is
# written.
_REFUSED = re.compile(
    r"\\(?:[gex]?def|let|(?:re|provide)?newcommand|renewcommand|providecommand|DeclareMathOperator|newenvironment"
    r"|[hv]?phantom|label|eq?ref|(?:html)?href|url|class|style|cssId)(?![A-Za-z])"
)
_TOKEN = re.compile(
    r"(?P<open>\\begin(?![A-Za-z])|\\left(?![A-Za-z])|(?<!\\)\{)"
    r"|(?P<close>\\end(?![A-Za-z])|\\right(?![A-Za-z])|(?<!\\)\})"
    r"|(?P<bracket>[(\[]|\\\{|\\l(?:brack|brace|paren|angle|floor|ceil|vert|Vert|group|moustache|Brack|Angle|brbrak)"
    r"|\\(?:langle|llbracket|ulcorner|llcorner|mathopen)|\\[bB]ig{1,2}l)(?![A-Za-z])"
    r"|(?P<unbracket>[)\]]|\\\}|\\r(?:brack|brace|paren|angle|floor|ceil|vert|Vert|group|moustache|Brack|Angle|brbrak)"
    r"|\\(?:rangle|rrbracket|urcorner|lrcorner|mathclose)|\\[bB]ig{1,2}r)(?![A-Za-z])"
    r"|(?P<cell>\\\\|&)|\\(?:[A-Za-z]+|.)",
    re.DOTALL,
)


def is_within_limits(latex: str) -> bool:
    """Whether the converter can take this formula in bounded time and stack, without hiding anything."""
    if len(latex) > MOST_CHARACTERS or latex.count("\\") > MOST_COMMANDS or _REFUSED.search(latex):
        return False
    deepest, unclosed = _measure(latex)
    return deepest <= MOST_NESTED and unclosed <= MOST_UNCLOSED


def _measure(latex: str) -> tuple[int, int]:
    """The deepest nesting, and how many brackets do not close inside their own group or table cell."""
    open_brackets = [0]  # one count for each open group
    deepest = unclosed = nested = 0
    for token in _TOKEN.finditer(latex):
        match token.lastgroup:
            case "open":
                open_brackets.append(0)
                nested += 1
            case "close":
                nested -= open_brackets[-1] + (len(open_brackets) > 1)
                unclosed += open_brackets.pop()
                open_brackets = open_brackets or [0]
            case "bracket":
                open_brackets[-1] += 1
                nested += 1
            case "unbracket" if open_brackets[-1]:
                open_brackets[-1] -= 1
                nested -= 1
            case "cell":
                nested -= open_brackets[-1]
                unclosed += open_brackets[-1]
                open_brackets[-1] = 0
        deepest = max(deepest, nested)
    return deepest, unclosed + sum(open_brackets)
