"""Work done after a request was acknowledged: two small pools of threads, a bound on what may wait, and work for later.

Python runs one thread at a time, so a job in progress slows every acknowledgement down. Jobs therefore begin only while none is being made.
"""

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

WAITING: Final = 1000
"""Jobs that may wait or run at a time; a small document takes some hundredths of a second."""
_PATIENCE: Final = 1.0
"""Seconds after which a job begins whatever is being acknowledged."""
_READERS: Final = 4  # tag, fetch threads and files; mostly they wait for Slack
_QUICK: Final = 4  # answer clicks from memory: Slack gives three seconds to open a window

Job = Callable[[], None]


class BusyError(Exception):
    """More work waits than may."""


class Work:
    """Runs jobs in threads. Jobs deal with their own errors: whatever one raises is lost."""

    def __init__(self) -> None:
        self._places = threading.BoundedSemaphore(WAITING)
        self._pools = {quick: ThreadPoolExecutor(size, "slack") for quick, size in ((False, _READERS), (True, _QUICK))}
        self._put_off: list[tuple[float, int, Job]] = []
        self._clock: threading.Thread | None = None
        self._closed = False
        self._news = threading.Condition()
        self._numbers = itertools.count()
        self._calm = threading.Condition()
        self._urgent = 0

    def submit(self, job: Job, *, quick: bool = False) -> None:
        """Run a job soon; `quick` jobs do not wait behind the others.

        Raises:
            BusyError: too many jobs wait.
        """
        if not self._places.acquire(blocking=False):
            raise BusyError
        try:
            self._pools[quick].submit(self._run, job)
        except RuntimeError as error:  # the service is stopping
            self._places.release()
            raise BusyError from error

    def later(self, seconds: float, job: Job) -> None:
        """Run a job after a while; one that still waits when the service stops is dropped."""
        with self._news:
            heapq.heappush(self._put_off, (time.monotonic() + seconds, next(self._numbers), job))
            if self._clock is None:
                self._clock = threading.Thread(target=self._tick, daemon=True)
                self._clock.start()
            self._news.notify()

    @contextmanager
    def acknowledging(self) -> Iterator[None]:
        """While this lasts, no job begins."""
        with self._calm:
            self._urgent += 1
        try:
            yield
        finally:
            with self._calm:
                self._urgent -= 1
                if not self._urgent:
                    self._calm.notify_all()

    def close(self) -> None:
        """Finish what waits, drop what was put off, and take no more."""
        with self._news:
            self._closed = True
            self._news.notify()
        if self._clock:
            self._clock.join()
        for pool in self._pools.values():
            pool.shutdown(wait=True)

    def _tick(self) -> None:
        """Hand jobs over when their time has come."""
        while True:
            with self._news:
                while not self._closed and not (self._put_off and self._put_off[0][0] <= time.monotonic()):
                    self._news.wait(self._put_off[0][0] - time.monotonic() if self._put_off else None)
                if self._closed:
                    return
                job = heapq.heappop(self._put_off)[2]
            self._pools[True].submit(job)

    def _run(self, job: Job) -> None:
        with self._calm:
            self._calm.wait_for(lambda: not self._urgent, _PATIENCE)
        try:
            job()
        finally:
            self._places.release()
