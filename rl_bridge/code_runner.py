"""The process that runs code that a model wrote: cut off from the network, the file system and other processes first.

Run by `rl_bridge.code_checking` by its path, isolated (`python -I`): one JSON request on standard input, one word on
standard output. Imports nothing of rl_bridge. Linux only; where the kernel does not allow user namespaces it runs
nothing and says so.
"""

import ctypes
import io
import json
import os
import resource
import signal
import sys
import sysconfig
from typing import Any

_NEW_NAMESPACES = 0x00020000 | 0x10000000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000
#                 mounts       users        processes    network      IPC          host name
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = (
    1,
    2,
    4,
    32,
    4096,
    16384,
    1 << 18,
)
_MNT_DETACH = 2
_FLAGS_TO_KEEP = {os.ST_NODEV: _MS_NODEV, os.ST_NOSUID: _MS_NOSUID, os.ST_NOEXEC: 8, os.ST_NOATIME: 1024}
_RELATIME = 1 << 21
_NEW_ROOT = "/tmp"  # every Linux has it; in our own mount namespace we may put anything over it
_libc = ctypes.CDLL(None, use_errno=True)


class NoSandbox(OSError):
    """The kernel does not allow what is needed to shut the code in."""


def shut_in(limits: dict[str, int]) -> None:
    """Leave this process nothing but Python's own files to read, memory and a clock. Cannot be undone."""
    user, group = os.getuid(), os.getgid()
    _call("unshare", _libc.unshare(_NEW_NAMESPACES))
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"0 {user} 1")
    _write("/proc/self/gid_map", f"0 {group} 1")
    _enter_empty_root()
    child = os.fork()  # the first process of its own process namespace: with it everything in there ends
    if child:
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    _call(
        "prctl", _libc.prctl(1, signal.SIGKILL, 0, 0, 0)
    )  # PR_SET_PDEATHSIG: whoever ends the parent ends it too
    _limit(limits)
    _drop_capabilities()
    _call("prctl", _libc.prctl(38, 1, 0, 0, 0))  # PR_SET_NO_NEW_PRIVS
    _filter_system_calls()


def _enter_empty_root() -> None:
    """A root of nothing but Python's folders, which can't be written to."""
    _mount("none", "/", flags=_MS_REC | _MS_PRIVATE)
    _mount("tmpfs", _NEW_ROOT, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=16m,mode=755")
    for folder in _list_libraries():
        target = _NEW_ROOT + folder
        os.makedirs(target, exist_ok=True)  # noqa: PTH103  (no more imports than needed in here)
        _mount(folder, target, flags=_MS_BIND | _MS_REC)
        _mount("none", target, flags=_MS_REMOUNT | _MS_BIND | _MS_RDONLY | _kept_flags(target))
    _mount("none", _NEW_ROOT, flags=_MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV)
    os.chdir(_NEW_ROOT)
    _call("pivot_root", _libc.syscall(_pivot_root_number(), b".", b"."))
    _call("umount2", _libc.umount2(b".", _MNT_DETACH))
    os.chdir("/")


def _list_libraries() -> list[str]:
    """Python's standard library and what it is linked against, each only once and none inside another."""
    wanted = {os.path.realpath(sysconfig.get_path("stdlib"))}
    wanted |= {"/usr/lib", "/lib", "/lib64", "/usr/lib64", "/usr/local/lib"}
    found = sorted(os.path.realpath(folder) for folder in wanted if os.path.isdir(folder))  # noqa: PTH112
    kept: list[str] = []
    for folder in found:
        if not any(folder == other or folder.startswith(other + "/") for other in kept):
            kept.append(folder)
    return kept


def _kept_flags(path: str) -> int:
    """A bind mount has to keep the locked flags of what it shows."""
    flags = os.statvfs(path).f_flag
    kept = sum(bit for told, bit in _FLAGS_TO_KEEP.items() if flags & told)
    return kept | (_RELATIME if flags & os.ST_RELATIME else 0)


def _limit(limits: dict[str, int]) -> None:
    seconds = limits["cpu_seconds"]
    for what, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 32),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _drop_capabilities() -> None:
    """Even root of a namespace could mount and trace; it no longer can."""
    for capability in range(64):
        if _libc.prctl(24, capability, 0, 0, 0) != 0:  # PR_CAPBSET_DROP
            break
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    _call("capset", _libc.capset(header, (ctypes.c_uint32 * 6)()))


