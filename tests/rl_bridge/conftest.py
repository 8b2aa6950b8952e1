"""Fixtures of the rl_bridge tests: tiny models on disk, and the shipped model converted once a session."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from config import paths
from rl_bridge import models
from tests.rl_bridge import export_folders, tiny


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random-weight Llama."""
    return tiny.write_model(tmp_path_factory.mktemp("models") / "tiny-llama", tiny.build_llama())


@pytest.fixture(scope="session")
def tiny_falcon_h1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random-weight Falcon-H1."""
    return tiny.write_model(tmp_path_factory.mktemp("models") / "tiny-falcon-h1", tiny.build_falcon_h1())


@pytest.fixture(scope="session")
def shipped_models_dir() -> Path:
    """The models folder of all test runs: converting the shipped model takes 15 s."""
    models_dir = paths.models_dir(paths.data_dir())
    models.prepare_shipped_model(models_dir)
    return models_dir


@pytest.fixture
def export_folder(tmp_path: Path) -> Path:
    """An export with every config that a trainer reads."""
    return export_folders.write_whole_export(tmp_path / "export")


@pytest.fixture(autouse=True)
def one_thread_for_tiny_models(request: pytest.FixtureRequest) -> Iterator[None]:
    """Threads cost a model of a few thousand weights more than they give, most of all on a busy machine."""
    num_threads = torch.get_num_threads()
    if request.node.get_closest_marker("model") is None:
        torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)
