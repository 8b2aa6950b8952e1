"""Rows that fit whole are kept, the others are counted; texts and messages are measured as the trainer reads them."""

import pyarrow as pa
import pytest

from rl_bridge import runs
from rl_bridge.training.rows import keep_fitting
from tests.rl_bridge import tiny
from tests.rl_bridge.export_folders import MESSAGES


def test_a_row_exactly_at_the_limit_is_kept() -> None:
    table = pa.table({"prompt": ["12345"] * 2, "completion": ["6789", "67890"]})

    kept, words = keep_fitting(table, tiny.build_tokenizer(), answers=["completion"], limit=10, split="train")

    # One token a byte, and one that closes the text.
    assert kept["completion"].to_pylist() == ["6789"]
    assert words == ("1 of 2 train rows left out: they exceed 10 tokens (the longest has 11).",)


def test_the_longer_of_two_answers_decides() -> None:
    table = pa.table({"prompt": ["p", "p"], "chosen": ["a", "a"], "rejected": ["b", "b" * 30]})

    kept, _ = keep_fitting(
        table, tiny.build_tokenizer(), answers=["chosen", "rejected"], limit=20, split="train"
    )

    assert kept.num_rows == 1


def test_messages_are_measured_in_their_template() -> None:
    said = pa.array([[{"role": "user", "content": "hi"}]], MESSAGES)
    told = pa.array([[{"role": "assistant", "content": "ho"}]], MESSAGES)
    table = pa.table({"prompt": said, "completion": told})
    tokenizer = tiny.build_tokenizer()
    length = len(
        tokenizer(
            tokenizer.apply_chat_template([*said[0].as_py(), *told[0].as_py()], tokenize=False)
        ).input_ids
    )

    for limit, fits in ((length + 1, True), (length, False)):
        try:
            kept, _ = keep_fitting(table, tokenizer, answers=["completion"], limit=limit, split="train")
        except runs.NothingToTrainOn:
            assert not fits
        else:
            assert (kept.num_rows, fits) == (1, True)


def test_messages_of_a_model_without_a_template_are_their_contents() -> None:
    said = pa.array([[{"role": "user", "content": "hi"}]], MESSAGES)
    table = pa.table({"prompt": said, "completion": said})
    plain = tiny.build_tokenizer()
    plain.chat_template = None

    kept, words = keep_fitting(table, plain, answers=["completion"], limit=6, split="train")

    assert (kept.num_rows, words) == (1, ())


def test_nothing_left_is_an_error_that_says_how_long_rows_are() -> None:
    table = pa.table({"prompt": ["p"], "completion": ["c" * 50]})

    with pytest.raises(runs.NothingToTrainOn, match=r"1 of 1 test rows left out: .* \(the longest has 52\)"):
        keep_fitting(table, tiny.build_tokenizer(), answers=["completion"], limit=9, split="test")
