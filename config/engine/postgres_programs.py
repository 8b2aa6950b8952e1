"""PostgreSQL's own programs, on the database of the settings; the password goes by the environment."""

from __future__ import annotations

import os
import subprocess

from django.db import connection

from config.engine.binaries import find_postgres
from config.engine.errors import EngineError


def build_command(program: str, *arguments: str) -> list[str]:
    settings = connection.settings_dict
    places = {"--host": settings["HOST"], "--port": settings["PORT"], "--username": settings["USER"]}
    command = [str(find_postgres() / program), "--no-password", f"--dbname={settings['NAME']}"]
    return [*command, *(f"{name}={said}" for name, said in places.items() if said), *arguments]


def build_environment() -> dict[str, str]:
    return {**os.environ, "PGPASSWORD": connection.settings_dict["PASSWORD"] or ""}


def run_program(program: str, *arguments: str) -> None:
    """Raises EngineError with the program's last words."""
    done = subprocess.run(
        build_command(program, *arguments),
        env=build_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise EngineError(f"{program} failed: {find_reason(done.stderr)}.")


def find_reason(said: str) -> str:
    """The last error of what a program told, else its last line; psql tells a line and a place below each error."""
    lines = said.strip().splitlines() or ["no reason given"]
    return next((line for line in reversed(lines) if "ERROR:" in line or "error:" in line), lines[-1])
