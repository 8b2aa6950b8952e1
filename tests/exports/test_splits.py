"""Splits: by prompt, near-duplicates together, the same in any order."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.policy import SPLITS, ExportPolicy
from exports.splits import assign_splits, draw_alone, read_words, sign_words

WORDS = [
    "apple", "train", "river", "price", "garden", "clock", "seven", "market", "window", "letter", "bridge", "total",
    "hour", "farmer", "basket", "child", "table", "music", "paper", "stone", "winter", "ticket", "boat", "engine",
]  # fmt: skip
texts = st.lists(st.sampled_from(WORDS), min_size=6, max_size=25).map(" ".join)
many_texts = st.lists(
    st.tuples(texts, st.integers(0, 99)).map(lambda t: f"{t[0]} {t[1]}"), min_size=1, max_size=25
)
POLICY = ExportPolicy(validation_share=0.3, test_share=0.3)


def split(prompts: list[str], policy: ExportPolicy = POLICY) -> list[str]:
    found = assign_splits(enumerate(prompts), policy).by_prompt
    return [found[place] for place in range(len(prompts))]


def blur(text: str, how: int) -> str:
    """The same problem as people paste it twice."""
    return [text.upper(), f"  {text}!  ", text.replace(" ", "  \n"), f"{text}?", text.replace(" ", ", ")][
        how % 5
    ]


@given(many_texts, st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_near_duplicates_share_a_split(prompts: list[str], how: int) -> None:
    found = split([*prompts, *(blur(prompt, how) for prompt in prompts)])

    assert found[: len(prompts)] == found[len(prompts) :]


@given(many_texts, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_prompts_changes_nothing(prompts: list[str], chance: random.Random) -> None:
    rows = list(enumerate(prompts))
    shuffled = list(rows)
    chance.shuffle(shuffled)

    assert assign_splits(rows, POLICY) == assign_splits(shuffled, POLICY)


@given(many_texts)
@settings(max_examples=40, deadline=None)
def test_every_prompt_has_exactly_one_split(prompts: list[str]) -> None:
    found = assign_splits(enumerate(prompts), POLICY)

    assert set(found.by_prompt) == set(range(len(prompts)))
    assert set(found.by_prompt.values()) <= set(SPLITS)
    assert 1 <= found.num_clusters <= len(prompts)


def test_a_reworded_prompt_stays_with_the_first() -> None:
    first = "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May."
    second = (
        "Natalia sold clips to 48 of her friends in April, and then she sold half as many of them in May."
    )

    assert assign_splits([(1, first), (2, second)], POLICY).num_clusters == 1


def test_other_numbers_make_another_problem_unless_the_policy_says_otherwise() -> None:
    prompts = [(number, f"What is {number} + {number + 7} in total?") for number in range(40)]

    assert assign_splits(prompts, POLICY).num_clusters == 40
    one = assign_splits(prompts, ExportPolicy(near_duplicates="any_numbers"))
    assert (one.num_clusters, one.largest_cluster) == (1, 40)


def test_another_sign_or_another_word_order_of_numbers_is_read_apart_from_words() -> None:
    assert read_words("Is 1,200 − 3.5 more?") == (["is", "0", "−", "0", "more"], ["1200", "3.5"])


def test_shares_are_kept_and_the_seed_moves_prompts() -> None:
    prompts = [f"Problem about {WORDS[i % 24]} and {WORDS[i // 24 % 24]} number {i}" for i in range(3000)]

    first = [draw_alone(text, ExportPolicy()) for text in prompts]
    second = [draw_alone(text, ExportPolicy(seed=1)) for text in prompts]

    counts = Counter(first)
    assert counts["train"] / 3000 == pytest.approx(0.8, abs=0.03)
    assert counts["test"] / 3000 == pytest.approx(0.1, abs=0.02)
    assert first != second


def test_a_prompt_that_comes_later_moves_no_other() -> None:
    prompts = [
        f"{WORDS[i % 24]} {WORDS[(i * 7) % 24]} and {i} of them, how many are left over?" for i in range(200)
    ]

    before = split(prompts)
    after = split([*prompts, "A new problem about 5 stones in winter."])

    assert after[:-1] == before


def test_without_prompts_there_are_no_clusters() -> None:
    assert assign_splits([], POLICY).num_clusters == 0


def test_a_prompt_without_words_has_a_split_too() -> None:
    assert len(split(["?!", "…", "?!"])) == 3
    assert split(["?!", "?!"])[0] == split(["?!"])[0]


def test_signatures_estimate_the_overlap() -> None:
    words = [f"w{i}" for i in range(200)]
    near = sign_words(words[:190] + [f"v{i}" for i in range(10)])
    far = sign_words([f"u{i}" for i in range(200)])

    assert (sign_words(words) == near).mean() == pytest.approx(0.9, abs=0.12)
    assert (sign_words(words) == far).mean() < 0.1


def test_splitting_is_linear_where_many_prompts_look_alike() -> None:
    """Ten thousand prompts of one template, in one bucket for all bands, still take seconds."""
    prompts = (
        (i, f"The {WORDS[i % 24]} costs {i} coins, how much do the others cost?") for i in range(10_000)
    )

    sizes: dict[str, int] = defaultdict(int)
    for name in assign_splits(prompts, ExportPolicy(near_duplicates="any_numbers")).by_prompt.values():
        sizes[name] += 1

    assert sum(sizes.values()) == 10_000
