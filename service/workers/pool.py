"""The service's side of its workers: a bounded queue, a time limit that frees the worker, and workers that come back when they die."""

import asyncio
import contextlib
import logging
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import ClientDisconnect

from model.artifact import ArtifactError
from model.contrasts import Contrasts
from service.problems import Code, ProblemError
from service.schemas import ModelAnswer
from service.settings import Settings
from service.workers.messages import Job, JobKind, Reply
from service.workers.process import Template, Worker

_log = logging.getLogger("helmkeel.workers")

GivenUp = Callable[[], bool]
"""Tells whether nobody waits for an answer any more."""

_TEND_SECONDS: Final = 0.5
_LONGEST_WAIT: Final = 30.0
_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class PoolState:
    """What the workers are doing.

    Attributes:
        idle, busy, missing: workers; `missing` ones died and are not back yet.
        waiting: requests that wait for a worker.
        restarts: workers replaced since the start, by reason: `died`; `stopped` in the middle of a request that took too long.
    """

    idle: int
    busy: int
    missing: int
    waiting: int
    restarts: dict[str, int]


@dataclass(eq=False, slots=True)
class _Slot:
    """A place for one worker; `worker` is None while a new one is made."""

    worker: Worker | None = None
    busy: bool = False


@dataclass(eq=False)
class _Counts:
    waiting: int = 0
    seconds: float = 0.02  # of a job, a moving average
    restarts: Counter[str] = field(default_factory=Counter)


