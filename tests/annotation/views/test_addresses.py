"""Addresses cut from a pattern once are those that Django would look up each time."""

from __future__ import annotations

import pytest
from django.urls import reverse, set_script_prefix

from annotation.views.addresses import address_of

VIEWS = ("rate_trace", "lease_ahead", "save_draft", "amend_rating", "show_rating")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("number", [0, 7, 2**63 - 1])
def test_an_address_is_what_reverse_gives(view: str, number: int) -> None:
    assert address_of(f"annotation:{view}", number) == reverse(f"annotation:{view}", args=[number])


def test_an_address_follows_the_folder_that_the_product_is_served_under() -> None:
    assert address_of("annotation:rate_trace", 7) == "/rate/7/"
    set_script_prefix("/gradus/")
    try:
        assert address_of("annotation:rate_trace", 7) == "/gradus/rate/7/"
    finally:
        set_script_prefix("/")
