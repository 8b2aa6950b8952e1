"""Diagnostics as JSON text and back, so that a merge run can be stored and explained later."""

import json
from dataclasses import asdict
from typing import Any

from annotation.merging.data import (
    CalibrationReport,
    ChainFit,
    Diagnostics,
    MergePolicy,
    RaterReport,
    TransitionModel,
)


def dump_diagnostics(diagnostics: Diagnostics) -> str:
    """One JSON object; the same diagnostics give the same text."""
    return json.dumps(asdict(diagnostics), allow_nan=False, sort_keys=True)


def load_diagnostics(text: str) -> Diagnostics:
    """What `dump_diagnostics` wrote. Raises ValueError, KeyError or TypeError for anything else."""
    stored: dict[str, Any] = json.loads(text, object_hook=_freeze)
    return Diagnostics(
        **{
            **stored,
            "policy": MergePolicy(**stored["policy"]),
            "people": _load_fit(stored["people"]),
            "joint": _load_fit(stored["joint"]),
            "calibrations": tuple(CalibrationReport(**row) for row in stored["calibrations"]),
        }
    )


def _load_fit(stored: dict[str, Any] | None) -> ChainFit | None:
    if stored is None:
        return None
    return ChainFit(
        **{
            **stored,
            "raters": tuple(RaterReport(**row) for row in stored["raters"]),
            "hazards": tuple(TransitionModel(**row) for row in stored["hazards"]),
            "recoveries": tuple(TransitionModel(**row) for row in stored["recoveries"]),
        }
    )


def _freeze(stored: dict[str, Any]) -> dict[str, Any]:
    return {key: _to_tuple(value) for key, value in stored.items()}


def _to_tuple(value: Any) -> Any:
    return tuple(_to_tuple(item) for item in value) if isinstance(value, list) else value
