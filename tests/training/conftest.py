import shutil
from pathlib import Path

import pytest

from service.settings import ROOT
from training.corpus import Example, read_corpus

DATA = ROOT / "data"


@pytest.fixture(scope="session")
def corpus() -> list[Example]:
    return read_corpus(DATA / "corpus")


@pytest.fixture(scope="session")
def holdout() -> list[Example]:
    return read_corpus(DATA / "holdout")


@pytest.fixture(scope="session")
def small_data(corpus: list[Example], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder like the real one with every fifteenth document of the corpus; tests leave it as it is."""
    data = tmp_path_factory.mktemp("small") / "data"
    (data / "corpus").mkdir(parents=True)
    for name in ("contrasts.yaml", "embedding", "student", "probes.yaml"):
        (data / name).symlink_to(DATA / name)
    shutil.copytree(DATA / "holdout", data / "holdout")
    kept = set(sorted({e.doc for e in corpus})[::15])
    lines = [e.model_dump_json(by_alias=True, exclude_none=True) for e in corpus if e.doc in kept]
    (data / "corpus" / "small.jsonl").write_text("\n".join(lines) + "\n")
    return data
