"""The merge without the web app: `python -m annotation.merging FOLDER --out merged.jsonl`.

Reads a folder of JSON lines (see jsonl.py), writes a line a trace (with the prior where nobody said anything), and on
request the preferences and the run's diagnostics. Either every output appears whole or none does. Exit status 2 and
one sentence when the input is wrong.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

from annotation.merging.data import MergedTrace, MergeInputError, MergePolicy, PolicyName, Recovery
from annotation.merging.jsonl import (
    INPUTS,
    Folder,
    JsonLinesError,
    format_preference,
    format_trace,
    read_folder,
)
from annotation.merging.merge import merge
from annotation.merging.stored import dump_diagnostics
from annotation.merging.unheard import believe_unheard, estimate_hazard

WRONG_INPUT = 2
VERDICT_UNUSED = "The verdict was not used: it enters beside judges, and no judge is calibrated."


class OutputError(ValueError):
    """An output file cannot be written; the message says which and why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parse(arguments)
    policy = MergePolicy(options.policy, options.recovery, options.use_verdict)
    try:
        outputs = [
            path for path in (options.out, options.preferences, options.diagnostics) if path is not None
        ]
        check_outputs(outputs, options.folder)
        folder = read_folder(options.folder)
        result = merge(folder.data, policy)
        texts = {options.out: "".join(_list_lines(result.traces, folder))}
        if options.preferences is not None:
            texts[options.preferences] = "".join(
                format_preference(p, folder) + "\n" for p in result.preferences
            )
        if options.diagnostics is not None:
            texts[options.diagnostics] = dump_diagnostics(result.diagnostics) + "\n"
        write_together(texts)
        if policy.use_verdict and not result.diagnostics.used_verdict:
            sys.stderr.write(f"{VERDICT_UNUSED}\n")
    except (JsonLinesError, MergeInputError, OutputError) as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_INPUT
    return 0


def _list_lines(traces: Sequence[MergedTrace], folder: Folder) -> Iterator[str]:
    num_steps = {row.trace_id: row.num_steps for row in folder.data.traces}
    hazard = estimate_hazard(traces)
    for trace in traces:
        yield format_trace(believe_unheard(trace, num_steps[trace.trace_id], hazard), folder) + "\n"


def check_outputs(paths: Sequence[Path], folder: Path) -> None:
    """Raise OutputError unless each path is a file, or the place for one, no two are the same and none is an input."""
    inputs = [(folder / name).resolve() for name in INPUTS]
    if len({path.resolve() for path in paths}) < len(paths):
        raise OutputError("two outputs have the same name")
    for path in paths:
        if path.resolve() in inputs or any(
            path.exists() and one.exists() and path.samefile(one) for one in inputs
        ):
            raise OutputError(f"{path} would write over what the merge reads; give it another name")
        if not path.parent.is_dir():
            raise OutputError(f"{path} cannot be written: {path.parent} is not a folder")
        if path.exists() and not path.is_file():
            raise OutputError(f"{path} cannot be written: it is not an ordinary file")


def write_together(texts: dict[Path, str]) -> None:
    """Write all files or none: each beside its place first, then moved there. Raises OutputError."""
    written: dict[Path, Path] = {}
    try:
        for path, text in texts.items():
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", newline="\n", dir=path.resolve().parent, prefix=".merge-", delete=False
            ) as file:
                written[path] = Path(file.name)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            # A temporary file is private; an output is as readable as any other file its owner makes.
            written[path].chmod(0o666 & ~_current_umask())
        for path, beside in written.items():
            beside.replace(path.resolve())
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        for beside in written.values():
            beside.unlink(missing_ok=True)


def _current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m annotation.merging",
        description="Merge ratings, judge scores and comparisons into posteriors.",
    )
    parser.add_argument(
        "folder", type=Path, help="holds traces.jsonl, ratings.jsonl, judges.jsonl, comparisons.jsonl"
    )
    parser.add_argument("--out", type=Path, required=True, help="where to write a line a trace")
    parser.add_argument("--preferences", type=Path, help="where to write a line a preferred pair")
    parser.add_argument(
        "--diagnostics", type=Path, help="where to write versions, rater matrices and the hazard"
    )
    parser.add_argument("--policy", choices=get_args(PolicyName), default="chain")
    parser.add_argument(
        "--recovery", choices=get_args(Recovery), default="off", help="may a trace stand again?"
    )
    parser.add_argument(
        "--use-verdict", action="store_true", help="let the hazard read the verifier's verdict"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
