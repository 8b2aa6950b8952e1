"""Reports as JSON: what is stored reads back as exactly what it was."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from annotation.measuring.resampling import Estimate
from annotation.measuring.stored import dump, load


@dataclass(frozen=True)
class Inner:
    name: str
    estimate: Estimate


@dataclass(frozen=True)
class Outer:
    numbers: tuple[int, ...]
    pair: tuple[float, str]
    curve: tuple[tuple[float, float], ...]
    inner: tuple[Inner, ...]
    maybe: Inner | None
    nothing: float | None


def make_outer() -> Outer:
    inner = Inner("a", Estimate(0.5, None, 1.0, 12))
    return Outer((1, 2), (0.5, "x"), ((0.0, 0.1), (1.0, 1.0)), (inner, inner), inner, None)


def test_nested_reports_survive_json() -> None:
    outer = make_outer()

    assert load(Outer, json.loads(json.dumps(dump(outer)))) == outer


def test_empty_tuples_and_missing_parts_survive_too() -> None:
    outer = Outer((), (0.0, ""), (), (), None, 2.5)

    assert load(Outer, json.loads(json.dumps(dump(outer)))) == outer


def test_what_lacks_a_field_is_refused() -> None:
    stored = dump(make_outer())
    del stored["pair"]

    with pytest.raises(KeyError, match="pair"):
        load(Outer, stored)
