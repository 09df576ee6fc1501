"""`make faults`: a disk on which nothing can be written, and a thousand idle connections.

Says what came of each; exit 1 if it is not well.
"""

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import httpx

IDLE: Final = 1000
BODY: Final = {"text": "We plan the annual budget and coach the team to find its own answers."}


def main() -> None:
    """Run both."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * IDLE)), hard))
    good = all([full_disk(), idle_connections()])
    sys.exit(0 if good else 1)


def full_disk() -> bool:
    """Serve where no file can be made longer by a byte."""
    with serving("prlimit", "--fsize=0") as url:
        html = f"<html><body><p>{BODY['text']}</p></body></html>" + "<!-- -->" * 200_000
        statuses = [
            httpx.post(f"{url}/v1/tag", json=BODY).status_code,
            httpx.post(f"{url}/v1/tag/file", files={"file": ("a.html", html)}, timeout=30).status_code,
            httpx.post(f"{url}/v1/admin/reload", timeout=60).status_code,
        ]
    return told("full disk", statuses == [200] * 3, f"text, upload of {len(html):,} bytes, reload: {statuses}")


def idle_connections() -> bool:
    """Hold a thousand connections that say nothing, and ask beside them."""
    with serving() as url, ExitStack() as stack:
        port = httpx.URL(url).port or 80
        idle = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30)) for _ in range(IDLE)]
        statuses = [httpx.post(f"{url}/v1/tag", json=BODY).status_code for _ in range(50)]
        started = time.monotonic()
        closed = sum(connection.recv(1) == b"" for connection in idle)
        waited = time.monotonic() - started
    return told(
        "idle connections", statuses == [200] * 50 and closed == IDLE, f"50 requests answered, {closed} cut off after {waited:.0f} s"
    )


@contextmanager
def serving(*prefix: str) -> Iterator[str]:
    """Run the service on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = [*prefix, str(Path(sys.executable).with_name("helmkeel")), "serve", "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ | {"HELMKEEL_LOG_LEVEL": "error"})
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                if httpx.get(f"{url}/readyz").status_code == httpx.codes.OK:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.communicate()


def told(fault: str, good: bool, outcome: str) -> bool:
    """Print an outcome."""
    print(f"{'ok' if good else 'FAILED':<6} {fault}: {outcome}", flush=True)
    return good


if __name__ == "__main__":
    main()
