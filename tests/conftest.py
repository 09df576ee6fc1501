"""The real model, trained once for all tests, and a running service over it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from model.artifact import Artifact, load
from model.tagger import Tagger
from service.server import make_server
from service.settings import ROOT, Settings
from training.config import load_config
from training.train import train


@pytest.fixture(scope="session")
def artifact_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "artifact"
    train(ROOT / "data", folder, load_config(), lambda line: None)
    return folder


@pytest.fixture(scope="session")
def artifact(artifact_folder: Path) -> Artifact:
    return load(artifact_folder)


@pytest.fixture(scope="session")
def tagger(artifact: Artifact) -> Tagger:
    return Tagger(artifact.model)


@pytest.fixture(scope="session")
def client(artifact_folder: Path) -> Iterator[httpx.Client]:
    with serving(Settings(artifact=artifact_folder)) as base_url, httpx.Client(base_url=base_url, timeout=60) as client:
        yield client


@pytest.fixture
def examples() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").iterdir())}


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Run the service on a free port of the loopback interface and give its address."""
    server = make_server(settings.model_copy(update={"port": 0}))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
