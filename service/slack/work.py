"""Work done after a request was acknowledged: two small pools of threads, a bound on what may wait, and work for later.

Python runs one thread at a time, so a job in progress slows every acknowledgement down. Jobs therefore begin only while none is being made.
"""

import threading
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
        self._timers: set[threading.Timer] = set()
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
        """Run a job after a while, in a thread of its own; one that still waits when the service stops is dropped."""

        def run() -> None:
            self._timers.discard(timer)
            job()

        timer = threading.Timer(seconds, run)
        timer.daemon = True
        self._timers.add(timer)
        timer.start()

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
        for pool in self._pools.values():
            pool.shutdown(wait=True)
        for timer in list(self._timers):
            timer.cancel()

    def _run(self, job: Job) -> None:
        with self._calm:
            self._calm.wait_for(lambda: not self._urgent, _PATIENCE)
        try:
            job()
        finally:
            self._places.release()
