"""A data set of the Hub is read; what its author would have this machine read besides is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.annotation.importing.reading_hub import ReadingHub, read_all
from tests.rl_bridge.servers import Answer, Server, serving

ROWS = '{"prompt": "1 + 1?"}\n{"prompt": "2 + 2?"}\n'
READ = [{"prompt": "1 + 1?"}, {"prompt": "2 + 2?"}]
OUTSIDE = "Its card names data outside the repository"


def card(path: str, key: str = "data_files") -> str:
    return f"---\nconfigs:\n- config_name: default\n  {key}: '{path}'\n---\n"


@pytest.fixture
def inner_service() -> Iterator[Server]:
    """What answers inside the network, and should never be asked."""
    with serving(lambda asked: Answer(200, ROWS.encode())) as server:
        yield server


def test_a_repository_is_read_from_itself_alone(tmp_path: Path, inner_service: Server) -> None:
    secret = tmp_path / "secret.jsonl"
    secret.write_text('{"prompt": "a secret of this machine"}\n')
    picture = (
        "---\ndataset_info:\n  features:\n  - name: prompt\n    dtype: string\n"
        "  - name: shown\n    dtype: image\n---\n"
    )
    row = f'{{"prompt": "1 + 1?", "shown": {{"path": "{inner_service.url}/x.png", "bytes": null}}}}\n'
    hub = ReadingHub({
        "ada/honest": {"README.md": card("tr*.jsonl"), "train.jsonl": ROWS},
        "ada/plain": {"train.jsonl": ROWS},
        "eve/local": {"README.md": card(str(secret)), "train.jsonl": ROWS},
        "eve/address": {"README.md": card(f"{inner_service.url}/rows.jsonl"), "train.jsonl": ROWS},
        "eve/chained": {"README.md": card(f"zip://x.jsonl::{inner_service.url}/a.zip"), "train.jsonl": ROWS},
        "eve/folder": {"README.md": card(str(tmp_path), "data_dir"), "train.jsonl": ROWS},
        "eve/up": {"README.md": card("../../../../" + str(secret)), "train.jsonl": ROWS},
        "eve/hidden": {".huggingface.yaml": card(str(secret)).strip("-\n"), "train.jsonl": ROWS},
        "eve/picture": {"README.md": picture, "train.jsonl": row},
        "eve/archive": {"train.tar": "no tar"},
    })  # fmt: skip
    with serving(hub) as server:
        said = read_all(server.url, list(hub.repositories), tmp_path / "home", HF_TOKEN="hf_may_write")

    assert said["ada/honest"] == READ
    assert said["ada/plain"] == READ
    for name in ("local", "address", "chained", "folder", "up", "hidden"):
        assert OUTSIDE in said[f"eve/{name}"], said
    assert "holds no plain rows" in said["eve/archive"]
    assert inner_service.asked == []
    assert [asked for asked in server.asked if "authorization" in asked.headers] == []


@pytest.mark.slow
def test_a_token_for_reading_goes_along(tmp_path: Path) -> None:
    hub = ReadingHub({"ada/plain": {"train.jsonl": ROWS}})
    with serving(hub) as server:
        said = read_all(server.url, ["ada/plain"], tmp_path, GRADUS_HF_READ_TOKEN="hf_reads")

    assert said["ada/plain"] == READ
    assert {asked.headers.get("authorization") for asked in server.asked} == {"Bearer hf_reads"}
