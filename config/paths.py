"""Where Gradus keeps its files, and how the embedded PostgreSQL and Valkey are reached; free of Django.

Everything lives under one data folder (`var/`, or what GRADUS_DATA names), except the sockets: a Unix
socket's path must stay under 108 bytes, so they live in a short folder named after the data folder's hash.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from pathlib import Path
from typing import TypedDict

from config.engine.errors import explain_os_error

BASE_DIR = Path(__file__).resolve().parent.parent
DATABASE_NAME = "gradus"
DATABASE_USER = "gradus"
POSTGRES_PORT = 5432  # only a part of the socket's file name: nothing listens on TCP
_SOCKET_ROOT = Path("/tmp")


class DatabaseSettings(TypedDict):
    """The part of Django's DATABASES that reaches the embedded PostgreSQL."""

    ENGINE: str
    NAME: str
    USER: str
    HOST: str
    PORT: str
    CONN_MAX_AGE: int
    CONN_HEALTH_CHECKS: bool


class ForeignSocketFolderError(Exception):
    """The socket folder exists but belongs to someone else, or is not a plain folder."""


def data_dir() -> Path:
    """The absolute data folder: GRADUS_DATA, or `var/` in the repository. It need not exist yet."""
    configured = os.environ.get("GRADUS_DATA")
    return Path(configured).expanduser().resolve() if configured else BASE_DIR / "var"


def models_dir(data: Path) -> Path:
    """Where converted language models are kept: GRADUS_MODELS, or `models/` in the data folder."""
    configured = os.environ.get("GRADUS_MODELS")
    return Path(configured).expanduser().resolve() if configured else data / "models"


def postgres_dir(data: Path) -> Path:
    """The embedded PostgreSQL's data directory."""
    return data / "postgres"


def valkey_dir(data: Path) -> Path:
    """Where the embedded Valkey keeps its append-only file."""
    return data / "valkey"


def exports_dir(data: Path) -> Path:
    """Where exports are written, one folder each."""
    return data / "exports"


def uploads_dir(data: Path) -> Path:
    """Where uploaded prompt files wait for their import."""
    return data / "uploads"


def logs_dir(data: Path) -> Path:
    """One log file for each process that `manage.py up` starts."""
    return data / "logs"


def socket_dir(data: Path) -> Path:
    """The short folder of this data folder's sockets, for this user. It need not exist yet."""
    digest = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:8]
    return _SOCKET_ROOT / f"gradus-{os.geteuid()}-{digest}"


def postgres_socket_dir(data: Path) -> Path:
    """PostgreSQL's socket folder: one of its own, since PostgreSQL may have to run under another id."""
    return socket_dir(data) / "pg"


def valkey_socket(data: Path) -> Path:
    """The socket of the embedded Valkey."""
    return socket_dir(data) / "valkey.sock"


def ensure_socket_dir(data: Path) -> Path:
    """Create the socket folder, closed to others; ForeignSocketFolderError if someone else made it first."""
    folder = socket_dir(data)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()  # not stat: a link planted in /tmp must not lead elsewhere
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise ForeignSocketFolderError(
            f"{folder} belongs to user {found.st_uid}, not to us; remove it and start again."
        )
    folder.chmod(0o700)
    postgres_socket_dir(data).mkdir(mode=0o700, exist_ok=True)
    return folder


def embedded_database_settings(data: Path) -> DatabaseSettings:
    """Django's DATABASES entry for the embedded PostgreSQL, with connections that outlive a request.

    Persistent connections with health checks served twice the requests of anything else tried.
    """
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": DATABASE_NAME,
        "USER": DATABASE_USER,
        "HOST": str(postgres_socket_dir(data)),
        "PORT": str(POSTGRES_PORT),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def embedded_broker_url(data: Path) -> str:
    """Celery's broker URL for the embedded Valkey."""
    return f"redis+socket://{valkey_socket(data)}"


def secret_key(data: Path) -> str:
    """Django's SECRET_KEY of this data folder: made once, readable by its owner only.

    Two processes that start together read the same key: linking a complete file succeeds for one of them.
    Settings ask for it before any command of ours runs, so a folder that can't be used ends the program here, in
    one sentence.
    """
    path = data / "secret_key"
    try:
        if not path.exists():
            _make_secret(path)
        return path.read_text(encoding="ascii")
    except OSError as error:
        raise SystemExit(str(explain_os_error(error, data))) from None


def _make_secret(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50), encoding="ascii")
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
