"""The process that compares answers with libraries that can hang, evaluate text, or need the main thread.

math-verify sets alarms, which only the main thread may do, and swallows other timeouts; several scorers of
reasoning-gym call `eval` on the answer. So both run here: one JSON request a line on standard input, one JSON reply a
line on standard output, no environment, little memory, and no way to write files, open sockets or start processes.

Run by `rl_bridge.checking` by its path, isolated (`python -I`), so it imports nothing of rl_bridge.
"""

import json
import os
import resource
import sys
import sysconfig
from typing import Any

import math_verify
import reasoning_gym
from reasoning_gym.factory import DATASETS

_MEMORY_BYTES = 4 * 1024**3
# fmt: off
_FORBIDDEN = (
    "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.kill", "os.remove", "os.rename",
    "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown", "os.putenv",
    "pty.spawn", "shutil.", "socket.", "subprocess.", "ctypes.", "signal.pthread_kill", "sys.settrace",
    "urllib.",
)
# fmt: on
_LIBRARIES = tuple(
    os.path.realpath(sysconfig.get_path(key)) + os.sep
    for key in ("stdlib", "platstdlib", "purelib", "platlib")
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class UnknownDataset(LookupError):
    """reasoning-gym has no dataset of that name."""


class ForbiddenInWorker(RuntimeError):
    """An answer tried to do something that comparing never needs."""


def forbid_side_effects() -> None:
    """Take from this process what evaluating a hostile answer could misuse. Cannot be undone.

    Python's audit hooks are no perfect sandbox; they stop the plain attempts, and the environment is empty.
    """
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.dont_write_bytecode = True
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("open", "os.listdir", "os.scandir"):
        writes = event == "open" and arguments[2] & _WRITING
        if writes or not _is_library(arguments[0]):
            raise ForbiddenInWorker("opening files is not part of comparing answers")
    elif event.startswith(_FORBIDDEN):
        raise ForbiddenInWorker(f"{event} is not part of comparing answers")


def _is_library(path: object) -> bool:
    """Say whether `path` lies among Python's libraries: imports that happen late need those."""
    return isinstance(path, str) and f"{os.path.realpath(path)}{os.sep}".startswith(_LIBRARIES)


def check(request: dict[str, Any]) -> bool:
    """Answer one request: does `answer` equal `expected` (math), or does the dataset's scorer accept it?"""
    if request["kind"] == "math":
        expected = math_verify.parse(_as_latex(request["expected"]), parsing_timeout=3)
        answer = math_verify.parse(request["answer"], parsing_timeout=3)
        return bool(math_verify.verify(expected, answer, timeout_seconds=3))
    if request["dataset"] not in DATASETS:
        raise UnknownDataset(request["dataset"])
    score_answer = reasoning_gym.get_score_answer_fn(request["dataset"])
    return float(score_answer(request["answer"], request["entry"])) >= 0.99


def _as_latex(expected: str) -> str:
    return expected if "\\boxed" in expected or "$" in expected else f"\\boxed{{{expected}}}"


def main() -> None:
    """Serve requests until standard input closes."""
    replies = sys.stdout
    sys.stdout = sys.stderr  # a library that prints must not garble a reply
    forbid_side_effects()
    replies.write('{"ready": true}\n')
    replies.flush()
    for line in sys.stdin:
        try:
            reply: dict[str, Any] = {"correct": check(json.loads(line))}
        except UnknownDataset as error:
            reply = {"unknown_dataset": str(error)}
        except (
            Exception
        ):  # whatever an answer provokes in a scorer, it isn't correct, and this process lives on
            reply = {"correct": False}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
