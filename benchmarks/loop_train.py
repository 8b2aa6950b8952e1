"""The trainings of a loop, all by `python -m rl_bridge`, and what they are held against.

Two process reward models: one on the merged labels of the export, one on the judge's scores cut at one half. From the
first policy: SFT on the export's completions, then GRPO with the hybrid reward, and with the verifier alone. Everything
is measured on problems that no training saw.
"""

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.loop_sizes import Size
from benchmarks.loop_truth import find_first_error, make_problems, read_problem
from rl_bridge import __main__ as bridge
from rl_bridge.manifest import open_export
from rl_bridge.rewards import cut_lines

IGNORED = -100


@dataclasses.dataclass(frozen=True)
class Runs:
    """Where the runs of one seed lie."""

    work: Path
    export: Path
    first_policy: str

    def model(self, name: str) -> str:
        return str(self.work / name / "model")


def run(*arguments: object) -> None:
    """One command of rl_bridge; its failure is ours."""
    words = [str(argument) for argument in arguments]
    print("rl_bridge", *words[:2], flush=True)
    if bridge.main(words):
        raise SystemExit(f"rl_bridge {' '.join(words)} failed.")


def train_judges(runs: Runs, size: Size, seed: int, judged: Path) -> None:
    """The process reward model on merged labels, and the one on the judge's labels alone."""
    alone = write_judged_export(runs.export, judged, runs.work / "judged-export")
    for name, export in (("prm-merged", runs.export), ("prm-judge", alone)):
        run(
            *("train", "prm", "--export", export, "--output", runs.work / name, "--model", runs.first_policy),
            *("--max-steps", size.prm_steps, "--batch-size", 16, "--learning-rate", size.prm_rate),
            *("--trained-layers", size.layers, "--limit-length", 256, "--seed", seed, "--no-bf16"),
        )


def train_policies(runs: Runs, size: Size, seed: int) -> None:
    """SFT on completions that stand, then GRPO twice from there."""
    run(
        *("train", "sft", "--export", runs.export, "--output", runs.work / "sft"),
        *("--model", runs.first_policy, "--max-steps", size.sft_steps, "--batch-size", 16, "--no-bf16"),
        *("--learning-rate", size.sft_rate, "--lora-rank", size.lora_rank, "--limit-length", 256),
        *("--seed", seed),
    )
    for name, reward in (("grpo-hybrid", "hybrid"), ("grpo-verifier", "outcome")):
        judge = ("--prm", runs.model("prm-merged")) if reward == "hybrid" else ()
        run(
            *("train", "grpo", "--export", runs.export, "--output", runs.work / name),
            *("--model", runs.model("sft"), "--reward", reward, *judge),
            *("--held-out-prm", runs.model("prm-judge"), "--max-steps", size.grpo_steps),
            *("--batch-size", 8 * size.grpo_prompts, "--num-generations", 8, "--no-bf16"),
            *("--learning-rate", size.grpo_rate, "--max-new-tokens", size.max_new_tokens),
            *("--limit-length", 256, "--lora-rank", size.lora_rank, "--save-every", 1000, "--seed", seed),
        )


