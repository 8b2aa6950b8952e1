"""Splits: which prompts train and which evaluate, decided by prompt after near-duplicate clustering.

Two prompts are near-duplicates where their words are nearly the same: the sets of their three-word shingles overlap by
Jaccard >= 0.7, estimated by MinHash (Broder 1997) with 16 bands of 4 rows, so that a pair at 0.7 is met with a
probability of 0.99. Numbers are read apart from words: by default near-duplicates also hold the same numbers, since a
template filled with other numbers is another problem (and a project may hold one template only, which would leave one
cluster); `any_numbers` keeps a template together. Clusters are what near-duplicates connect.

A cluster's split is drawn from a hash of the seed and of its smallest member's text: the same prompts give the same
splits in any order and on any machine, and prompts that come later move a cluster only where they join it.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from exports.policy import Duplicates, ExportPolicy

Hashes = npt.NDArray[np.uint64]
Signatures = npt.NDArray[np.uint32]

MIN_JACCARD = 0.7
SHINGLE_WORDS = 3
BANDS, ROWS = 16, 4
MOST_DISTINCT = 64
"""How many different prompts of one bucket others are held against: keeps the work linear."""
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|[+\-−*/×÷^=<>]")
_GENERATOR = np.random.Generator(np.random.PCG64(20260301))  # fixed for ever: it defines the hash functions
_FACTORS = _GENERATOR.integers(1, 2**63, BANDS * ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_OFFSETS = _GENERATOR.integers(0, 2**63, BANDS * ROWS, dtype=np.uint64)
_SHINGLES_AT_ONCE = 20_000
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Splits:
    """The split of every prompt, by prompt id; with how many clusters there are and how large the largest is."""

    by_prompt: dict[int, str]
    num_clusters: int
    largest_cluster: int


@dataclass(frozen=True, slots=True)
class _Sketches:
    """N prompts, sorted by `key`: hashes of text and numbers, and the MinHash signature of the words (N, 64)."""

    ids: npt.NDArray[np.int64]
    key: Hashes
    numbers: Hashes
    signature: Signatures


def assign_splits(prompts: Iterable[tuple[int, str]], policy: ExportPolicy) -> Splits:
    """The split of each (id, text); texts are read once and not kept."""
    sketches = _sketch_all(prompts)
    clusters = _cluster(sketches, policy.near_duplicates)
    smallest_key: dict[int, int] = {}
    for cluster, key in zip(clusters, sketches.key.tolist(), strict=True):
        smallest_key[cluster] = min(smallest_key.get(cluster, key), key)
    split_of = {cluster: draw_split(key, policy) for cluster, key in smallest_key.items()}
    sizes = Counter(clusters)
    return Splits(
        by_prompt={
            prompt_id: split_of[cluster]
            for prompt_id, cluster in zip(sketches.ids.tolist(), clusters, strict=True)
        },
        num_clusters=len(sizes),
        largest_cluster=max(sizes.values(), default=0),
    )


def draw_split(cluster_key: int, policy: ExportPolicy) -> str:
    """`test`, `validation` or `train`, with the policy's shares, from a hash of seed and cluster."""
    digest = hashlib.sha256(f"{policy.seed}:{cluster_key}".encode()).digest()
    drawn = int.from_bytes(digest[:8], "big") / 2**64
    if drawn < policy.test_share:
        return "test"
    return "validation" if drawn < policy.test_share + policy.validation_share else "train"


def draw_alone(text: str, policy: ExportPolicy) -> str:
    """The split of a prompt that has no near-duplicate."""
    return draw_split(_hash64(text), policy)


def read_words(text: str) -> tuple[list[str], list[str]]:
    """The words of a text, with "0" for each number, and its numbers in order; case, spacing and marks don't count."""
    words, numbers = [], []
    for token in _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold()):
        if token[0].isdecimal():
            words.append("0")
            numbers.append(token.replace(",", ""))
        else:
            words.append(token)
    return words, numbers