def _filter_system_calls() -> None:
    """Forbid what code under test has no use for: processes, programs, sockets, mounts, tracing. Threads may be.

    A limit of processes would not do: the kernel exempts root, under whom containers often run.
    """
    arch, clone, forbidden = _SYSTEM_CALLS[os.uname().machine]
    load, equal, has_bits, give = 0x20, 0x15, 0x45, 0x06
    program = [(load, 0, 0, 4), (equal, 1, 0, arch), (give, 0, 0, _KILL), (load, 0, 0, 0)]
    program += [(0x35, 0, 1, 0x40000000), (give, 0, 0, _KILL)]  # x86's second numbering of the same calls
    program += [(equal, 0, 1, _CLONE3), (give, 0, 0, _ERROR | 38)]  # ENOSYS: the C library then takes clone
    for number in forbidden:
        program += [(equal, 0, 1, number), (give, 0, 0, _ERROR | 1)]  # EPERM
    program += [(equal, 0, 3, clone), (load, 0, 0, 16), (has_bits, 1, 0, 0x00010000)]  # CLONE_THREAD
    program += [(give, 0, 0, _ERROR | 1), (give, 0, 0, _ALLOW)]
    instructions = (_Instruction * len(program))(*(_Instruction(*one) for one in program))
    filtering = _Program(len(program), ctypes.cast(instructions, ctypes.c_void_p))
    _call("seccomp", _libc.prctl(22, 2, ctypes.byref(filtering), 0, 0))  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER


class _Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_uint16),
        ("jt", ctypes.c_uint8),
        ("jf", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("instructions", ctypes.c_void_p)]


_KILL, _ERROR, _ALLOW, _CLONE3 = 0x80000000, 0x00050000, 0x7FFF0000, 435
# The architecture's own number, clone, and: fork, vfork, execve, execveat, socket, socketpair, ptrace, mount, umount2,
# pivot_root, unshare, setns, kill, bpf, keyctl, add_key, perf_event_open, userfaultfd, io_uring_setup.
_SYSTEM_CALLS = {
    "x86_64": (
        0xC000003E,
        56,
        (57, 58, 59, 322, 41, 53, 101, 165, 166, 155, 272, 308, 62, 321, 250, 248, 298, 323, 425),
    ),
    "aarch64": (
        0xC00000B7,
        220,
        (221, 281, 198, 199, 117, 40, 39, 41, 97, 268, 129, 280, 219, 217, 241, 282, 425),
    ),
}


def _mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    arguments = [text.encode() if text else None for text in (source, target, kind)]
    done = _libc.mount(*arguments, ctypes.c_ulong(flags), data.encode() or None)
    _call(f"mount of {target}", done)


def _pivot_root_number() -> int:
    return {"x86_64": 155, "aarch64": 41}[os.uname().machine]


def _call(what: str, result: int) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise NoSandbox(error, f"{what}: {os.strerror(error)}")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as handle:  # noqa: PTH123  (no more imports than needed in here)
        handle.write(text)


def run(code: str) -> None:
    """Run the program in a module of its own; ends by itself, by an exception, or by a signal."""
    sys.stdout, sys.stderr, sys.stdin = io.StringIO(), io.StringIO(), io.StringIO()
    exec(compile(code, "program", "exec"), {"__name__": "__main__", "__builtins__": __builtins__})


def main() -> int:
    request: dict[str, Any] = json.load(sys.stdin)
    replies = os.dup(1)
    for standard in (0, 1, 2):
        os.close(standard)
    try:
        shut_in(request["limits"])
    except (OSError, KeyError) as error:
        os.write(replies, f"no sandbox: {error}".encode())
        return 0
    token = request["token"]
    try:
        run(request["code"])
    except BaseException:  # also SystemExit: it may not end before its tests do
        return 1
    os.write(replies, token.encode())
    return 0


if __name__ == "__main__":
    os._exit(main())
