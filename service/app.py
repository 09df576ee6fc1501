"""The REST service: `create_app` puts it together, the lifespan starts and ends its workers."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Final

import fastapi_offline
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig
from starlette.middleware import Middleware

from model.artifact import ArtifactError
from service import errors, logs, openapi, routes
from service.auth import Keys
from service.limits import BodyLimit, RateLimit
from service.metrics import Metrics
from service.observe import Observe
from service.settings import Settings
from service.slack.serving import mount
from service.tagging import Tagging
from service.traces import Tracing
from service.uploads import OVERHEAD
from service.workers import Pool

_log = logging.getLogger("helmkeel.app")

# FastAPI's own telemetry, which an environment variable could switch on, records paths and messages of errors: anything may stand there.
_NO_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
_STATIC: Final = Path(fastapi_offline.__file__).parent / "static"  # Swagger UI: the service may run where no delivery network is reached


def create_app(settings: Settings) -> FastAPI:
    """Make the service. Its workers and the model are started with the application; an unusable artifact stops the start.

    Raises:
        KeysError: the API keys cannot be read.
        TracingError: traces are asked for and cannot be made.
        SettingsError: a setting of Slack's is wrong or missing.
    """
    pool = Pool(settings)
    metrics = Metrics(pool)
    tracing = Tracing(settings.otlp_endpoint) if settings.otlp_endpoint else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.loop = asyncio.get_running_loop()
        logs.watch(app.state.loop)
        try:
            await _start(pool)
            yield
        finally:
            await pool.close()
            if tracing:
                await asyncio.to_thread(tracing.close)

    app = FastAPI(
        title=openapi.TITLE,
        version=version("helmkeel"),
        description=openapi.DESCRIPTION,
        root_path=settings.root_path,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
        responses=errors.problem_responses(HTTPStatus.INTERNAL_SERVER_ERROR),
        middleware=_middleware(settings, pool, metrics, tracing),
        telemetry=_NO_TELEMETRY,
    )
    app.state.settings = settings
    app.state.pool = pool
    app.state.metrics = metrics
    app.state.tagging = Tagging(pool, metrics)
    app.state.keys = Keys.load(settings)
    app.state.rate_limit = RateLimit(settings.rate_limit) if settings.rate_limit else None
    for router in (routes.tagging, routes.v1, routes.admin, routes.health, routes.pages):
        app.include_router(router)
    app.mount("/docs/static", StaticFiles(directory=_STATIC), name="static")
    errors.install(app)
    mount(app, settings)
    openapi.complete(app)
    return app


async def _start(pool: Pool) -> None:
    try:
        await pool.start()
    except ArtifactError as error:
        _log.error("no usable model", extra={"reason": str(error)})
        raise


def _middleware(settings: Settings, pool: Pool, metrics: Metrics, tracing: Tracing | None) -> list[Middleware]:
    """Return the layers around the routes, the outermost first."""
    layers = [Middleware(Observe, metrics=metrics, tracing=tracing)]
    if settings.cors_origins:
        layers.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type", "X-Request-ID"],
                expose_headers=["X-Request-ID", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"],
            )
        )
    layers.append(
        Middleware(
            BodyLimit,
            limit=settings.max_body_bytes,
            limits={
                "/v1/tag": settings.max_body_bytes,
                "/v1/tag/batch": settings.max_body_bytes,
                "/v1/tag/file": settings.max_file_bytes + OVERHEAD,
            },
            seconds=settings.request_seconds,
            buffered=settings.max_buffered_bytes,
            admit=pool.admit,
        )
    )
    return layers


def _operation_id(route: APIRoute) -> str:
    return route.name
