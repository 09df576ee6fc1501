"""The service as a process of its own, and load on it, for the faults and the soak."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from service.settings import Settings

BODY: Final = {"text": "We plan the annual budget and coach the team to find its own answers."}
PATIENCE: Final = 60.0


@dataclass(frozen=True)
class Service:
    """A running service."""

    process: "subprocess.Popen[bytes]"
    url: str
    artifact: Path

    @property
    def port(self) -> int:
        """Where it listens."""
        return httpx.URL(self.url).port or 80

    def workers(self) -> list[int]:
        """Return the worker processes: the children of the template process."""
        return [worker for template in children(self.process.pid) for worker in children(template)]

    def metric(self, name: str) -> float:
        """Return a metric, named with its labels; 0 where there is none yet."""
        lines = httpx.get(f"{self.url}/metrics", timeout=PATIENCE).text.splitlines()
        return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name} ")), 0.0)


@contextmanager
def serving(*prefix: str, **environment: str) -> Iterator[Service]:
    """Run the service on a free port, with an artifact that may be spoiled."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        artifact = Path(shutil.copytree(Settings().artifact, Path(folder, "artifact")))
        environment = {"HELMKEEL_LOG_LEVEL": "error", "HELMKEEL_ARTIFACT": str(artifact)} | environment
        command = [*prefix, str(Path(sys.executable).with_name("helmkeel")), "serve", "--port", str(port)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | environment)
        service = Service(process, f"http://127.0.0.1:{port}", artifact)
        try:
            deadline = time.monotonic() + PATIENCE
            while status(service, "/readyz") != httpx.codes.OK:
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit("the service did not start")
                time.sleep(0.2)
            yield service
        finally:
            process.terminate()
            process.wait()


def status(service: Service, path: str) -> int | str:
    """Ask for a page; return its status, or the error's name."""
    try:
        return httpx.get(service.url + path, timeout=PATIENCE).status_code
    except httpx.TransportError as error:
        return type(error).__name__


@contextmanager
def load(service: Service, connections: int = 4) -> Iterator[Counter[int | str]]:
    """Ask without a pause until the block ends; yields the answers by status, and what failed by its name."""
    stop, outcomes = threading.Event(), Counter[int | str]()

    def ask() -> None:
        with httpx.Client(base_url=service.url, timeout=PATIENCE) as client:
            while not stop.is_set():
                try:
                    outcomes[client.post("/v1/tag", json={"text": f"{BODY['text']}\n" * 40}).status_code] += 1
                except httpx.TransportError as error:
                    outcomes[type(error).__name__] += 1

    threads = [threading.Thread(target=ask) for _ in range(connections)]
    for thread in threads:
        thread.start()
    try:
        yield outcomes
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def until(condition: Callable[[], bool]) -> None:
    """Wait until something is true; give up after a minute."""
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)


def children(pid: int) -> list[int]:
    """Return the child processes of a process that are not dead."""
    found = [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]
    return [child for child in found if " Z " not in Path(f"/proc/{child}/stat").read_text()]
