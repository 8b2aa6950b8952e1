"""Counting what is taken and what is not."""

from __future__ import annotations

import pyarrow as pa

from exports.labels import LeftOut
from exports.tally import new_tallies


def test_rows_are_counted_by_split_label_and_provenance() -> None:
    tally = new_tallies()["stepwise"]

    tally.add({"labels": [1, 0, -100], "provenance": "human"}, "train")
    tally.add({"labels": [1], "provenance": "gold"}, "test")

    assert tally.counts() == {
        "rows": {"test": 1, "train": 1},
        "labels": {"-100": 1, "0": 1, "1": 2},
        "provenance": {"gold": 1, "human": 1},
    }
    assert (tally.num_rows, tally.num_masked) == (2, 1)


def test_a_single_label_is_counted_as_a_word() -> None:
    tally = new_tallies()["unpaired_preference"]

    tally.add({"label": True, "provenance": "human"}, "train")
    tally.add({"label": False, "provenance": "human"}, "train")

    assert tally.counts()["labels"] == {"false": 1, "true": 1}


def test_rows_without_labels_or_provenance_are_rows_all_the_same() -> None:
    tally = new_tallies()["prompts"]

    tally.add({"prompt": "Q"}, "train")

    assert tally.counts() == {"rows": {"train": 1}, "labels": {}, "provenance": {}}


def test_emptiness_is_explained_by_its_main_reason() -> None:
    tally = new_tallies()["sft"]
    assert tally.explain_emptiness() == "There was nothing to make a row of."

    for reason in ("not_sure_enough", "gold", "not_sure_enough"):
        tally.drop(LeftOut(reason))

    assert tally.explain_emptiness() == (
        "All 3 were left out; 2 of them because P(trace) is below the threshold for SFT."
    )


def test_each_config_has_its_own_counts() -> None:
    tallies = new_tallies()
    tallies["sft"].drop(LeftOut("gold"))

    assert (tallies["sft"].num_dropped, tallies["stepwise"].num_dropped) == (1, 0)


def test_columns_are_counted_like_rows() -> None:
    rows = [{"labels": [1, 0, -100], "provenance": "human"}, {"labels": [1], "provenance": "gold"}]
    single = [{"label": True, "provenance": "human"}, {"label": False, "provenance": "human"}]
    for named, given in (("stepwise", rows), ("unpaired_preference", single)):
        by_row, by_column = new_tallies()[named], new_tallies()[named]
        for row in given:
            by_row.add(row, "train")

        by_column.add_table(pa.Table.from_pylist(given), "train")

        assert by_column.counts() == by_row.counts()


def test_lengths_are_counted_in_characters() -> None:
    tally = new_tallies()["preference"]

    tally.add_lengths(pa.array(["日本", "ab"]), pa.array(["x", ""]))

    assert (tally.chosen_length, tally.rejected_length) == (4, 1)
