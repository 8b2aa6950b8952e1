"""Numbers in Arabic pages, written as in the mathematics beside them.

Models write 3.5, and a number in a page may be sent back by a form or read by a script: a decimal comma would be
misread there.
"""

DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
