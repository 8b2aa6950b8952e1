"""Whom PostgreSQL runs as. It refuses root, so for root it is given another id without creating any user.

First choice: a user namespace in which root's id is mapped to an ordinary one. PostgreSQL sees an ordinary user,
the files on disk stay root's, nothing is copied. Where namespaces are refused (many containers), the child drops
to a number that no account uses, and works on its own copy of the data directory (`postgres.py` makes it).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

_CLONE_NEWUSER = 0x10000000  # linux/sched.h
_FIRST_UNUSED_ID = 64200  # above what distributions hand out to people and below their reserved ranges
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Identity:
    """How a child becomes someone PostgreSQL accepts. `owner` is set only where files must be given away."""

    become: Callable[[], None] | None = None
    owner: int | None = None


def choose_identity(*, reaches: tuple[Path, ...], owner: int | None = None) -> Identity:
    """Whom PostgreSQL should run as here and now.

    `reaches` are folders that a namespaced child must be able to enter (root without its capabilities can't
    enter another person's closed folder). `owner` is the id, other than root, that already owns the data
    directory: then PostgreSQL runs as that id, namespaces or not.
    """
    if os.geteuid() != 0:
        return Identity()
    if owner is None and namespaces_work(reaches=reaches):
        return Identity(become=partial(enter_user_namespace, find_named_id()))
    number = owner if owner is not None else find_unused_id()
    return Identity(become=partial(drop_to, number), owner=number)


def namespaces_work(*, reaches: tuple[Path, ...] = ()) -> bool:
    """True if a child of ours may enter a user namespace and can still reach the folders."""
    if sys.platform != "linux" or os.environ.get("GRADUS_NO_NAMESPACES"):
        return False

    inside = find_named_id()

    def enter_and_look() -> None:
        enter_user_namespace(inside)
        for folder in reaches:
            os.chdir(folder)

    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run([_true()], preexec_fn=enter_and_look, check=False).returncode == 0
    return False


def enter_user_namespace(inside: int) -> None:
    """Move this process into a user namespace of its own, where its id is `inside` instead.

    The maps must be written: without them every file would belong to the overflow id. `inside` should have a
    name (`find_named_id`), since initdb looks its own up.
    """
    uid, gid = os.geteuid(), os.getegid()
    if _LIBC.unshare(_CLONE_NEWUSER) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{inside} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{inside} {gid} 1")


def drop_to(number: int) -> None:
    """Give up root for good: no groups, and `number` as user and group."""
    os.setgroups([])
    os.setgid(number)
    os.setuid(number)


def can_reach(path: Path, *, become: Callable[[], None]) -> bool:
    """True if a child that has run `become` can enter the folder, or read and run the file."""

    def look() -> None:
        become()
        if not os.access(path, os.R_OK | os.X_OK):
            os._exit(1)

    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run([_true()], preexec_fn=look, cwd="/", check=False).returncode == 0
    return False


def find_named_id() -> int:
    """The id of an ordinary account that has a name on this machine: `nobody`, or else the first there is."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("nobody").pw_uid
    return next(account.pw_uid for account in pwd.getpwall() if account.pw_uid != 0)


def find_unused_id() -> int:
    """A user id that no account on this machine has."""
    taken = {account.pw_uid for account in pwd.getpwall()}
    return next(number for number in range(_FIRST_UNUSED_ID, 65000) if number not in taken)


def _true() -> str:
    return "/bin/true" if Path("/bin/true").exists() else "/usr/bin/true"
