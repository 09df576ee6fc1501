"""The routes of the API. None reads a text: bodies go to a worker as they came, and answers come back as they go out."""

import asyncio
import base64
import hashlib
import logging
import re
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response, Security
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST

from model.artifact import ArtifactError
from model.contrasts import Contrasts
from service import exchange, openapi
from service.auth import Key, Keys, Scope
from service.errors import problem_responses
from service.limits import RateLimit
from service.metrics import Metrics
from service.problems import Code, ProblemError, not_ready
from service.schemas import BatchRequest, BatchResponse, Health, ModelAnswer, ModelIdentity, Readiness, TagRequest, TagResponse
from service.tagging import Tagging
from service.uploads import read_upload
from service.workers import GivenUp, Job, JobKind, Pool

_log = logging.getLogger("helmkeel.admin")
_LINES: Final = ("application/x-ndjson", "application/jsonl")
_JSON: Final = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;|$)", re.IGNORECASE)
_bearer = HTTPBearer(auto_error=False, description="An API key, where the service has any.")

Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


class Permit:
    """Dependency of a route: lets in whoever has a key with the scope, and is within the rate limit."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def __call__(self, request: Request, credentials: Credentials) -> None:
        """Raise ProblemError for everybody else."""
        keys: Keys = request.app.state.keys
        account = exchange.of(request.scope)
        key = _key(keys, credentials) if keys else None
        account.key = key.name if key else None
        limit: RateLimit | None = request.app.state.rate_limit
        if limit:
            caller = f"key {key.name}" if key else f"address {request.client.host if request.client else ''}"
            account.allowance = limit.left(caller)
            account.allowance = limit.take(caller)
        if key and self._scope not in key.scopes:
            raise ProblemError(Code.SCOPE_MISSING, f"The key may not be used for this: it lacks the scope `{self._scope}`")


class Direct(APIRoute):
    """A route that tags: it asks for the permit itself and passes the request on.

    FastAPI's search for parameters and dependencies, of which there are no others, would take longer than everything else that the
    process does for a document; the description of the API is made from the same declarations as that of any route.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what is called with each request."""

        async def handle(request: Request) -> Response:
            await _may_tag(request, await _bearer(request))
            answer: Response = await self.endpoint(request)
            return answer

        return handle


def _key(keys: Keys, credentials: HTTPAuthorizationCredentials | None) -> Key:
    if credentials is None:
        raise ProblemError(Code.MISSING_API_KEY, "Send an API key: `Authorization: Bearer hk_...`")
    key = keys.find(credentials.credentials)
    if key is None:
        raise ProblemError(Code.WRONG_API_KEY, "The API key is none of those this service accepts")
    return key


async def _model(request: Request) -> ModelAnswer:
    pool: Pool = request.app.state.pool
    if pool.model is None:
        raise not_ready()
    return pool.model


ModelDep = Annotated[ModelAnswer, Depends(_model)]

_may_tag = Permit(Scope.TAG)

tagging = APIRouter(prefix="/v1", dependencies=[Depends(_may_tag)], tags=["tagging"], route_class=Direct)
v1 = APIRouter(prefix="/v1", dependencies=[Depends(_may_tag)], tags=["about"])
admin = APIRouter(dependencies=[Depends(Permit(Scope.ADMIN))], tags=["operations"])
health = APIRouter(tags=["operations"])
pages = APIRouter(include_in_schema=False)


@tagging.post(
    "/tag",
    name="tag",
    summary="Tag a document",
    response_model=TagResponse,
    responses=problem_responses(*openapi.TAGGING),
    openapi_extra=openapi.json_body(TagRequest),
)
async def tag(request: Request) -> Response:
    """Cut the text into sentences and tag each. Every character is in a sentence or in a skipped span with a reason."""
    return await _done(request, Job(JobKind.TAG, await _json(request), gzip=_takes_gzip(request)))


@tagging.post(
    "/tag/batch",
    name="tag_batch",
    summary="Tag documents",
    response_model=BatchResponse,
    responses=problem_responses(*openapi.TAGGING) | openapi.lines_answer(),
    openapi_extra=openapi.json_body(BatchRequest),
)
async def tag_batch(request: Request) -> Response:
    """Tag up to 100 documents. Results are as many, in the same order; a document that fails has an error in its place.

    With `Accept: application/x-ndjson` each result is a line of its own.
    """
    accept = request.headers.get("accept", "")
    lines = any(media_type in accept for media_type in _LINES)
    answer = await _done(request, Job(JobKind.BATCH, await _json(request), gzip=_takes_gzip(request), lines=lines))
    answer.headers.add_vary_header("accept")
    return answer


@tagging.post(
    "/tag/file",
    name="tag_file",
    summary="Tag a file",
    response_model=TagResponse,
    responses=problem_responses(*openapi.TAGGING),
    openapi_extra=openapi.file_body(),
)
async def tag_file(request: Request) -> Response:
    """Read the file, whatever its name says it is, and tag its text. `source` tells what was decided about it."""
    upload = await read_upload(request)
    form: dict[str, Any] = {"name": upload.name, "fields": upload.fields}
    return await _done(request, Job(JobKind.FILE, upload.content, gzip=_takes_gzip(request), form=form))


@v1.get("/model", name="model", summary="The model that answers", responses=problem_responses(*openapi.ASKING))
async def model(loaded: ModelDep) -> ModelAnswer:
    """Which model is loaded, what it can say, how well it did on its hold-out, and what the service refuses."""
    return loaded


@v1.get("/contrasts", name="contrasts", summary="What the tags mean", responses=problem_responses(*openapi.ASKING))
async def contrasts(request: Request, loaded: ModelDep) -> Contrasts:
    """The contrasts of the source document: eleven dimensions with the statements of both sides, nine concepts, the definitions."""
    pool: Pool = request.app.state.pool
    assert pool.contrasts  # noqa: S101 -- the model is loaded, and they with it
    return pool.contrasts


@admin.post(
    "/v1/admin/reload",
    name="reload",
    summary="Load the model anew",
    responses=problem_responses(*openapi.ASKING, HTTPStatus.CONFLICT),
)
async def reload(request: Request) -> ModelIdentity:
    """Load and verify what stands in the artifact's folder now, and let it take over; if it cannot be used, the old model stays."""
    if "origin" in request.headers and not request.app.state.keys:  # a page on the web must not do this to somebody's own service
        raise ProblemError(Code.CROSS_SITE, "Without API keys, this is not for web pages")
    try:
        return await reload_model(request.app.state.pool, request.app.state.metrics)
    except ArtifactError as error:
        raise ProblemError(Code.RELOAD_FAILED, f"The model in use stays. {error}") from error


