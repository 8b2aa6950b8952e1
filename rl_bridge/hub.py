"""Sends an export to a dataset repository of the Hugging Face Hub, as one commit; HF_TOKEN in the environment signs it.

What arrives is the frozen folder: the card is the repository's page, and `datasets.load_dataset(repository, config)`
opens it. Files of an earlier export are removed in the same commit, or its rows would be loaded along.
"""

import os
import re
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from rl_bridge.data import check_export
from rl_bridge.errors import BridgeError

TOKEN_VARIABLE = "HF_TOKEN"
_OLD_FILES = ["*/*.parquet", "*/*.jsonl"]
_ERROR_NUMBER = re.compile(r"^\[Errno -?\d+\] ")
_NO_CONNECTION = HfHubHTTPError.__mro__[1]
# Its own, and the ancestor that it shares with what the HTTP library raises where there is no connection; where a large
# file does not arrive, it raises a RuntimeError that names the file.
_ERRORS: tuple[type[Exception], ...] = (
    HfHubHTTPError,
    _NO_CONNECTION,
    OSError,
    ValueError,
    RuntimeError,
)


class NoHubToken(BridgeError):
    """The environment holds no token for the Hub."""


class PushRefused(BridgeError):
    """The Hub refused the export, or could not be reached; the text says why."""


def push_export(folder: Path, repository: str, *, is_private: bool = True) -> str:
    """Check the export and upload it; returns the address of the commit. Raises `ExportError`, `NoHubToken`,
    `PushRefused`."""
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        raise NoHubToken(f"Set {TOKEN_VARIABLE} to a token that may write {repository}.")
    export = check_export(folder)
    api = HfApi(token=token)
    try:
        api.create_repo(repository, repo_type="dataset", private=is_private, exist_ok=True)
        commit = api.upload_folder(
            folder_path=str(folder),
            repo_id=repository,
            repo_type="dataset",
            delete_patterns=_OLD_FILES,
            commit_message=f"Export {export.title}",
        )
    except HFValidationError as error:
        raise PushRefused(f"{repository!r} is no name of a repository: {_first_line(error)}") from error
    except _ERRORS as error:
        is_answer = isinstance(error, HfHubHTTPError) or not isinstance(error, _NO_CONNECTION)
        said = (
            f"The Hub did not take {repository}: {_first_line(error)}"
            if is_answer
            else f"The connection to the Hub at {api.endpoint} failed: {_ERROR_NUMBER.sub('', _first_line(error))}"
        )
        raise PushRefused(said.replace(token, "…")) from error
    return str(commit.commit_url)


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