class Pool:
    """Runs jobs in worker processes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._slots = [_Slot() for _ in range(settings.workers)]
        self._idle: asyncio.Queue[_Slot] = asyncio.Queue()
        self._line = asyncio.Lock()  # held by whoever takes the next idle slot; a queue alone lets newcomers pass those who wait
        self._files = asyncio.Semaphore(max(1, settings.workers - 1))  # a slow file must not keep every worker from short texts
        self._counts = _Counts()
        self._template: Template | None = None
        self._spares: list[Worker] = []
        self._reloading = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._tending: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def started(self) -> bool:
        """Whether jobs can be run."""
        return self._template is not None

    @property
    def model(self) -> ModelAnswer | None:
        """The model that answers; None before one is loaded, and while no worker lives."""
        return self._template.model if self._template and any(slot.worker for slot in self._slots) else None

    @property
    def contrasts(self) -> Contrasts | None:
        """What the tags of the model mean."""
        return self._template.contrasts if self._template else None

    @property
    def state(self) -> PoolState:
        """What the workers are doing now."""
        busy = sum(slot.busy for slot in self._slots)
        missing = sum(slot.worker is None for slot in self._slots)
        idle = len(self._slots) - busy - missing
        return PoolState(idle, busy, missing, self._counts.waiting, dict(self._counts.restarts))

    async def start(self) -> None:
        """Load the model and start the workers. Raises ArtifactError where the model cannot be used."""
        self._template = await Template.start(self._settings)
        for slot in self._slots:
            slot.worker = await self._template.fork()
            self._idle.put_nowait(slot)
        self._tending = asyncio.create_task(self._tend())

    async def close(self) -> None:
        """Stop all processes, whatever they do; call it when no request is left."""
        self._closing = True
        if self._tending:
            self._tending.cancel()
        for slot in self._slots:
            if worker := slot.worker:
                slot.worker = None
                await worker.template.stop(worker)
        for worker in self._spares:
            await worker.template.stop(worker)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._template:
            await asyncio.to_thread(self._template.close)
            self._template = None

    def admit(self) -> None:
        """Raise ProblemError `busy` where no more jobs may wait."""
        if self._counts.waiting >= self._settings.queue_size:
            raise ProblemError(
                Code.BUSY,
                f"{self._counts.waiting} requests wait already; try again after the time in Retry-After",
                limit=self._settings.queue_size,
                retry_after=self._retry_after(),
            )

    async def run(self, job: Job, given_up: GivenUp | None = None) -> Reply:
        """Do a job in a worker.

        A job whose worker dies gets another: tagging changes nothing, so it can be done twice.

        Args:
            job: the job.
            given_up: asked before a worker is, so that no worker's time goes to a client that has left.

        Raises:
            ProblemError: `busy` where too many wait already, `timeout`, `worker_died`.
            ClientDisconnect: the client has given up.
        """
        self.admit()
        seconds = self._settings.request_seconds
        try:
            async with asyncio.timeout(seconds):
                async with self._turn(job):
                    for _ in range(_ATTEMPTS):
                        with contextlib.suppress(ConnectionError, EOFError):
                            return await self._attempt(job, given_up)
        except TimeoutError:
            detail = f"The request took longer than {seconds:g} seconds; send shorter documents, or fewer at a time"
            raise ProblemError(Code.TIMEOUT, detail, retry_after=self._retry_after()) from None
        raise ProblemError(Code.WORKER_DIED, "The processes that did the work died, one after another; other requests are answered")

    async def reload(self) -> ModelAnswer:
        """Load the model anew, check it, and let it take over while requests go on; on failure the old one stays.

        Raises:
            ArtifactError: the new model cannot be used.
            ProblemError: `reload_running`.
        """
        if self._reloading.locked():
            raise ProblemError(Code.RELOAD_RUNNING, "A model is being loaded already; wait until it has taken over")
        async with self._reloading:
            fresh = await Template.start(self._settings)
            try:
                spares = [await fresh.fork() for _ in self._slots]
            except OSError as error:
                await asyncio.to_thread(fresh.close)
                raise ArtifactError(f"no worker could be started ({type(error).__name__})") from error
            self._take_over(fresh, spares)
        return fresh.model

    def _take_over(self, fresh: Template, spares: list[Worker]) -> None:
        """Give every idle slot a worker of a new template now, and every other one when it is done."""
        old, self._template = self._template, fresh
        unused, self._spares = self._spares, spares
        for worker in unused:
            self._spawn(worker.template.stop(worker))
        for slot in self._slots:
            if slot.worker and not slot.busy:
                self._renew(slot)
        if old:
            self._spawn(self._retire(old))

    @contextlib.asynccontextmanager
    async def _turn(self, job: Job) -> AsyncIterator[None]:
        """Let a file wait until fewer files than workers are read."""
        if job.kind is not JobKind.FILE:
            yield
            return
        self._counts.waiting += 1
        try:
            await self._files.acquire()
        finally:
            self._counts.waiting -= 1
        try:
            yield
        finally:
            self._files.release()

    async def _attempt(self, job: Job, given_up: GivenUp | None) -> Reply:
        slot = await self._free(given_up)
        slot.busy = True
        worker, started = slot.worker, time.monotonic()
        assert worker  # noqa: S101 -- only slots with a worker are in the queue
        try:
            reply = await worker.run(job)
        except (ConnectionError, EOFError):
            self._lose(slot, "died")
            raise
        except BaseException:  # out of time, or given up: whatever the worker says next belongs to this request
            self._lose(slot, "stopped")
            raise
        self._counts.seconds += 0.1 * (time.monotonic() - started - self._counts.seconds)
        slot.busy = False
        if worker.template is not self._template:
            self._renew(slot)
        self._idle.put_nowait(slot)
        await asyncio.sleep(0)  # whoever is next gives the worker its job before this answer is made and sent
        return reply

    async def _free(self, given_up: GivenUp | None) -> _Slot:
        """Take the next idle slot, in the order of asking."""
        self._counts.waiting += 1
        try:
            async with self._line:
                slot = await self._idle.get()
        finally:
            self._counts.waiting -= 1
        if given_up and given_up():
            self._idle.put_nowait(slot)
            raise ClientDisconnect
        return slot

    def _retry_after(self) -> int:
        return max(1, math.ceil((self._counts.waiting + 1) * self._counts.seconds / len(self._slots)))

    def _renew(self, slot: _Slot) -> None:
        """Put a worker of the new model in the place of one of the old."""
        old, slot.worker = slot.worker, self._spares.pop()
        if old:
            self._spawn(old.template.stop(old))

    def _lose(self, slot: _Slot, reason: str) -> None:
        self._counts.restarts[reason] += 1
        _log.warning("worker lost", extra={"reason": reason})
        worker, slot.worker, slot.busy = slot.worker, None, False
        self._spawn(self._refill(slot, worker))

    async def _refill(self, slot: _Slot, lost: Worker | None) -> None:
        """Make a worker in place of a lost one, trying again as long as it takes."""
        if lost:
            await lost.template.stop(lost)
        while slot.worker is None and not self._closing:
            if self._spares:
                slot.worker = self._spares.pop()
            elif template := self._template:
                try:
                    worker = await template.fork()
                except OSError:  # `_tend` starts another template
                    await asyncio.sleep(_TEND_SECONDS)
                    continue
                if template is self._template:
                    slot.worker = worker
                else:  # another model took over meanwhile
                    await template.stop(worker)
        self._idle.put_nowait(slot)

    async def _retire(self, template: Template) -> None:
        """End a template process when its last worker has done its last job."""
        while any(slot.worker and slot.worker.template is template for slot in self._slots):
            await asyncio.sleep(_TEND_SECONDS / 10)
        await asyncio.to_thread(template.close)

    async def _tend(self) -> None:
        """Replace workers that die while they have nothing to do, and the template process, on which nothing hangs meanwhile."""
        wait, last_attempt = _TEND_SECONDS, 0.0
        while True:
            await asyncio.sleep(_TEND_SECONDS)
            for slot in self._slots:
                if slot.worker and not slot.busy and slot.worker.gone:
                    await self._take_out(slot)
            if self._template is None or self._template.process.poll() is None:
                wait = _TEND_SECONDS
            elif time.monotonic() - last_attempt >= wait:
                wait, last_attempt = min(2 * wait, _LONGEST_WAIT), time.monotonic()
                try:
                    await self.reload()
                    _log.warning("template process replaced")
                except (ArtifactError, OSError, ProblemError) as error:
                    reason = str(error) if isinstance(error, ArtifactError) else type(error).__name__
                    _log.error("template process cannot be replaced", extra={"reason": reason})

    async def _take_out(self, slot: _Slot) -> None:
        """Take an idle slot out of the queue and refill it."""
        others = []
        while not self._idle.empty():
            taken = self._idle.get_nowait()
            if taken is slot:
                self._lose(slot, "died")
            else:
                others.append(taken)
        for other in others:
            self._idle.put_nowait(other)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
