"""The outermost layer: gives every request an id, every answer its headers, and every exchange one log line, its metrics and its span."""

import logging
import re
import secrets
import time
from collections.abc import Iterable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import respond
from service.exchange import Exchange, begin
from service.metrics import Metrics
from service.problems import failure_of, internal_error
from service.traces import Tracing

if TYPE_CHECKING:
    from opentelemetry.trace import Span

_log = logging.getLogger("helmkeel.requests")

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Routes that machines ask all day; their lines are for debugging only."""
_HEADERS: Final = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    b"cache-control": b"no-store",
}
"""Of every answer that has no such header of its own."""


class Observe:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, metrics: Metrics, tracing: Tracing | None) -> None:
        self.app = app
        self._metrics = metrics
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request and account for it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        exchange = begin(scope, given.decode() if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16))
        started = time.perf_counter()
        parent = {"traceparent": headers.get(b"traceparent", b"").decode("latin-1")}
        with (
            self._metrics.in_progress.track_inprogress(),
            self._tracing.span("request", parent) if self._tracing else nullcontext() as span,
        ):
            await self._answer(scope, receive, send, exchange)
            self._account(scope, exchange, time.perf_counter() - started, span)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        began = False

        async def counted() -> Message:
            message = await receive()
            exchange.request_bytes += len(message.get("body", b""))
            return message

        async def labelled(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                exchange.status = message["status"]
                message["headers"] = _headers(message.get("headers", ()), exchange)
            else:
                exchange.response_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, counted, labelled)
        except ClientDisconnect:
            pass  # status 499 says so
        except Exception as error:
            _log.error("unexpected failure", extra={"request_id": exchange.request_id, "failure": failure_of(error)})
            if began:
                raise
            await respond(internal_error(), scope)(scope, counted, labelled)

    def _account(self, scope: Scope, exchange: Exchange, seconds: float, span: "Span | None") -> None:
        route: str = exchange.route or getattr(scope.get("route"), "path", None) or "unmatched"
        method = scope["method"] if scope["method"] in _METHODS else "other"
        reply = exchange.reply
        self._metrics.request(route, method, exchange.status, exchange.code, seconds)
        if self._tracing and span:
            self._tracing.describe(span, route, method, exchange)
        level = logging.DEBUG if route in _QUIET else logging.INFO
        if _log.isEnabledFor(level):
            fields = {
                "request_id": exchange.request_id,
                "method": method,
                "route": route,
                "status": exchange.status,
                "code": exchange.code,
                "key": exchange.key,
                "request_bytes": exchange.request_bytes,
                "response_bytes": exchange.response_bytes,
                "ms": round(seconds * 1000, 2),
                "documents": reply.documents if reply else None,
                "sentences": sum(reply.labels.values()) if reply else None,
            }
            _log.log(level, "request", extra={name: value for name, value in fields.items() if value is not None})


def _headers(own: Iterable[tuple[bytes, bytes]], exchange: Exchange) -> list[tuple[bytes, bytes]]:
    headers = _HEADERS | {b"x-request-id": exchange.request_id.encode()}
    if allowance := exchange.allowance:
        numbers = {b"limit": allowance.limit, b"remaining": allowance.remaining, b"reset": allowance.reset}
        headers |= {b"ratelimit-" + name: str(number).encode() for name, number in numbers.items()}
    for name, _ in own:
        headers.pop(name, None)
    return [*own, *headers.items()]
