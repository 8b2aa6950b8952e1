"""The command line: `python -m rl_bridge train …`, `judge`, `verify`, `check`, `pull`, `push`.

Arguments are parsed and exports checked before torch is imported, so that a wrong word answers at once. Errors are one
sentence on standard error, exit code 2.
"""

import argparse
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rl_bridge.data import check_export
from rl_bridge.errors import BridgeError
from rl_bridge.evaluating.options import add_options as add_evaluation_options
from rl_bridge.evaluating.options import read_settings as read_evaluation
from rl_bridge.evaluating.plan import describe_plan as describe_evaluation_plan
from rl_bridge.evaluating.plan import make_plan as make_evaluation_plan
from rl_bridge.pull import pull_export
from rl_bridge.report import write_report
from rl_bridge.rollouts import read_rollouts, return_rollouts
from rl_bridge.runs import MODEL_FOLDER
from rl_bridge.shipped import find_models_dir
from rl_bridge.threads import wait_without_spinning
from rl_bridge.training.command import add_train


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    wait_without_spinning()
    parsed = build_parser().parse_args(arguments)
    try:
        parsed.run(parsed)
    except (BridgeError, OSError) as error:  # OSError: a full disk, a folder that may not be written
        print(f"rl_bridge: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("rl_bridge: stopped.", file=sys.stderr)
        return 130
    return 0


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options; those of `train` are the fields of `rl_bridge.training.kinds`."""
    parser = argparse.ArgumentParser(prog="python -m rl_bridge", description="From exports to models.")
    commands = parser.add_subparsers(required=True, metavar="command")
    train = commands.add_parser("train", help="train a model on an export")
    add_train(train)
    judge = commands.add_parser("judge", help="score traces with a process reward model")
    judge.add_argument("--prm", type=Path, required=True, help="folder of the PRM: <run>/model")
    judge.add_argument("--input", type=Path, required=True, help="JSONL: prompt, steps")
    judge.add_argument("--output", type=Path, required=True, help="JSONL: the same and scores")
    judge.set_defaults(run=_run_judge)
    evaluate = commands.add_parser("evaluate", help="measure policies, process reward models and judges")
    add_evaluation_options(evaluate)
    evaluate.set_defaults(run=_run_evaluate)
    serve = commands.add_parser("serve", help="serve a process reward model as a judge over HTTP")
    serve.add_argument("--prm", type=Path, required=True, help="folder of the PRM: <run>/model")
    serve.add_argument("--host", default="127.0.0.1", help="where to listen (default: this machine alone)")
    serve.add_argument("--port", type=int, default=8500, help="0 takes a free one")
    serve.add_argument("--name", help="what it is called (default: the run's name)")
    serve.add_argument(
        "--key-variable", default="", help="environment variable with the key that is asked for"
    )
    serve.set_defaults(run=_run_serve)
    give_back = commands.add_parser("return", help="return a run's doubtful roll-outs to a project's queue")
    give_back.add_argument("--run", type=Path, required=True, dest="folder", help="run folder of a GRPO run")
    give_back.add_argument("--to", required=True, help="the project's page (token: GRADUS_TOKEN)")
    give_back.add_argument("--allow-http", action="store_true", help="let the token travel unencrypted")
    give_back.set_defaults(run=_run_return)
    report = commands.add_parser("report", help="put run folders on one HTML page, plots and all")
    report.add_argument("folders", type=Path, nargs="+", metavar="RUN")
    report.add_argument("--out", type=Path, default=Path("report.html"))
    report.add_argument("--title", default="Runs")
    report.set_defaults(run=_run_report)
    verify = commands.add_parser("verify", help="check an export: hashes, columns, every row")
    verify.add_argument("--export", type=Path, required=True)
    verify.set_defaults(run=_run_verify)
    pull = commands.add_parser("pull", help="download an export from a Gradus server (token: GRADUS_TOKEN)")
    pull.add_argument("address", help="the export's page, or its address in the API")
    pull.add_argument("--out", type=Path, help="folder (default: <project>-<hash>)")
    pull.add_argument("--allow-http", action="store_true", help="let the token travel unencrypted")
    pull.add_argument("--no-wait", action="store_true", help="fail where the export is still being made")
    pull.set_defaults(run=_run_pull)
    push = commands.add_parser("push", help="upload an export to the Hugging Face Hub (token: HF_TOKEN)")
    push.add_argument("--export", type=Path, required=True)
    push.add_argument("--repository", required=True, help="owner/name of the dataset repository")
    push.add_argument("--public", action="store_true", help="a new repository is private without it")
    push.set_defaults(run=_run_push)
    check = commands.add_parser("check", help="load an export with datasets and let the trainers prepare it")
    check.add_argument("--export", type=Path, required=True)
    check.add_argument("--models-dir", type=Path, default=find_models_dir(os.environ))
    check.add_argument("--texts", type=Path, help="JSON: what each file's texts must hash to")
    check.add_argument("--report", type=Path, help="JSONL: what is being done, and what was found")
    check.add_argument(
        "--when-told", action="store_true", help="read all libraries, then wait for a line on standard input"
    )
    check.set_defaults(run=_run_check)
    return parser


def _run_judge(parsed: argparse.Namespace) -> None:
    judging: Any = importlib.import_module("rl_bridge.judge_file")
    done = judging.judge_file(prm_folder=parsed.prm, source=parsed.input, target=parsed.output)
    print(f"Scored {done.num_traces - done.num_unread} of {done.num_traces} traces into {parsed.output}.")
    if done.num_unread:
        words = "`scores` are null there, and `reason` says why"
        print(f"Note: {done.num_unread} traces could not be read: {words}.", file=sys.stderr)


def _run_evaluate(parsed: argparse.Namespace) -> None:
    plan = make_evaluation_plan(read_evaluation(parsed))
    if parsed.dry_run:
        print(json.dumps(describe_evaluation_plan(plan), indent=2))
        return
    evaluating: Any = importlib.import_module("rl_bridge.evaluating.command")
    print(evaluating.evaluate(plan))
    print(f"Wrote {plan.settings.output}.")


def _run_serve(parsed: argparse.Namespace) -> None:
    key = os.environ.get(parsed.key_variable, "") if parsed.key_variable else ""
    if parsed.key_variable and not key:
        raise BridgeError(f"The variable {parsed.key_variable}, which is to hold the key, is empty.")
    folder = parsed.prm.resolve()
    name = parsed.name or (folder.parent.name if folder.name == MODEL_FOLDER else folder.name)
    serving: Any = importlib.import_module("rl_bridge.serve")
    with serving.open_server(folder=folder, host=parsed.host, port=parsed.port, name=name, key=key) as server:
        print(f"{name} judges at {server.url}; Ctrl-C ends it.", flush=True)
        server.serve_forever()


def _run_return(parsed: argparse.Namespace) -> None:
    rollouts = read_rollouts(parsed.folder)
    name = parsed.folder.resolve().name
    num_new = return_rollouts(parsed.to, rollouts, run=name, allows_http=parsed.allow_http)
    print(f"{num_new} of {len(rollouts)} roll-outs are new in the queue of {parsed.to}.")


def _run_report(parsed: argparse.Namespace) -> None:
    print(f"Wrote {write_report(parsed.out, parsed.folders, title=parsed.title)}.")


def _run_verify(parsed: argparse.Namespace) -> None:
    export = check_export(parsed.export)
    print(f"{export.title}: {len(export.files)} files, every hash and row in order.")
    for file in export.files:
        print(f"{file.config:>20} {file.split:<8} {file.num_rows:>9} rows")


def _run_pull(parsed: argparse.Namespace) -> None:
    export = pull_export(
        parsed.address,
        parsed.out,
        allows_http=parsed.allow_http,
        waits=not parsed.no_wait,
        say=lambda words: print(words, file=sys.stderr, flush=True),
    )
    print(f"{export.title} lies in {export.path}, every hash in order. Open it with:")
    print(f'datasets.load_dataset("{export.path}", "{export.configs[0]}")')


def _run_push(parsed: argparse.Namespace) -> None:
    hub: Any = importlib.import_module("rl_bridge.hub")
    print(hub.push_export(parsed.export, parsed.repository, is_private=not parsed.public))


def _run_check(parsed: argparse.Namespace) -> None:
    checking: Any = importlib.import_module("rl_bridge.check")
    export, found = checking.run_check(
        parsed.export,
        models_dir=parsed.models_dir,
        texts=parsed.texts,
        report=parsed.report,
        is_told=_wait_for_a_line if parsed.when_told else None,
    )
    for row in found:
        print(f"{row.config:>20} {row.reader:<18} {row.rows:>9} rows {row.seconds:>8.2f} s")
    print(f"{export.title}: every reader takes it.")


def _wait_for_a_line() -> None:
    """Returns when a line comes on standard input; where that ends without one, nobody wants the check any more."""
    if not sys.stdin.readline():
        raise SystemExit(0)
    tempfile.tempdir = None  # the folder for temporary files may only be there now


if __name__ == "__main__":
    sys.exit(main())
