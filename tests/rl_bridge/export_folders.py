"""Writes export folders as the exports app does, for tests of what reads them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Rows = list[dict[str, Any]]

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
SCHEMAS = {
    "stepwise": pa.schema(
        [
            ("prompt", pa.string()),
            ("completions", pa.list_(pa.string())),
            ("labels", pa.list_(pa.int8())),
            ("probabilities", pa.list_(pa.float64())),
        ]
    ),
    "preference": pa.schema(
        [
            ("prompt", pa.string()),
            ("chosen", pa.string()),
            ("rejected", pa.string()),
            ("margin", pa.float64()),
        ]
    ),
    "unpaired_preference": pa.schema(
        [("prompt", pa.string()), ("completion", pa.string()), ("label", pa.bool_())]
    ),
    "sft": pa.schema([("prompt", pa.string()), ("completion", pa.string())]),
    "prompts": pa.schema(
        [
            ("prompt", pa.string()),
            ("ground_truth", pa.string()),
            ("verifier", pa.string()),
            ("prompt_id", pa.string()),
        ]
    ),
}
SCHEMAS["step_preference"] = SCHEMAS["preference"]


def write_export(folder: Path, tables: dict[tuple[str, str], pa.Table]) -> Path:
    """Write an export with one file for each (config, split), its manifest and a minimal dataset card."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for (config, split), table in tables.items():
        (folder / config).mkdir(exist_ok=True)
        scratch = folder / config / "scratch"
        pq.write_table(table, scratch)
        content = scratch.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        name = f"{config}/{split}-{sha256[:16]}.parquet"
        scratch.rename(folder / name)
        files[name] = {
            "config": config,
            "split": split,
            "rows": table.num_rows,
            "sha256": sha256,
            "bytes": len(content),
        }
    manifest = {"format": 1, "product": "gradus", "version": "7", "project": "sums", "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    configs = [
        {
            "config_name": config,
            "data_files": [
                {"split": entry["split"], "path": name}
                for name, entry in files.items()
                if entry["config"] == config
            ],
        }
        for config in dict.fromkeys(config for config, _ in tables)
    ]
    header = json.dumps({"configs": configs})  # JSON is YAML too
    (folder / "README.md").write_text(f"---\n{header}\n---\n", encoding="utf-8")
    return folder


def make_table(config: str, rows: Rows) -> pa.Table:
    """Rows as a table with the columns that the exports app writes."""
    return pa.Table.from_pylist(rows, schema=SCHEMAS[config])


def sum_rows(num_rows: int) -> Rows:
    """Traces of three steps about small sums, where a step stands exactly where it doesn't hold an `x`."""
    rows: Rows = []
    for i in range(num_rows):
        wrong = i % 3
        steps = [f"Step {s}: {i % 7}{'x' if s == wrong else '+'}{s}.\n" for s in range(3)]
        labels = [1 if s < wrong else 0 if s == wrong else -100 for s in range(3)]
        rows.append(
            {
                "prompt": f"What is {i % 7} and {i % 5}?",
                "completions": steps,
                "labels": labels,
                "probabilities": [{1: 0.95, 0: 0.1, -100: 0.5}[label] for label in labels],
            }
        )
    return rows


def preference_rows(num_rows: int) -> Rows:
    """Pairs in which the completion with the right sum is preferred."""
    return [
        {
            "prompt": f"What is {i} + 1?",
            "chosen": f"{i} + 1 = {i + 1}",
            "rejected": f"{i} + 1 = {i + 2}",
            "margin": 1.5,
        }
        for i in range(num_rows)
    ]


def prompt_rows(num_rows: int) -> Rows:
    """Prompts with reference answers."""
    return [
        {
            "prompt": f"What is {i} + 1?",
            "ground_truth": str(i + 1),
            "verifier": "numeric",
            "prompt_id": str(i),
        }
        for i in range(num_rows)
    ]


def write_prompts(folder: Path) -> Path:
    """An export of prompts whose manifest says what the labels of its judges rest on."""
    write_export(folder, {("prompts", "train"): make_table("prompts", prompt_rows(4))})
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    counts = {config: {"provenance": {"human": 1, "ai": 1}} for config in ("stepwise", "preference")}
    manifest |= {"counts": {"configs": counts}}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def write_whole_export(folder: Path) -> Path:
    """An export with every config that a trainer reads, train and test splits of the stepwise one."""
    unpaired = [
        {"prompt": row["prompt"], "completion": row[side], "label": side == "chosen"}
        for row in preference_rows(4)
        for side in ("chosen", "rejected")
    ]
    sft = [{"prompt": row["prompt"], "completion": row["chosen"]} for row in preference_rows(4)]
    return write_export(
        folder,
        {
            ("stepwise", "train"): make_table("stepwise", sum_rows(24)),
            ("stepwise", "test"): make_table("stepwise", sum_rows(6)),
            ("preference", "train"): make_table("preference", preference_rows(8)),
            ("step_preference", "train"): make_table("step_preference", preference_rows(8)),
            ("unpaired_preference", "train"): make_table("unpaired_preference", unpaired),
            ("sft", "train"): make_table("sft", sft),
            ("prompts", "train"): make_table("prompts", prompt_rows(4)),
        },
    )
