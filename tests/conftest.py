"""The real model, trained once for all tests, and a running service over it."""

import hashlib
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from model.artifact import Artifact, load
from model.tagger import Tagger
from service.server import make_server
from service.settings import ROOT, Settings
from training.build import DataSet, build
from training.config import load_config
from training.train import LIBRARIES, train


@pytest.fixture(scope="session")
def artifact_folder(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model, trained unless the tests have already trained one on the same data with the same code and libraries."""
    kept = pytestconfig.cache.mkdir("model") if pytestconfig.cache else tmp_path_factory.mktemp("kept")
    trained = kept / _what_decides_a_model()
    if not trained.exists():
        for outdated in kept.iterdir():
            shutil.rmtree(outdated)
        train(ROOT / "data", trained, load_config(), lambda line: None)
    return Path(shutil.copytree(trained, tmp_path_factory.mktemp("model") / "artifact"))


def _what_decides_a_model() -> str:
    """Return a hash of every file of data and code that training reads, and of the versions it uses."""
    digest = hashlib.sha256(repr((sys.version, [(name, version(name)) for name in (*LIBRARIES, "helmkeel")])).encode())
    for folder in ("data", "model", "training"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix not in {".pyc", ".c", ".so"}:  # what is compiled has its source there, too
                digest.update(repr((str(path.relative_to(ROOT)), hashlib.sha256(path.read_bytes()).digest())).encode())
    return digest.hexdigest()


@pytest.fixture(scope="session")
def dataset() -> DataSet:
    """The rows the model is trained on."""
    return build(ROOT / "data", load_config().data.near_duplicate)


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
