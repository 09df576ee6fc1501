"""What tests of the service ask, and how they look at a refusal."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx

BUDGET = {"text": "Prepare the annual budget."}
_PIECE = b" " * 1_000_000


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is a problem of that code; return it."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["code"] == code
    assert body["status"] == status
    assert body["detail"]
    return body


def refused_while_it_arrives(client: httpx.Client, status: int, code: str) -> None:
    """Send a body without an end worth waiting for; the service has to say no before it has read it all."""
    sent = 0

    def stream() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(200):
            sent += len(_PIECE)
            yield _PIECE

    with suppress(httpx.WriteError):  # the service may hang up before the client has read why
        problem(client.post("/v1/tag", content=stream()), status, code)
    assert sent < 200 * len(_PIECE)
