"""What is watched from outside while a server is under load: how soon it says that it is well, and the processor time it takes."""

import os
import threading
import time
from pathlib import Path

import httpx


class Health:
    """Asks for health pages twenty times a second until the block ends; `slowest` then tells what 99 of 100 took at most."""

    def __init__(self, base_url: str, paths: tuple[str, ...]) -> None:
        self._base_url = base_url
        self._times: dict[str, list[float]] = {path: [] for path in paths}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> "Health":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def slowest(self, path: str) -> float:
        """Return the 99th percentile in milliseconds."""
        times = sorted(self._times[path])
        return 1000 * times[min(len(times) - 1, len(times) * 99 // 100)]

    def _ask(self) -> None:
        with httpx.Client(base_url=self._base_url, timeout=30) as client:
            while not self._stop.wait(0.05):
                for path, times in self._times.items():
                    started = time.perf_counter()
                    client.get(path).raise_for_status()
                    times.append(time.perf_counter() - started)


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process and all under it, those that have ended included."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        tasks = [task.read_text().split() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return 0.0
    own = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return own + sum(processor_seconds(int(child)) for children in tasks for child in children)
