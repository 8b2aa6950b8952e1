"""Which texts are blank, as Python's `strip` has it, for columns of texts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_NO_SPACE = r"[!-~]|[^\x00-\x7f\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"


def may_be_blank(texts: pa.Array) -> pa.Array:
    """Whether a text holds nothing that surely is no white space: true of every blank one, and of few others."""
    return pc.invert(pc.match_substring_regex(texts, _NO_SPACE))


def find_blank(texts: pa.Array) -> npt.NDArray[np.bool_]:
    """Whether each text is blank; one that is missing is not."""
    found: npt.NDArray[np.bool_] = may_be_blank(texts).fill_null(False).to_numpy(zero_copy_only=False).copy()
    for place in np.flatnonzero(found).tolist():
        found[place] = not texts[place].as_py().strip()
    return found
