"""Makes problems with reasoning-gym, in a process of its own: a JSON request on standard input, a reply on output.

Run by `annotation.actions.procedural` by its path, isolated (`python -I`): the library takes 70 MB, and some of its
data sets run for minutes. Imports nothing of ours.
"""

import json
import sys
from typing import Any

import reasoning_gym
from reasoning_gym.factory import DATASETS

# What describes the problem but no scorer reads; a solution in words would give the answer away.
_LEFT_OUT = ("difficulty", "source_dataset", "source_index", "answer_cot")


def make_problems(request: dict[str, Any]) -> dict[str, Any]:
    """`count` problems of a data set: {"problems": [{question, answer, entry}]}, or {"fault": why not}."""
    name = request["dataset"]
    if name not in DATASETS:
        return {"fault": f"reasoning-gym has no data set “{name}”."}
    try:
        dataset = reasoning_gym.create_dataset(
            name, seed=request["seed"], size=request["count"], **request["settings"]
        )
        score_answer = reasoning_gym.get_score_answer_fn(name)
        problems = [_trim(dataset[index]) for index in range(request["count"])]
        accepted = [_accepts(score_answer, problem) for problem in problems]
    except Exception as error:  # whatever a data set stumbles over, a person reads it as a sentence
        return {
            "fault": f"The data set “{name}” can't be made this way: {str(error) or type(error).__name__}."
        }
    if not all(accepted):
        return {"fault": f"The data set “{name}” does not recognise its own answers once they are stored."}
    return {"problems": problems}


def _trim(entry: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in entry["metadata"].items() if key not in _LEFT_OUT}
    kept = {"answer": entry["answer"], "metadata": metadata}
    stored: dict[str, Any] = json.loads(json.dumps(kept, default=str))
    return {"question": entry["question"], "answer": str(entry["answer"]), "entry": stored}


def _accepts(score_answer: Any, problem: dict[str, Any]) -> bool:
    return float(score_answer(problem["answer"], problem["entry"])) >= 0.99


if __name__ == "__main__":
    replies, sys.stdout = sys.stdout, sys.stderr  # a library that prints must not garble the reply
    json.dump(make_problems(json.load(sys.stdin)), replies)
