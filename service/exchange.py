"""What is known about the request being answered, gathered on its way for log, metrics and traces: never a word of any text."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import Scope

from service.workers.messages import Reply

_KEY: Final = "helmkeel.exchange"


@dataclass(slots=True)
class Allowance:
    """What is left of a rate limit: requests a minute, requests left now, seconds until all are back."""

    limit: int
    remaining: int
    reset: int


@dataclass(slots=True)
class Exchange:
    """A request and its answer, in numbers and names.

    Attributes:
        request_id: in the X-Request-ID header of the answer.
        route: path of the route, where the request was answered before one was looked for.
        status: of the answer; 499 where the client left before there was one.
        code: of the problem, if it is one.
        key: name of the API key.
        allowance: what the rate limit leaves.
        request_bytes, response_bytes: of the bodies.
        reply: what a worker answered.
    """

    request_id: str
    route: str | None = None
    status: int = 499
    code: str | None = None
    key: str | None = None
    allowance: Allowance | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    reply: Reply | None = None


def begin(scope: MutableMapping[str, Any], request_id: str) -> Exchange:
    """Open the account of a request."""
    exchange = Exchange(request_id)
    scope[_KEY] = exchange
    return exchange


def of(scope: Scope) -> Exchange:
    """Return the account of a request."""
    exchange: Exchange = scope[_KEY]
    return exchange
