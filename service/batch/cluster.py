"""Workers of a Dask cluster: each gets the model once, reads its chunks and writes its parts itself.

What the workers read and write must be under the same paths on every machine: a shared file system.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from distributed import Client, KilledWorker, Worker, WorkerPlugin, get_worker

from model.artifact import load
from model.folded import FoldedModel
from model.tagger import Tagger
from service.batch.runner import Pool
from service.batch.scorers import Limits, LocalScorer, ScoringError

PLUGIN: Final = "helmkeel"
RETRIES: Final = 3
"""Attempts at a chunk after the first; Dask itself gives a chunk to another worker where one is lost."""
_WAIT_SECONDS: Final = 60
_CONNECT_SECONDS: Final = 10


class ModelPlugin(WorkerPlugin):
    """Brings the model to every worker that is there or comes later."""

    name = PLUGIN

    def __init__(self, model: FoldedModel, sha256: str, limits: Limits, release: str) -> None:
        self._model = model
        self._sha256 = sha256
        self._limits = limits
        self._release = release

    def setup(self, worker: Worker) -> None:
        """Make the tagger. Raises RuntimeError on a worker of another release, whose rows might differ."""
        if version("helmkeel") != self._release:
            raise RuntimeError(f"this worker has Helmkeel {version('helmkeel')}, the command {self._release}; install the same")
        self.scorer = LocalScorer(Tagger(self._model), self._sha256, self._limits)


@dataclass(frozen=True, slots=True)
class WorkerModel:
    """The model that the plugin brought, or, on the machine of the command, its hash alone."""

    sha256: str

    def open(self) -> LocalScorer:
        """Return the scorer of the worker this runs on."""
        plugin = get_worker().plugins[PLUGIN]
        assert isinstance(plugin, ModelPlugin)  # noqa: S101 -- the only one of that name
        return plugin.scorer

    def model(self) -> str:
        """Return the hash of the model."""
        return self.sha256


@contextmanager
def cluster(address: str, artifact: Path, limits: Limits) -> Iterator[Pool]:
    """Connect to a scheduler and bring the model to its workers.

    Raises:
        ScoringError: nobody answers there, or no worker comes within a minute.
    """
    loaded = load(artifact)
    try:
        client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise ScoringError(f"no Dask scheduler answers at {address}; start one with `dask scheduler`") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_WAIT_SECONDS)
        except TimeoutError as error:
            raise ScoringError(f"the scheduler at {address} has no workers; start some with `dask worker {address}`") from error
        _checked(client.register_plugin(ModelPlugin(loaded.model, loaded.sha256, limits, version("helmkeel"))))
        threads = sum(client.nthreads().values())  # type: ignore[no-untyped-call]
        executor = client.get_executor(pure=False, retries=RETRIES)  # type: ignore[no-untyped-call]
        try:
            yield Pool(executor, ahead=4 * max(threads, 1))
        except KilledWorker as error:
            raise ScoringError(
                "one chunk after another lost its worker; the workers' logs say why, most likely for want of memory"
            ) from error


def _checked(answers: dict[str, Any]) -> None:
    """Raise ScoringError for the first worker on which the plugin could not be set up."""
    for worker, answer in answers.items():
        if answer.get("status") == "error":
            raise ScoringError(f"worker {worker} cannot take the model: {answer.get('exception')}")
