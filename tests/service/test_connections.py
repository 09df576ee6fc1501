"""Clients that are slow, silent, or gone."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service import server
from service.settings import Settings
from tests.conftest import serving
from tests.service.running import PATIENCE

HEAD = b"POST /v1/tag HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def impatient(artifact_folder: Path) -> Iterator[httpx.Client]:
    """A service whose limits are so short that a test can wait for them."""
    patch = pytest.MonkeyPatch()
    patch.setattr(server, "HEADER_SECONDS", 0.3)
    settings = Settings(artifact=artifact_folder, workers=1, request_seconds=1.5, max_buffered_bytes=100_000)
    with serving(settings) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client
    patch.undo()


def connect(client: httpx.Client) -> socket.socket:
    return socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=60)


def received(connection: socket.socket) -> bytes:
    content = b""
    while part := connection.recv(65536):
        content += part
    return content


@pytest.mark.parametrize("sent", [b"", b"POST /v1/tag HT", HEAD], ids=["nothing", "a piece of a line", "headers without an end"])
def test_who_never_finishes_the_head_is_cut_off(impatient: httpx.Client, sent: bytes) -> None:
    with connect(impatient) as connection:
        connection.sendall(sent)
        assert received(connection) == b""


def test_who_starts_a_second_request_and_never_finishes_its_head_is_cut_off(impatient: httpx.Client) -> None:
    with connect(impatient) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HT")
        assert received(connection).endswith(b'{"status":"ok"}')


def test_a_byte_a_moment_is_too_slow_and_holds_nobody_up(impatient: httpx.Client) -> None:
    with connect(impatient) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
        started = time.monotonic()
        for _ in range(6):
            connection.sendall(b" ")
            assert impatient.post("/v1/tag", json={"text": "We plan the budget."}).status_code == 200
            time.sleep(0.05)
        answer = received(connection)
        assert time.monotonic() - started >= 1
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"body_timeout" in answer
    assert b"connection: close" in answer


def test_who_leaves_in_the_middle_leaves_nothing_behind(impatient: httpx.Client) -> None:
    for _ in range(20):
        with connect(impatient) as connection:
            connection.sendall(HEAD + b'Content-Length: 1000\r\n\r\n{"text": "We plan')
    deadline = time.monotonic() + PATIENCE
    left, alone = 'route="/v1/tag",status="499"} 20.0', "helmkeel_requests_in_progress 1.0"  # the one that asks
    while not (left in (text := impatient.get("/metrics").text) and alone in text):
        assert time.monotonic() < deadline, text
    assert impatient.post("/v1/tag", json={"text": "We plan the budget."}).status_code == 200


def test_all_bodies_together_are_limited(impatient: httpx.Client) -> None:
    request = {"text": "We plan. " * 2_000}
    deadline = time.monotonic() + PATIENCE
    while True:
        with connect(impatient) as first:
            first.sendall(HEAD + b"Content-Length: 90001\r\n\r\n" + b" " * 90_000)
            answer = impatient.post("/v1/tag", json=request)
            if answer.status_code != 200:
                break
            assert b" 429 " in received(first)  # the second was there first
        assert time.monotonic() < deadline
    assert (answer.status_code, answer.json()["code"]) == (429, "busy")
    assert answer.headers["retry-after"] == "1"
    while impatient.post("/v1/tag", json=request).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.01)
