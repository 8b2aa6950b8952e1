"""Roll-outs that no reward is sure of: kept while a policy trains, and returned to the web app's queue for people.

Doubt is 1 where a process reward model gives one half, or where it and the verifier say opposite things, and 0 where
they agree for certain: the same reasons for which the web app itself shows people a trace (need). Loads no torch.
"""

import dataclasses
import hashlib
import heapq
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rl_bridge.client import TOKEN_VARIABLE, BadAddress, Client
from rl_bridge.errors import BridgeError

ROLLOUTS_FILE = "rollouts.jsonl"
_AT_ONCE = 100
_PATH = "/api/v1/rollouts/"


class BadRollouts(BridgeError):
    """A run folder holds no roll-outs, or a line that is none."""


class NoToken(BridgeError):
    """Roll-outs are to be returned, and the environment has no token for it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Rollout:
    """A completion of an exported prompt. `doubt` is 0 to 1; `is_correct` is the verifier's word, None for none."""

    prompt_id: int
    completion: str
    doubt: float
    is_correct: bool | None


class Keeper:
    """Keeps the most doubtful roll-outs it was shown, each completion of a prompt once."""

    def __init__(self, at_most: int) -> None:
        self.at_most = at_most
        self._heap: list[tuple[float, str, Rollout]] = []
        self._known: set[str] = set()

    def see(
        self, columns: Mapping[str, Any], texts: Sequence[str], found: Mapping[str, Sequence[float | None]]
    ) -> None:
        """Look at a batch: rewards by name, with `process_reward` and, where there is one, `outcome_reward`."""
        prompt_ids = columns.get("prompt_id")
        process = found.get("process_reward")
        if not prompt_ids or process is None or not self.at_most:
            return
        outcome = found.get("outcome_reward") or [None] * len(texts)
        for prompt_id, text, p, o in zip(prompt_ids, texts, process, outcome, strict=True):
            if p is None or not str(prompt_id).isdecimal():
                continue
            is_correct = None if o is None else o >= 0.5
            self._offer(Rollout(int(prompt_id), text, measure_doubt(p, is_correct), is_correct))

    def take(self, rollouts: Iterable[Rollout]) -> None:
        """Look at roll-outs that were kept elsewhere, or earlier."""
        for rollout in rollouts:
            self._offer(rollout)

    def _offer(self, rollout: Rollout) -> None:
        key = hashlib.sha256(f"{rollout.prompt_id}\0{rollout.completion}".encode()).hexdigest()
        if key in self._known:
            return
        self._known.add(key)
        heapq.heappush(self._heap, (rollout.doubt, key, rollout))
        if len(self._heap) > self.at_most:
            self._known.discard(heapq.heappop(self._heap)[1])

    def list_kept(self) -> list[Rollout]:
        """The most doubtful first."""
        return [rollout for _, _, rollout in sorted(self._heap, key=lambda item: (-item[0], item[1]))]


def measure_doubt(process: float, is_correct: bool | None) -> float:
    """How little is known of a completion whose weakest step stands with P = `process`.

    >>> measure_doubt(0.5, None), measure_doubt(0.9, False), measure_doubt(1.0, True)
    (1.0, 0.9, 0.0)
    """
    undecided = 1.0 - abs(2.0 * process - 1.0)
    opposed = 0.0 if is_correct is None else abs(process - float(is_correct))
    return max(undecided, opposed)


def write_rollouts(folder: Path, rollouts: Sequence[Rollout]) -> Path:
    """Write them into a run folder, so that they can be returned later too."""
    path = folder / ROLLOUTS_FILE
    lines = [json.dumps(dataclasses.asdict(rollout), ensure_ascii=False) for rollout in rollouts]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def read_rollouts(folder: Path) -> list[Rollout]:
    """Those of a run folder. Raises `BadRollouts`."""
    path = folder / ROLLOUTS_FILE
    try:
        return [Rollout(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise BadRollouts(f"{folder} holds no roll-outs: {ROLLOUTS_FILE} is missing.") from error
    except (ValueError, TypeError) as error:
        raise BadRollouts(f"{path} holds a line that is no roll-out: {error}.") from error


def find_project(address: str) -> str:
    """The project that an address like https://gradus.example.org/p/PROJECT/ names. Raises `BadAddress`."""
    words = [word for word in urlsplit(address).path.split("/") if word]
    if len(words) < 2 or words[0] != "p":
        raise BadAddress(f"{address!r} is no project's page, as https://gradus.example.org/p/PROJECT/ is.")
    return words[1]


def require_queue(address: str, *, allows_http: bool = False) -> None:
    """Raise `BadAddress` or `NoToken` where nothing could be returned to the project at `address`. Asks no server."""
    find_project(address)
    Client(address, allows_http=allows_http)
    if not os.environ.get(TOKEN_VARIABLE):
        raise NoToken(f"Returning roll-outs to {address} takes a token: set {TOKEN_VARIABLE} to one.")


def return_rollouts(
    address: str,
    rollouts: Sequence[Rollout],
    *,
    run: str,
    token: str | None = None,
    allows_http: bool = False,
) -> int:
    """Send roll-outs to the queue of the project at `address`; returns how many were new there.

    Safe to repeat: what the project has already is not stored twice. Raises `BadAddress`, `Refused`, `Unreachable`.
    """
    project = find_project(address)
    client = Client(address, token=token, allows_http=allows_http)
    num_new = 0
    for start in range(0, len(rollouts), _AT_ONCE):
        part = [dataclasses.asdict(rollout) for rollout in rollouts[start : start + _AT_ONCE]]
        told = client.send_json(_PATH, {"project": project, "run": run, "rollouts": part})
        num_new += int(told["num_made"])
    return num_new
