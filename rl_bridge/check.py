"""Verifies an export before anybody trains on it: `python -m rl_bridge check --export FOLDER`.

Every config is loaded with `datasets` and every row of it checked; then the installed trainers' own preparation runs on
a sample of it, with the shipped model's tokenizer and a model of a few random weights. Needs no network.
"""

import dataclasses
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from rl_bridge.check_datasets import check_datasets
from rl_bridge.check_trainers import PREPARATIONS, prepare_sample
from rl_bridge.manifest import ExportFolder, open_export
from rl_bridge.models import open_tokenizer, resolve_model

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class CheckReport:
    """One thing that was verified: by what, of which config, and over how many rows (S seconds it took)."""

    config: str
    reader: str
    rows: int
    seconds: float


def verify_export(
    path: Path,
    *,
    tokenizer: PreTrainedTokenizerBase,
    text_hashes: Mapping[str, str] | None = None,
    say: Say = lambda words: None,
) -> list[CheckReport]:
    """Check a whole export. `text_hashes` (by file name) are of the texts that the rows were made of.

    Raises an `ExportError` that names file and row: `ChangedFile`, `BadColumn`, `BadRow`, `Unprepared`.
    """
    export = open_export(path)
    reports = []
    with tempfile.TemporaryDirectory() as scratch:
        for config, rows in check_datasets(export, text_hashes or {}, Path(scratch), say):
            reports.append(_report(config, rows.reader, rows.num_rows, rows.started_at))
        for config in export.configs:
            for preparation in PREPARATIONS.get(config, ()):
                say(f"{preparation.reader} prepares a sample of {config}")
                started_at = time.monotonic()
                num_rows = prepare_sample(export, config, preparation, tokenizer)
                reports.append(_report(config, preparation.reader, num_rows, started_at))
    return reports


def run_check(
    path: Path,
    *,
    models_dir: Path,
    texts: Path | None = None,
    report: Path | None = None,
    is_told: Callable[[], None] | None = None,
) -> tuple[ExportFolder, list[CheckReport]]:
    """The command: checks with the shipped tokenizer. What it does and finds goes into `report`, a JSON a line.

    `is_told` returns when the export is written; until then none of the paths is looked at but `models_dir`.
    """
    torch.set_num_threads(1)  # the models here are tiny, and the machine has other work
    tokenizer = open_tokenizer(resolve_model("shipped", models_dir=models_dir))
    if is_told is not None:
        is_told()
    text_hashes: dict[str, str] = json.loads(texts.read_text("utf-8")) if texts else {}
    with _saying(report) as say:
        found = verify_export(path, tokenizer=tokenizer, text_hashes=text_hashes, say=say)
    if report:
        with report.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps({"reports": [dataclasses.asdict(row) for row in found]}) + "\n")
    return open_export(path), found


def _report(config: str, reader: str, rows: int, started_at: float) -> CheckReport:
    return CheckReport(config, reader, rows, round(time.monotonic() - started_at, 2))


@contextmanager
def _saying(report: Path | None) -> Iterator[Say]:
    if report is None:
        yield lambda words: None
        return
    with report.open("w", encoding="utf-8") as handle:

        def say(words: str) -> None:
            handle.write(json.dumps({"progress": words}) + "\n")
            handle.flush()

        yield say
