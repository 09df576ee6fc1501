"""Limits that need no look at the content: the size and the time of a body, all bodies together, and requests a minute."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import exchange
from service.errors import respond
from service.exchange import Allowance
from service.problems import Code, ProblemError

_REMEMBERED: Final = 10_000  # callers whose allowance is remembered before those with a full one are forgotten


class BodyLimit:
    """ASGI middleware that refuses a body while it arrives: one over the limit of its path, one too slow, one too many.

    A document that no worker will have time for is refused here, too, before anything else is done for it: clients that try again at
    once must not take the time from those whose documents are being tagged.
    """

    def __init__(
        self, app: ASGIApp, limit: int, limits: Mapping[str, int], seconds: float, buffered: int, admit: Callable[[], None]
    ) -> None:
        """Wrap an application.

        Args:
            app: the application.
            limit: bytes of one body.
            limits: the same for the paths that take documents.
            seconds: in which a body must have arrived.
            buffered: bytes of all bodies of requests that are not answered yet.
            admit: asked before a document is taken in; raises ProblemError where there is no room.
        """
        self.app = app
        self._limit = limit
        self._limits = limits
        self._admit = admit
        self._seconds = seconds
        self._buffered = buffered
        self._held = 0
        self._refusing = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer a problem as soon as a limit is passed."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        limit = self._limits.get(path, self._limit)
        body = _Body(limit, self._seconds, receive, send, self._hold)
        declared = headers.get(b"content-length", b"")
        body.complete = declared == b"0" or (not declared and b"transfer-encoding" not in headers)
        try:
            if declared.isdigit() and int(declared) > limit:
                raise _RefusedError(_too_large(limit, int(declared)))
            if path in self._limits and scope["method"] == "POST":
                await self._ask(body)
            await self.app(scope, body.receive, body.send)
        except _RefusedError as error:
            if not body.answered:
                exchange.of(scope).route = path if path in self._limits else None
                await respond(error.problem, scope)(scope, receive, body.send)
        finally:
            self._held -= body.held

    async def _ask(self, body: "_Body") -> None:
        try:
            self._admit()
        except ProblemError as error:
            await body.discard()
            async with self._refusing:  # one a turn of the loop: else workers stand idle until hundreds of clients are refused
                await asyncio.sleep(0)
            raise _RefusedError(error) from None

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > self._buffered:
            detail = f"The bodies of all requests together hold more than {self._buffered} bytes; try again in a moment"
            raise _RefusedError(ProblemError(Code.BUSY, detail, limit=self._buffered, retry_after=1))


class _Body:
    """The body of one request, on its way in, and whether it is answered."""

    def __init__(self, limit: int, seconds: float, receive: Receive, send: Send, hold: Callable[[int], None]) -> None:
        self.received = 0
        self.held = 0
        self.complete = False
        self.answered = False
        self._limit = limit
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._receive = receive
        self._send = send
        self._hold = hold

    async def receive(self) -> Message:
        """Pass the next part on, or raise _RefusedError."""
        if self.complete:
            return await self._receive()
        try:
            async with asyncio.timeout(max(0.0, self._deadline - time.monotonic())):
                message = await self._receive()
        except TimeoutError:
            detail = f"The body did not arrive within {self._seconds:g} seconds"
            raise _RefusedError(ProblemError(Code.BODY_TIMEOUT, detail)) from None
        size = len(message.get("body", b""))
        self.received += size
        self.complete = message["type"] == "http.disconnect" or not message.get("more_body", False)
        if self.received > self._limit:
            raise _RefusedError(_too_large(self._limit, None))
        self.held += size
        self._hold(size)
        return message

    async def discard(self) -> None:
        """Read on to the end and keep nothing: whoever is still sending would not see an answer before that."""
        while not self.complete:
            await self.receive()
            self._hold(-self.held)
            self.held = 0

    async def send(self, message: Message) -> None:
        """Send a part of the answer; hang up after it if the body was not read to its end, which the server would go on to do."""
        if message["type"] == "http.response.start":
            self.answered = True
            if not self.complete:
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
        await self._send(message)


class _RefusedError(BaseException):
    """Ends a request whose body passed a limit; no Exception, so that no handler on the way makes another error of it."""

    def __init__(self, problem: ProblemError) -> None:
        self.problem = problem


def _too_large(limit: int, size: int | None) -> ProblemError:
    detail = f"The body is larger than {limit} bytes; send the documents in several requests"
    return ProblemError(Code.BODY_TOO_LARGE, detail, limit=limit, size=size)


class RateLimit:
    """So many requests a minute for each caller, which may come at once: a bucket that fills again evenly.

    It counts in monotonic time, so that a clock that is set right or wrong locks nobody out.
    """

    def __init__(self, per_minute: int) -> None:
        self._limit = per_minute
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens left, and when that was so

    def take(self, caller: str) -> Allowance:
        """Count a request of a caller.

        Raises:
            ProblemError: `rate_limited`.
        """
        now = time.monotonic()
        tokens = self._tokens(caller, now) - 1
        if tokens < 0:
            detail = f"More than {self._limit} requests a minute; wait for the time in Retry-After"
            wait = math.ceil(-tokens * 60 / self._limit)
            raise ProblemError(Code.RATE_LIMITED, detail, limit=self._limit, retry_after=wait)
        if len(self._buckets) >= _REMEMBERED:
            self._buckets = {name: bucket for name, bucket in self._buckets.items() if self._tokens(name, now) < self._limit}
        self._buckets[caller] = (tokens, now)
        return self._allowance(tokens)

    def left(self, caller: str) -> Allowance:
        """Return what a caller has left, without counting."""
        return self._allowance(self._tokens(caller, time.monotonic()))

    def _tokens(self, caller: str, now: float) -> float:
        tokens, then = self._buckets.get(caller, (float(self._limit), now))
        return min(float(self._limit), tokens + (now - then) * self._limit / 60)

    def _allowance(self, tokens: float) -> Allowance:
        return Allowance(self._limit, int(tokens), math.ceil((self._limit - tokens) * 60 / self._limit))
