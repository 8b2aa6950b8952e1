"""The manifest: the same bytes for equal contents, and nothing in it that changes between two runs."""

from __future__ import annotations

import json

import pytest

from exports.manifest import VERSION, describe_neutral, hash_manifest, write_manifest
from tests.exports.test_card import make_entry, make_manifest


def test_equal_manifests_are_equal_bytes_whatever_the_order_of_keys() -> None:
    one = make_manifest(make_entry("sft"), make_entry("stepwise"))
    other = make_manifest(make_entry("stepwise"), make_entry("sft"))

    assert write_manifest(one) == write_manifest(other)


def test_one_changed_count_changes_the_hash() -> None:
    one = write_manifest(make_manifest(make_entry("sft", rows=3)))
    other = write_manifest(make_manifest(make_entry("sft", rows=4)))

    assert hash_manifest(one) != hash_manifest(other)


def test_a_manifest_reads_back_with_every_letter() -> None:
    manifest = make_manifest(make_entry("sft"))
    manifest["project"] = "Größen ∑"

    assert json.loads(write_manifest(manifest)) == manifest
    assert "Größen ∑".encode() in write_manifest(manifest)


def test_a_number_that_json_does_not_have_is_refused() -> None:
    manifest = make_manifest(make_entry("sft"), mean_chosen_length=float("nan"))

    with pytest.raises(ValueError, match="JSON compliant"):
        write_manifest(manifest)


def test_the_version_is_the_projects() -> None:
    assert VERSION.count(".") == 2


@pytest.mark.parametrize(
    ("policy", "words"), [("majority", "letting the step stand"), ("chain", "is learned")]
)
def test_what_becomes_of_neutral_ratings_is_said(policy: str, words: str) -> None:
    assert words in describe_neutral(policy)
