"""Counts what goes into each config and what does not, and why: for the preview, the manifest and the loss report."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from exports.formats.dataset import Row
from exports.labels import BAD, GOOD, MASKED, REASONS, LeftOut
from exports.manifest import ConfigCounts

_LABEL_NAMES = {GOOD: str(GOOD), BAD: str(BAD), MASKED: str(MASKED)}
"""Labels as the manifest names them."""
_Counted = tuple[Counter[str], str, Callable[[Any], str]]
"""Where a column's values are counted, its name, and how the manifest spells them."""
_BOOLEAN_NAMES = {True: "true", False: "false"}


@dataclass(slots=True)
class ConfigTally:
    """One config's counts."""

    rows: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    provenance: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    chosen_length: int = 0
    rejected_length: int = 0

    @property
    def num_rows(self) -> int:
        return self.rows.total()

    @property
    def num_masked(self) -> int:
        return self.labels[str(MASKED)]

    @property
    def num_dropped(self) -> int:
        return self.dropped.total()

    def add(self, row: Row, split: str) -> None:
        self.rows[split] += 1
        if "labels" in row:
            self.labels.update(map(_LABEL_NAMES.__getitem__, row["labels"]))
        elif "label" in row:
            self.labels[_BOOLEAN_NAMES[row["label"]]] += 1
        if "provenance" in row:
            self.provenance[row["provenance"]] += 1

    def add_table(self, table: pa.Table, split: str) -> None:
        self.rows[split] += len(table)
        columns: list[_Counted] = [(self.provenance, "provenance", str)]
        if "labels" in table.column_names:
            columns.append((self.labels, "labels", str))
        if "label" in table.column_names:
            columns.append((self.labels, "label", _BOOLEAN_NAMES.__getitem__))
        for counts, name, spell in columns:
            values = table[name].combine_chunks()
            values = values.flatten() if pa.types.is_list(values.type) else values
            for counted in pc.value_counts(values).to_pylist():
                counts[spell(counted["values"])] += counted["counts"]

    def add_lengths(self, chosen: pa.Array, rejected: pa.Array) -> None:
        """Counts the characters of pairs."""
        self.chosen_length += pc.sum(pc.utf8_length(chosen)).as_py()
        self.rejected_length += pc.sum(pc.utf8_length(rejected)).as_py()

    def drop(self, why: LeftOut) -> None:
        self.dropped[why.reason] += 1

    def counts(self) -> ConfigCounts:
        return ConfigCounts(
            rows=dict(sorted(self.rows.items())),
            labels=dict(sorted(self.labels.items())),
            provenance=dict(sorted(self.provenance.items())),
        )

    def explain_emptiness(self) -> str:
        """Why there is no row, in one sentence."""
        if not self.dropped:
            return "There was nothing to make a row of."
        reason, num = self.dropped.most_common(1)[0]
        return f"All {self.num_dropped} were left out; {num} of them because {REASONS[reason]}."


def new_tallies() -> defaultdict[str, ConfigTally]:
    """A tally for every config asked of it."""
    return defaultdict(ConfigTally)
