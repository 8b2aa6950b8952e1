"""The shipped model's row: made once, and a new one for new weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotation.actions import model_specs
from annotation.models import ModelSpec
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def gguf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF one")
    monkeypatch.setattr(model_specs, "find_shipped_gguf", lambda: path)
    return path


def test_the_shipped_model_is_one_row_however_often_it_is_asked_for(gguf: Path) -> None:
    first = model_specs.ensure_shipped_model(now=NOW)
    second = model_specs.ensure_shipped_model(now=NOW)

    assert first == second == ModelSpec.objects.get()
    assert (first.name, first.location) == ("SmolLM2-135M-Instruct (shipped)", "shipped")
    assert len(first.revision) == 64
    assert "1 in 6 sums" in first.note


def test_other_weights_are_another_row(gguf: Path) -> None:
    first = model_specs.ensure_shipped_model(now=NOW)
    gguf.write_bytes(b"GGUF two, longer")

    second = model_specs.ensure_shipped_model(now=NOW)

    assert second != first
    assert second.name == f"SmolLM2-135M-Instruct (shipped, {second.revision[:8]})"


def test_the_wheels_own_file_is_found() -> None:
    assert model_specs.ensure_shipped_model(now=NOW).revision