def _sketch_all(prompts: Iterable[tuple[int, str]]) -> _Sketches:
    ids, keys, numbers = array("q"), array("Q"), array("Q")
    signatures: list[Signatures] = [np.zeros((0, BANDS * ROWS), np.uint32)]
    waiting: list[set[int]] = []
    num_shingles = 0
    for prompt_id, text in prompts:
        words, found = read_words(text)
        ids.append(prompt_id)
        keys.append(_hash64(text))
        numbers.append(_hash64(" ".join(sorted(found))))
        waiting.append(_shingle(words or [text]))
        num_shingles += len(waiting[-1])
        if num_shingles >= _SHINGLES_AT_ONCE:
            signatures.append(_sign_all(waiting))
            waiting, num_shingles = [], 0
    signatures.append(_sign_all(waiting))
    key = np.array(keys, np.uint64)
    order = np.lexsort((np.array(ids, np.int64), key))
    return _Sketches(
        ids=np.array(ids, np.int64)[order],
        key=key[order],
        numbers=np.array(numbers, np.uint64)[order],
        signature=np.concatenate(signatures)[order],
    )


def sign_words(words: Sequence[str]) -> Signatures:
    """The MinHash signature (64,) of the shingles of at least one word."""
    signature: Signatures = _sign_all([_shingle(words)])[0]
    return signature


def _shingle(words: Sequence[str]) -> set[int]:
    last = max(1, len(words) - SHINGLE_WORDS + 1)
    return {zlib.crc32(" ".join(words[i : i + SHINGLE_WORDS]).encode()) for i in range(last)}


def _sign_all(shingles: Sequence[set[int]]) -> Signatures:
    """The MinHash signatures (N, 64) of N texts' shingles, each of at least one."""
    if not shingles:
        return np.zeros((0, BANDS * ROWS), np.uint32)
    sizes = np.array([len(found) for found in shingles])
    hashed = np.fromiter(chain.from_iterable(shingles), np.uint64, int(sizes.sum()))
    signatures = np.empty((len(shingles), BANDS * ROWS), np.uint32)
    starts = np.cumsum(sizes) - sizes
    for column, (factor, offset) in enumerate(zip(_FACTORS, _OFFSETS, strict=True)):
        mixed = (hashed * factor + offset) >> np.uint64(32)
        signatures[:, column] = np.minimum.reduceat(mixed, starts)
    return signatures


def _cluster(sketches: _Sketches, near_duplicates: Duplicates) -> list[int]:
    """A cluster for each prompt, named after its first member in the order of keys."""
    parent = list(range(len(sketches.ids)))
    start = sketches.numbers if near_duplicates == "same_numbers" else np.zeros_like(sketches.numbers)
    for band in range(BANDS):
        mixed = start
        for column in range(band * ROWS, (band + 1) * ROWS):
            mixed = (mixed ^ sketches.signature[:, column].astype(np.uint64)) * _MIX
        order = np.argsort(mixed, kind="stable")
        edges = np.concatenate([[0], np.flatnonzero(np.diff(mixed[order])) + 1, [len(order)]])
        for place in np.flatnonzero(np.diff(edges) > 1):
            bucket = order[edges[place] : edges[place + 1]]
            _join_similar(bucket, sketches.signature, parent)
    return [_find(parent, place) for place in range(len(parent))]


def _join_similar(bucket: npt.NDArray[np.int64], signatures: Signatures, parent: list[int]) -> None:
    """Joins each member to the first of the bucket's distinct members that it resembles."""
    distinct: list[int] = []
    for place in bucket.tolist():
        if distinct:
            alike = (signatures[distinct] == signatures[place]).mean(axis=1) >= MIN_JACCARD
            if alike.any():
                _join(parent, place, distinct[int(np.argmax(alike))])
                continue
        if len(distinct) < MOST_DISTINCT:
            distinct.append(place)


def _find(parent: list[int], place: int) -> int:
    while parent[place] != place:
        parent[place] = parent[parent[place]]
        place = parent[place]
    return place


def _join(parent: list[int], one: int, other: int) -> None:
    a, b = sorted((_find(parent, one), _find(parent, other)))
    parent[b] = a


def _hash64(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )
