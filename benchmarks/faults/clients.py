"""Clients that are slow, silent or gone."""

import socket
import time
from contextlib import ExitStack
from typing import Final

import httpx

from benchmarks.faults.running import BODY, PATIENCE, Service, load, serving, until

IDLE: Final = 1000
LEAVING: Final = 100
HEAD: Final = b"POST /v1/tag HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def byte_a_second() -> tuple[bool, str]:
    """Send a head and a body a byte a second, while others ask."""
    with serving() as service, load(service, 1) as outcomes:
        head, _ = trickled(service, b"", HEAD)
        body, answer = trickled(service, HEAD + b"Content-Length: 1000\r\n\r\n", b" " * 1000)
    first_line = answer.split(b"\r\n", 1)[0].decode()
    good = set(outcomes) == {200} and 9 < head < 20 and 29 < body < 45 and first_line.startswith("HTTP/1.1 408")
    return good, f"a head is cut off after {head:.0f} s, a body after {body:.0f} s with {first_line!r}; answers to others {dict(outcomes)}"


def disconnects() -> tuple[bool, str]:
    """Leave in the middle of a body, or before the answer."""
    with serving() as service:
        whole = b'{"text": "' + b"We plan the budget. " * 2_000 + b'"}'
        for number in range(LEAVING):
            with connect(service) as connection:
                head = HEAD + b"Content-Length: %d\r\n\r\n" % len(whole)
                connection.sendall(head + whole[: len(whole) // (1 + number % 2)])
        until(lambda: service.metric("helmkeel_requests_in_progress") == 1 and service.metric("helmkeel_queue_depth") == 0)
        left = service.metric('helmkeel_requests_total{method="POST",route="/v1/tag",status="499"}')
        answer = httpx.post(f"{service.url}/v1/tag", json=BODY, timeout=PATIENCE).status_code
        replaced = service.metric('helmkeel_worker_restarts_total{reason="stopped"}')
    return answer == 200 and left >= LEAVING // 2, (
        f"{LEAVING} left, {left:.0f} of them before an answer was made (499), nothing is in progress after; {replaced:.0f} workers"
        f" replaced; the next is answered {answer}"
    )


def idle_connections() -> tuple[bool, str]:
    """Hold a thousand connections that say nothing, and ask beside them."""
    with serving() as service, ExitStack() as stack:
        started = time.monotonic()
        idle = [stack.enter_context(connect(service)) for _ in range(IDLE)]
        statuses = [httpx.post(f"{service.url}/v1/tag", json=BODY, timeout=PATIENCE).status_code for _ in range(50)]
        closed = sum(connection.recv(1) == b"" for connection in idle)
        waited = time.monotonic() - started
    good = statuses == [200] * 50 and closed == IDLE
    return good, f"{statuses.count(200)} of 50 requests answered, {closed} of {IDLE} idle connections cut off within {waited:.0f} s"


def connect(service: Service) -> socket.socket:
    """Open a connection."""
    return socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE)


def trickled(service: Service, at_once: bytes, slowly: bytes) -> tuple[float, bytes]:
    """Send something at once and the rest a byte a second; return the seconds until the service hung up, and what it said."""
    answer = b""
    with connect(service) as connection:
        started = time.monotonic()
        connection.sendall(at_once)
        connection.settimeout(1)
        for byte in slowly:
            try:
                connection.sendall(bytes([byte]))
                part = connection.recv(65_536)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if not part:
                break
            answer += part
        return time.monotonic() - started, answer