async def reload_model(pool: Pool, metrics: Metrics) -> ModelIdentity:
    """Reload, count and log it. Raises what `Pool.reload` does."""
    try:
        loaded = await pool.reload()
    except ArtifactError as error:
        metrics.reloads.labels("failed").inc()
        _log.error("model not reloaded", extra={"reason": str(error)})
        raise
    metrics.reloads.labels("done").inc()
    _log.info("model reloaded", extra={"version": loaded.version, "sha256": loaded.sha256})
    return _identity(loaded)


@admin.get(
    "/metrics", name="metrics", summary="Metrics for Prometheus", response_class=Response, responses=problem_responses(*openapi.ASKING)
)
async def metrics(request: Request) -> Response:
    """Requests, latencies, sentences by label, workers, queue, model."""
    return Response(request.app.state.metrics.render(), media_type=CONTENT_TYPE_LATEST)


@health.get("/healthz", name="healthz", summary="Whether the process answers")
async def healthz() -> Health:
    """Answer as long as the process lives."""
    return Health(status="ok")


@health.get("/readyz", name="readyz", summary="Whether a model is loaded", responses=problem_responses(HTTPStatus.SERVICE_UNAVAILABLE))
async def readyz(loaded: ModelDep) -> Readiness:
    """Answer 200 once documents can be tagged."""
    return Readiness(status="ready", model=_identity(loaded))


@pages.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Show the API to a person, with scripts from this installation alone; the policy allows the page's own script by its hash."""
    root = request.scope.get("root_path", "")
    static = f"{root}/docs/static"
    page = get_swagger_ui_html(
        openapi_url=f"{root}/openapi.json",
        title=f"{openapi.TITLE} API",
        swagger_js_url=f"{static}/swagger-ui-bundle.js",
        swagger_css_url=f"{static}/swagger-ui.css",
        swagger_favicon_url=f"{static}/favicon.png",
    )
    scripts = re.findall(rb"<script>(.*?)</script>", bytes(page.body), re.DOTALL)
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" for script in scripts)
    page.headers["content-security-policy"] = (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
        " frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    return page


def _identity(model: ModelAnswer) -> ModelIdentity:
    return ModelIdentity(name=model.name, version=model.version, sha256=model.sha256)


async def _json(request: Request) -> bytes:
    """Return the body, if its headers say that it is JSON; whether it is, a worker finds out."""
    media_type = request.headers.get("content-type")
    if media_type is not None and not _JSON.match(media_type):
        raise ProblemError(Code.UNSUPPORTED_MEDIA_TYPE, "Send JSON, with `Content-Type: application/json`")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise ProblemError(Code.UNSUPPORTED_ENCODING, "Send the body uncompressed, without Content-Encoding")
    return await request.body()


def _takes_gzip(request: Request) -> bool:
    for part in request.headers.get("accept-encoding", "").split(","):
        coding, _, quality = part.partition(";")
        if coding.strip().lower() == "gzip":
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _given_up(request: Request) -> GivenUp | None:
    """Return what tells whether the client has left, None under another server than `service.server`, where nobody can tell.

    To ask for the next ASGI message would take turns of the loop.
    """
    transport: asyncio.Transport | None = getattr(request.state, "transport", None)  # from service.server
    return transport.is_closing if transport else None


async def _done(request: Request, job: Job) -> Response:
    account = exchange.of(request.scope)
    running: Tagging = request.app.state.tagging
    reply = account.reply = await running.run(job, _given_up(request))
    account.code = reply.code
    answer = Response(reply.body, reply.status, media_type=reply.media_type)
    if reply.gzip:
        answer.headers["content-encoding"] = "gzip"
    answer.headers.add_vary_header("accept-encoding")
    return answer
