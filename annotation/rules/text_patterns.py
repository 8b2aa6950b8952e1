"""The regular expressions by which segmenters recognise what a line opens with.

Quantifiers are possessive (`*+`) or bounded wherever backtracking could cost more than one pass, because a
single line may be a megabyte long. `\\d` matches the digits of every script, so "Step ٣:" and "१." count.
"""

import re

# U+2028 and U+2029 are line ends in Unicode; form feed and vertical tab are not where a reader sees a new
# line.
LINE_END = re.compile(r"\r\n|[\n\r\u2028\u2029]")

OPENING_FENCE = re.compile(r"[ \t]{0,12}(?P<fence>`{3,}+(?![^\r\n]*`)|~{3,}+)")
CLOSING_FENCE = re.compile(r"[ \t]{0,12}(?P<fence>`{3,}+|~{3,}+)[ \t]*+(?:\r?\n|\r|[\u2028\u2029]|\Z)")

# A doubled backslash is matched first, so that a matrix's `\\[2pt]` opens nothing.
MATH_TOKEN = re.compile(
    r"\\\\|\\\$|\$\$|\\\[|\\\]|\\begin\{(?P<begin>[A-Za-z]{1,20}\*?)\}|\\end\{(?P<end>[A-Za-z]{1,20}\*?)\}"
)
BLOCK_OPENING = re.compile(r"[ \t]*+(?:\$\$|\\\[|\\begin\{|`{3}|~{3})")
TABLE_ROW = re.compile(r"[ \t]*+\|")

# English first; the others because models reason in them. Chinese puts its number inside: 第2步.
_STEP_WORD = (
    r"step|étape|etape|paso|passo|schritt|stap|krok|adım|шаг|крок|(?:ال)?خطوة|שלב|चरण|ধাপ|bước|langkah|步骤|步驟"
    r"|ステップ|단계"
)
STEP_HEADING = re.compile(
    rf"[ \t]*+(?:>[ \t]?)?(?:\#{{1,6}}[ \t]*+)?(?:[-*+][ \t]++)?[*_\[(]{{0,3}}"
    rf"(?:(?:{_STEP_WORD})[ \t\u00a0]*+\#?\d{{1,4}}(?:\.\d{{1,3}})*+|第[ \t]*+[\d一二三四五六七八九十]{{1,4}}[ \t]*+步)"
    rf"(?:[ \t]*+[*_\])]{{0,3}}[ \t]*+(?:[:：.)、,،—–-]|[\r\n\u2028\u2029]|\Z)|[*_]{{1,3}}|[ \t]*+\()",
    re.IGNORECASE,
)
MARKDOWN_HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]++\S")
# "Final answer: 5", "**Answer:** 5", "The final answer is 5", GSM8K's "A: 5" and "#### 5".
ANSWER_LINE = re.compile(
    r"[ \t]*+(?:\#{1,6}[ \t]++)?[*_]{0,3}(?:(?:(?:so|therefore|thus),? )?(?:the )?(?:final )?answer\b)"
    r"|[ \t]*+[*_]{0,3}(?:conclusion\b|a:)|[ \t]*+\#{4} \S",
    re.IGNORECASE,
)

# At most three digits, so that a year that ends a sentence is no item; a space must follow (but not after 、
# or ）), so that 3.5 is none either.
NUMBERED_ITEM = re.compile(
    r"[ \t]*+(?:>[ \t]?)?[*_]{0,3}(?P<open>\(?)(?P<number>\d{1,3})(?P<close>[.)](?=[ \t\r\n*_]|\Z)|[、）])"
)
BULLET_ITEM = re.compile(r"[ \t]*+(?P<marker>[-*+•‣◦▪●–])[ \t]++(?=\S)")
RULE_LINE = re.compile(r"[ \t]*+([-*_=])(?:[ \t]*+\1){2,}+[ \t]*+(?:\r?\n|\r|[\u2028\u2029]|\Z)")
BOLD_LINE = re.compile(
    r"[ \t]*+(?:\d{1,3}[.)][ \t]++)?(\*\*|__)(?![*_])[^*_=.?!$\r\n]{1,80}\1[:：]?[ \t]*+[\r\n]*+\Z"
)

OPENING_TAG = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
CLOSING_TAG = re.compile(r"[ \t]*+</think(?:ing)?>", re.IGNORECASE)
THINK_TAG = re.compile(r"<(?P<slash>/?)think(?:ing)?>", re.IGNORECASE)