def write_judged_export(source: Path, judged: Path, target: Path) -> Path:
    """A copy of the export whose stepwise training rows have the judge's labels: 1 from one half up to its first step
    under it, which is 0, and nothing after that. Validation and test stay as people left them."""
    export = open_export(source)
    asked = {row["prompt"] for split in ("validation", "test") for row in _rows(source, "prompts", split)}
    rows = []
    for line in judged.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        if told["prompt"] in asked or not all(score is not None for score in told["scores"]):
            continue
        rows.append(
            {
                "prompt": told["prompt"],
                "completions": told["steps"],
                "labels": cut_scores(told["scores"]),
                "probabilities": told["scores"],
            }
        )
    shutil.copytree(source, target)
    [old] = export.list_files("stepwise", "train")
    schema = pq.read_schema(old.path)
    (target / old.name).unlink()
    scratch = target / "stepwise" / "scratch"
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), scratch)
    content = scratch.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    name = f"stepwise/train-{sha256[:16]}.parquet"
    scratch.rename(target / name)
    manifest = dict(export.manifest)
    entry = manifest["files"].pop(old.name) | {"rows": len(rows), "sha256": sha256, "bytes": len(content)}
    manifest["files"] = manifest["files"] | {name: entry}
    (target / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    card = (target / "README.md").read_text(encoding="utf-8").replace(old.name, name)
    (target / "README.md").write_text(card, encoding="utf-8")
    return target


def cut_scores(scores: list[float]) -> list[int]:
    """A judge's probabilities as labels."""
    error = next((place for place, score in enumerate(scores) if score < 0.5), len(scores))
    return [1 if place < error else 0 if place == error else IGNORED for place in range(len(scores))]


def write_held_out(runs: Runs, size: Size, seed: int) -> Path:
    """Problems that nothing saw, as an export with prompts alone."""
    known = {
        row["prompt"]
        for split in ("train", "validation", "test")
        for row in _rows(runs.export, "prompts", split)
    }
    problems = make_problems(9_000_000 + seed, 2 * size.held_out, terms=size.terms, digits=size.digits)
    fresh = [problem for problem in problems if problem.text not in known][: size.held_out]
    rows = [
        {
            "prompt": problem.text,
            "ground_truth": str(problem.answer),
            "verifier": "numeric",
            "prompt_id": str(place),
        }
        for place, problem in enumerate(fresh)
    ]
    folder = runs.work / "held-out"
    (folder / "prompts").mkdir(parents=True)
    scratch = folder / "prompts" / "scratch"
    pq.write_table(pa.Table.from_pylist(rows), scratch)
    content = scratch.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    name = f"prompts/test-{sha256[:16]}.parquet"
    scratch.rename(folder / name)
    entry = {
        "config": "prompts",
        "split": "test",
        "rows": len(rows),
        "sha256": sha256,
        "bytes": len(content),
    }
    manifest = {"format": 1, "project": "loop, held out", "version": "1", "files": {name: entry}}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "README.md").write_text("---\nconfigs: []\n---\n", encoding="utf-8")
    return folder


def evaluate(runs: Runs, size: Size, seed: int, held_out: Path) -> dict[str, Any]:
    """Policies against each other, then both process reward models on the first policy's own traces, whose truth is
    known."""
    policies = {
        "first": runs.first_policy,
        "sft": runs.model("sft"),
        "grpo-verifier": runs.model("grpo-verifier"),
        "grpo-hybrid": runs.model("grpo-hybrid"),
    }
    words = [word for name, place in policies.items() for word in ("--policy", f"{name}={place}")]
    run(
        *("evaluate", "--export", held_out, *words, "--prm", f"prm={runs.model('prm-merged')}"),
        *("--output", runs.work / "evaluate-policies", "--samples", 8, "--seed", seed),
        *("--max-new-tokens", size.max_new_tokens),
    )
    traces = write_known_traces(
        runs.work / "evaluate-policies" / "completions.jsonl", runs.work / "known.jsonl"
    )
    run(
        *("evaluate", "--traces", traces, "--output", runs.work / "evaluate-judges"),
        *("--prm", f"merged={runs.model('prm-merged')}", "--prm", f"judge alone={runs.model('prm-judge')}"),
    )
    return {
        name: json.loads((runs.work / f"evaluate-{name}" / "results.json").read_text(encoding="utf-8"))
        for name in ("policies", "judges")
    }


def write_known_traces(completions: Path, target: Path) -> Path:
    """The first policy's held-out traces with their true first errors."""
    with target.open("w", encoding="utf-8") as lines:
        for line in completions.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["policy"] != "first" or not row["completion"].strip():
                continue
            steps = cut_lines(row["completion"])
            label = find_first_error(read_problem(row["prompt"]), steps)
            lines.write(json.dumps({"problem": row["prompt"], "steps": steps, "label": label}) + "\n")
    return target


def _rows(export: Path, config: str, split: str) -> list[dict[str, Any]]:
    opened = open_export(export)
    if split not in opened.list_splits(config):
        return []
    return [row for file in opened.list_files(config, split) for row in pq.read_table(file.path).to_pylist()]
