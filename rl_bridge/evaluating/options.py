"""The options of `evaluate`, and their reading into settings. Loads no torch."""

import argparse
import datetime
from pathlib import Path

from rl_bridge import runs
from rl_bridge.evaluating.settings import Evaluation, read_names


def add_options(parser: argparse.ArgumentParser, models_dir: Path) -> None:
    """One option a field of `Evaluation`; models come as NAME=LOCATION, and each may be given several times."""
    default = Evaluation.__dataclass_fields__
    parser.add_argument("--export", type=Path, help="folder of the export: prompts and labelled steps")
    parser.add_argument("--split", default=default["split"].default)
    parser.add_argument("--output", type=Path, help="run folder (default: runs/evaluate-<time>)")
    parser.add_argument(
        "--policy", action="append", default=[], help="NAME=MODEL; others are held against the first"
    )
    parser.add_argument("--prm", action="append", default=[], help="NAME=FOLDER of a process reward model")
    parser.add_argument("--reward-model", action="append", default=[], help="NAME=FOLDER of a reward model")
    parser.add_argument(
        "--traces",
        type=Path,
        help="JSONL in ProcessBench's layout: problem, steps, label; scores are measured too",
    )
    parser.add_argument("--models-dir", type=Path, default=models_dir, help="where converted models are")
    parser.add_argument("--samples", type=int, default=default["num_samples"].default, help="of each prompt")
    parser.add_argument("--temperature", type=float, default=default["temperature"].default)
    parser.add_argument("--top-p", type=float, default=default["top_p"].default)
    parser.add_argument("--max-new-tokens", type=int, default=default["max_new_tokens"].default)
    parser.add_argument("--limit-prompts", type=int, default=0, help="ask the first so many (default: all)")
    parser.add_argument(
        "--threshold", type=float, default=default["threshold"].default, help="a step under it is bad"
    )
    parser.add_argument("--seed", type=int, default=0)


def read_settings(parsed: argparse.Namespace) -> Evaluation:
    """Raises `BadEvaluation`."""
    return Evaluation(
        output=parsed.output or runs.name_run("evaluate", datetime.datetime.now().astimezone()),
        export=parsed.export,
        split=parsed.split,
        policies=read_names(parsed.policy),
        prms=read_names(parsed.prm),
        reward_models=read_names(parsed.reward_model),
        traces=parsed.traces,
        models_dir=parsed.models_dir,
        num_samples=parsed.samples,
        temperature=parsed.temperature,
        top_p=parsed.top_p,
        max_new_tokens=parsed.max_new_tokens,
        limit_prompts=parsed.limit_prompts,
        threshold=parsed.threshold,
        seed=parsed.seed,
    )
