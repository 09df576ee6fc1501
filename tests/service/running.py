"""The service as it runs for a user: a process of its own, with its log."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

HELMKEEL = Path(sys.executable).with_name("helmkeel")
PATIENCE = 60.0


@dataclass
class Running:
    """A service: its process, where it listens, and where its log goes."""

    process: "subprocess.Popen[bytes]"
    url: str
    log_path: Path

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    @property
    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8")

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Return the log lines of an event."""
        parsed = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line for line in parsed if line["event"] == event]

    def workers(self) -> list[int]:
        """Return the numbers of the worker processes: the children of the template process."""
        return [worker for template in children(self.process.pid) for worker in children(template)]

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


@contextmanager
def running(artifact: Path, *arguments: str, wait: bool = True, **settings: str) -> Iterator[Running]:
    """Run `helmkeel serve` on a free port, settings given as the end of their variables' names."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HELMKEEL_")}
    environment |= {"HELMKEEL_ARTIFACT": str(artifact), "HELMKEEL_PORT": str(port)}
    environment |= {f"HELMKEEL_{name.upper()}": value for name, value in settings.items()}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with log.open("wb") as stream:
            process = subprocess.Popen([HELMKEEL, "serve", *arguments], env=environment, stderr=stream, stdout=stream)
        service = Running(process, f"http://127.0.0.1:{port}", log)
        try:
            if wait:
                until(lambda: answers(service), service)
            yield service
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def answers(service: Running) -> bool:
    """Whether the service is ready."""
    try:
        return httpx.get(f"{service.url}/readyz", timeout=1).status_code == 200
    except httpx.TransportError:
        return False


def until(condition: Callable[[], object], service: Running) -> None:
    """Wait until something is true; fail where the service ends or it takes a minute."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert service.process.poll() is None, service.log
        assert time.monotonic() < deadline, service.log
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    """Return the child processes of a process that are no zombies; none of a process that has ended."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in _read(task).split()]
    return [child for child in found if " Z " not in _read(Path(f"/proc/{child}/stat"), "gone Z ")]


def _read(path: Path, ended: str = "") -> str:
    """Return what the system says of a process, or `ended` where it has ended on the way."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ended


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
