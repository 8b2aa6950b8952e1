"""Servers of language models as the workers reach them: one backend for each, kept, so that all chunks share its limit
of requests. Loads no torch."""

from __future__ import annotations

import os
import threading

from django.conf import settings

from annotation.generation.backend import Backend
from annotation.generation.server_backend import ServerBackend
from annotation.generation.server_client import ServerSettings
from annotation.judging.prm_server import PrmServerSettings
from annotation.models import Backend as SpecBackend
from annotation.models import ModelSpec
from rl_bridge.errors import BridgeError


class ServerKeyMissing(BridgeError):
    """The worker's environment lacks the variable that holds the server's key."""


class NotAServer(BridgeError):
    """The model runs in a worker's process; another queue's worker does its jobs."""


_lock = threading.Lock()
_opened: dict[ServerSettings, ServerBackend] = {}


def open_server_backend(spec: ModelSpec) -> Backend:
    """The way to a server's model; the same one for the same settings. Raises ServerKeyMissing or NotAServer."""
    wanted = read_server_settings(spec)
    with _lock:
        if wanted not in _opened:
            _opened[wanted] = ServerBackend(wanted)
        return _opened[wanted]


def read_server_settings(spec: ModelSpec) -> ServerSettings:
    """How to ask the server, with the key from this process's environment. Raises as `open_server_backend` does."""
    if spec.backend != SpecBackend.SERVER:
        raise NotAServer(f"{spec.name} is not on a server of language models.")
    return ServerSettings(
        address=spec.address,
        model=spec.location,
        key=read_key(spec),
        max_in_flight=spec.max_in_flight,
        timeout_seconds=float(spec.timeout_seconds),
        networks=tuple(settings.SERVER_NETWORKS),
        only=tuple(settings.SERVERS_ALLOWED),
    )


def read_prm_settings(spec: ModelSpec) -> PrmServerSettings:
    """How to ask a process reward model on a server. Raises ServerKeyMissing or NotAServer."""
    if spec.backend != SpecBackend.PRM_SERVER:
        raise NotAServer(f"{spec.name} is no process reward model on a server.")
    return PrmServerSettings(
        address=spec.address,
        name=spec.location,
        revision=spec.revision,
        key=read_key(spec),
        timeout_seconds=float(spec.timeout_seconds),
        networks=tuple(settings.SERVER_NETWORKS),
        only=tuple(settings.SERVERS_ALLOWED),
    )


def read_key(spec: ModelSpec) -> str:
    """The server's key from this process's environment, "" where it wants none. Raises ServerKeyMissing."""
    key = os.environ.get(spec.key_variable, "") if spec.key_variable else ""
    if spec.key_variable and not key:
        raise ServerKeyMissing(
            f"The worker for servers has no variable {spec.key_variable}, which is to hold the key of {spec.name}."
        )
    return key
