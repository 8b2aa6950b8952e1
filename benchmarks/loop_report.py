"""The page of a loop: what came out, over all seeds so far, then every run with its plots."""

from pathlib import Path
from typing import Any

from rl_bridge.evaluating.first_errors import compare_f1
from rl_bridge.evaluating.intervals import Estimate, bootstrap_difference, bootstrap_mean
from rl_bridge.report import write_page, write_run, write_table

RUNS = ("prm-merged", "prm-judge", "sft", "grpo-verifier", "grpo-hybrid")
EVALUATIONS = ("evaluate-policies", "evaluate-judges")
RATES = ("pass@1", "pass@8", "maj@8", "best-of-8 by prm")


def write_report(target: Path, size: str, seeds: list[dict[str, Any]]) -> None:
    """Write the page: every rater in it is simulated, and it says so first."""
    told = (
        '<p class="note">Every rater here is a <strong>simulated rater</strong>: a program that knows the truth and '
        f"errs at set rates. No person rated anything. Size “{size}”, {len(seeds)} seed(s).</p>"
    )
    sections = [told, write_rates(seeds), write_differences(seeds), write_judges(seeds), write_seconds(seeds)]
    for seed in seeds:
        folder = Path(seed["runs"])
        sections.append(f"<h2>Seed {seed['seed']}</h2>")
        sections += [write_run(folder / name) for name in (*EVALUATIONS, *RUNS)]
    target.write_text(write_page("The loop, from problems to a trained policy", sections), encoding="utf-8")


def by_prompt(seed: dict[str, Any], policy: str, rate: str) -> list[float]:
    values: list[float] = seed["results"]["policies"]["policies"][policy]["by_prompt"][rate]
    return values


def pool(seeds: list[dict[str, Any]], policy: str, rate: str) -> list[float]:
    """The values of all seeds' problems, which differ from seed to seed."""
    return [value for seed in seeds for value in by_prompt(seed, policy, rate)]


def compare(seeds: list[dict[str, Any]], after: tuple[str, str], before: tuple[str, str]) -> Estimate:
    """(policy, rate) against (policy, rate), paired by problem."""
    return bootstrap_difference(pool(seeds, *after), pool(seeds, *before))


def compare_judges(seeds: list[dict[str, Any]]) -> Estimate:
    """First-error F1 by merged labels against that by the judge's alone, over all seeds' problems."""
    found = {
        name: [
            hits
            for seed in seeds
            for hits in seed["results"]["judges"]["judges"][name]["first_errors"]["by_group"]
        ]
        for name in ("merged", "judge alone")
    }
    return compare_f1(found["merged"], found["judge alone"])


def write_rates(seeds: list[dict[str, Any]]) -> str:
    policies = list(seeds[0]["results"]["policies"]["policies"])
    rows = [
        [rate, *(str(bootstrap_mean(pool(seeds, policy, rate))) for policy in policies)] for rate in RATES
    ]
    return "<h2>Policies on held-out problems</h2>" + write_table(["", *policies], rows)


def list_differences(seeds: list[dict[str, Any]]) -> list[tuple[str, Estimate]]:
    """What the loop is held to, each with its interval."""
    return [
        ("first-error F1: PRM on merged labels − on the judge's alone", compare_judges(seeds)),
        ("best-of-8 by PRM − pass@1, first policy", compare(seeds, ("first", RATES[3]), ("first", RATES[0]))),
        ("best-of-8 by PRM − maj@8, first policy", compare(seeds, ("first", RATES[3]), ("first", RATES[2]))),
        ("pass@1: SFT − first", compare(seeds, ("sft", RATES[0]), ("first", RATES[0]))),
        ("pass@1: GRPO (hybrid) − SFT", compare(seeds, ("grpo-hybrid", RATES[0]), ("sft", RATES[0]))),
        (
            "pass@1: SFT and GRPO (hybrid) − first",
            compare(seeds, ("grpo-hybrid", RATES[0]), ("first", RATES[0])),
        ),
        (
            "pass@1: GRPO (hybrid) − GRPO (verifier alone)",
            compare(seeds, ("grpo-hybrid", RATES[0]), ("grpo-verifier", RATES[0])),
        ),
    ]


def write_differences(seeds: list[dict[str, Any]]) -> str:
    rows = [
        [name, str(found), "yes" if found.excludes_zero else "no"] for name, found in list_differences(seeds)
    ]
    return write_table(["paired difference", "value [95 %]", "excludes zero"], rows)


def write_judges(seeds: list[dict[str, Any]]) -> str:
    rows = []
    for seed in seeds:
        for name, judge in seed["results"]["judges"]["judges"].items():
            found = judge["first_errors"]
            cells = [str(Estimate(**found[part])) for part in ("f1", "on_errors", "on_correct")]
            rows.append([str(seed["seed"]), name, *cells, str(Estimate(**judge["steps"]["ece"]))])
    head = ["seed", "process reward model", "first-error F1", "on errors", "on correct", "calibration error"]
    return "<h2>Process reward models, against known first errors</h2>" + write_table(head, rows)


def write_seconds(seeds: list[dict[str, Any]]) -> str:
    parts = list(seeds[0]["seconds"])
    rows = [[part, *(f"{seed['seconds'][part]:.0f} s" for seed in seeds)] for part in parts]
    head = ["time", *(f"seed {seed['seed']}" for seed in seeds)]
    return "<h2>What it took</h2>" + write_table(head, rows)
