"""Runs the service: one process that speaks HTTP, and the workers it starts."""

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable
from types import FrameType
from typing import Any, Final

import uvicorn
import uvloop
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from model.artifact import ArtifactError
from service import logs
from service.app import create_app
from service.auth import Keys, KeysError
from service.problems import ProblemError
from service.routes import reload_model
from service.settings import Settings

_log = logging.getLogger("helmkeel.server")

HEADER_SECONDS: Final = 10.0
"""In which the head of a request must have come, counted from the connection or the request's first byte."""
KEEP_ALIVE_SECONDS: Final = 60
_BACKLOG: Final = 2048
_FILES: Final = 65_536


class OpenToAllError(Exception):
    """The service would answer everybody who reaches the address; the message says what to do."""


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which waits for ever for the head of a request, with a limit to that; requests know their connection."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["transport"] = self.transport
        self._expect_head()

    def on_headers_complete(self) -> None:
        self._stop_timer()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._stop_timer()
        self._head_timer = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def _stop_timer(self) -> None:
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None


def make_server(settings: Settings) -> uvicorn.Server:
    """Make a server that is not running yet.

    Raises:
        OpenToAllError: it would listen beyond this machine without keys, and nobody said that this is meant.
        KeysError, TracingError: as `create_app`.
    """
    app = create_app(settings)
    if not (settings.on_loopback or app.state.keys or settings.allow_anonymous):
        raise OpenToAllError(
            f"listening on {settings.host} without API keys would let everybody who reaches it use the service."
            " Make a key with `helmkeel key NAME >> keys` and set HELMKEEL_API_KEYS_FILE=keys, or listen on 127.0.0.1,"
            " or, where something before the service decides who may ask, set HELMKEEL_ALLOW_ANONYMOUS=true"
        )
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http=_Protocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=int(settings.drain_seconds),
            backlog=_BACKLOG,
        )
    )


def run(settings: Settings, announce: Callable[[], None]) -> int:
    """Serve until told to stop, and return the exit code: 0 where all requests were answered, 1 where the start failed.

    `announce` is called once the settings have proved good. Raises what `make_server` does.
    """
    logs.configure(settings.log_level)
    signal.signal(signal.SIGTERM, _end)  # uvicorn handles it first, and then passes it on: to be told to end is no failure
    server = make_server(settings)
    announce()
    gc.collect()
    gc.freeze()  # what stands now stays; collections that went through it would hold up every request
    try:
        uvloop.run(serve(server))
    except SystemExit as end:  # a code is how uvicorn says that the start failed
        return 1 if end.code else 0
    return 0


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


async def serve(server: uvicorn.Server) -> None:
    """Serve until SIGTERM or SIGINT, then answer what has come and end. SIGHUP reads model and keys anew."""
    app = server.config.app
    assert isinstance(app, FastAPI)  # noqa: S101 -- made by make_server
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, _FILES), hard))  # one for each connection: the usual 1,024 are soon used up
    async with _reloading_on_hangup(app):
        await server.serve()


@contextlib.asynccontextmanager
async def _reloading_on_hangup(app: FastAPI) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[Any]] = set()

    def hang_up() -> None:
        task = loop.create_task(_reload(app))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(signal.SIGHUP, hang_up)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


async def _reload(app: FastAPI) -> None:
    try:
        app.state.keys = Keys.load(app.state.settings)
    except KeysError as error:
        _log.error("keys not reloaded", extra={"reason": str(error)})
    with contextlib.suppress(ArtifactError, ProblemError):  # logged where it happens
        await reload_model(app.state.pool, app.state.metrics)
