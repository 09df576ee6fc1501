"""The REST service: `create_app` makes it, the lifespan loads the model once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, FastAPI, File, Form, Request, UploadFile
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline

from model.artifact import Artifact, load
from model.contrasts import Contrasts
from model.document import TaggedDocument, TooManySentencesError, tag_document
from model.labels import Concept, Dimension, Label, SkipReason
from model.layout import TextKind
from model.tagger import Tagger
from service.answers import identity, tag_response
from service.errors import BodyLimit, ProblemError, install, problem_responses, problem_schemas, respond
from service.offsets import OffsetUnit
from service.readers import FileKind, ReaderError, read_file
from service.readers.kinds import MAX_PDF_PAGES
from service.schemas import (
    BatchRequest,
    BatchResponse,
    Health,
    ItemError,
    Limits,
    ModelAnswer,
    Readiness,
    Source,
    TagRequest,
    TagResponse,
    UnicodeText,
)
from service.settings import Settings

_MULTIPART_OVERHEAD: Final = 100_000  # bytes of a request beside the file itself
_READER_STATUS: Final = {
    "file_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unzipped_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "too_many_pages": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unsupported_kind": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}

DESCRIPTION = """Tags the sentences of working text as leadership-oriented, management-oriented, both (`mixed`) or neither, in the sense of
*The Difference Between Leadership and Management*, and says which words decided. English only. No text is stored or logged.

Not for judging a person, and not for automatic decisions on hiring, pay or promotion."""


class Loaded:
    """The model a running service answers with."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.tagger = Tagger(artifact.model)
        self.identity = identity(artifact)


def create_app(settings: Settings) -> FastAPI:
    """Make the service. The model is loaded when the application starts; an unusable artifact stops the start with `ArtifactError`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.loaded = Loaded(load(settings.artifact))
        yield
        app.state.loaded = None

    app = FastAPIOffline(  # /docs without a content delivery network: the service may run where none is reached
        redoc_url=None,
        title="Helmkeel",
        version=version("helmkeel"),
        description=DESCRIPTION,
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
        responses=problem_responses(HTTPStatus.INTERNAL_SERVER_ERROR),
    )
    app.state.settings = settings
    app.state.loaded = None
    app.include_router(_v1)
    app.include_router(_health)
    install(app)
    app.add_exception_handler(ReaderError, _unreadable)
    _describe_problems(app)
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes, limits={"/v1/tag/file": settings.max_file_bytes + _MULTIPART_OVERHEAD})
    return app


def _describe_problems(app: FastAPI) -> None:
    """Add the schema of errors to the OpenAPI document; FastAPI knows only errors in plain JSON."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        document = described()
        document["components"]["schemas"].update(problem_schemas())
        return document

    app.openapi = openapi  # type: ignore[method-assign]


async def _unreadable(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ReaderError)  # noqa: S101 -- how the handler is registered
    status = _READER_STATUS.get(error.code, HTTPStatus.UNPROCESSABLE_ENTITY)
    return respond(ProblemError(status, error.code, str(error), limit=error.limit, size=error.size).problem)


def _operation_id(route: APIRoute) -> str:
    return route.name


def _loaded(request: Request) -> Loaded:
    loaded: Loaded | None = request.app.state.loaded
    if loaded is None:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", "No model is loaded yet; try again in a moment")
    return loaded


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


LoadedDep = Annotated[Loaded, Depends(_loaded)]
SettingsDep = Annotated[Settings, Depends(_settings)]

_v1 = APIRouter(prefix="/v1")
_health = APIRouter(tags=["health"])


@_v1.post(
    "/tag",
    name="tag",
    tags=["tagging"],
    summary="Tag a document",
    responses=problem_responses(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)
def tag(request: TagRequest, loaded: LoadedDep, settings: SettingsDep) -> TagResponse:
    """Cut the text into sentences and tag each. Every character is in a sentence or in a skipped span with a reason."""
    document = _tag(request.text, request.kind, "evidence" in request.include, loaded, settings)
    return tag_response(document, request.text, loaded.identity, document_id=request.id, offsets=request.offsets)


@_v1.post(
    "/tag/batch",
    name="tag_batch",
    tags=["tagging"],
    summary="Tag documents",
    responses=problem_responses(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)
def tag_batch(request: BatchRequest, loaded: LoadedDep, settings: SettingsDep) -> BatchResponse:
    """Tag several documents; the results stand in the order of the request."""
    results: list[TagResponse | ItemError] = []
    for item in request.documents:
        try:
            document = _tag(item.text, request.kind, "evidence" in request.include, loaded, settings)
        except ProblemError as error:
            results.append(ItemError(id=item.id, error=error.problem))
            continue
        results.append(tag_response(document, item.text, loaded.identity, document_id=item.id, offsets=request.offsets))
    return BatchResponse(results=results)


@_v1.post(
    "/tag/file",
    name="tag_file",
    tags=["tagging"],
    summary="Tag a file",
    responses=problem_responses(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)
def tag_file(
    loaded: LoadedDep,
    settings: SettingsDep,
    file: Annotated[UploadFile, File(description=f"One file, at most 10 MB: {', '.join(FileKind)}.")],
    id: Annotated[UnicodeText | None, Form(max_length=200)] = None,  # noqa: A002 -- the name in the answer
    include: Annotated[list[Literal["evidence", "text"]] | None, Form(description="`evidence`, `text`: the extracted text.")] = None,
    kind: Annotated[TextKind | None, Form(description="How lines are read; decided from the file if left out.")] = None,
    offsets: Annotated[OffsetUnit, Form()] = OffsetUnit.CODEPOINTS,
) -> TagResponse:
    """Read the file, whatever its name says it is, and tag its text. `source` tells what was decided about it."""
    read = read_file(file.file.read(), file.filename)
    included = include or []
    document = _tag(read.text, kind or read.text_kind, "evidence" in included, loaded, settings)
    source = Source(name=file.filename, kind=read.kind, encoding=read.encoding, extracted=read.extracted)
    return tag_response(document, read.text, loaded.identity, document_id=id, offsets=offsets, source=source, with_text="text" in included)


def _tag(text: str, kind: TextKind, evidence: bool, loaded: Loaded, settings: Settings) -> TaggedDocument:
    size = len(text.encode())
    if size > settings.max_text_bytes:
        limit = settings.max_text_bytes
        detail = f"text has {size} bytes of UTF-8, the limit is {limit}; send it in parts"
        raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "text_too_large", detail, limit=limit, size=size)
    try:
        return tag_document(loaded.tagger, text, kind, evidence=evidence, max_sentences=settings.max_sentences)
    except TooManySentencesError as error:
        raise ProblemError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_many_sentences", str(error), limit=error.limit, size=error.found
        ) from error


@_v1.get(
    "/model",
    name="model",
    tags=["about"],
    summary="The model that answers",
    responses=problem_responses(HTTPStatus.SERVICE_UNAVAILABLE),
)
def model(loaded: LoadedDep, settings: SettingsDep) -> ModelAnswer:
    """Which model is loaded, what it can say, how well it did on its hold-out, and what the service refuses."""
    manifest, holdout = loaded.artifact.manifest, loaded.artifact.metrics["holdout"]
    return ModelAnswer(
        **loaded.identity.model_dump(),
        data_sha256=manifest.data_sha256,
        libraries=manifest.libraries,
        labels=list(Label),
        dimensions=list(Dimension),
        concepts=list(Concept),
        skip_reasons=list(SkipReason),
        thresholds=manifest.thresholds,
        holdout_macro_f1=holdout["macro_f1"],
        limits=Limits(
            text_bytes=settings.max_text_bytes,
            sentences=settings.max_sentences,
            file_bytes=settings.max_file_bytes,
            pdf_pages=MAX_PDF_PAGES,
            body_bytes=settings.max_body_bytes,
        ),
    )


@_v1.get(
    "/contrasts",
    name="contrasts",
    tags=["about"],
    summary="What the tags mean",
    responses=problem_responses(HTTPStatus.SERVICE_UNAVAILABLE),
)
def contrasts(loaded: LoadedDep) -> Contrasts:
    """The contrasts of the source document: eleven dimensions with the statements of both sides, nine concepts, the definitions."""
    return loaded.artifact.contrasts


@_health.get("/healthz", name="healthz", summary="Whether the process answers")
def healthz() -> Health:
    """Answer as long as the process lives."""
    return Health(status="ok")


@_health.get(
    "/readyz",
    name="readyz",
    summary="Whether a model is loaded",
    responses=problem_responses(HTTPStatus.SERVICE_UNAVAILABLE),
)
def readyz(loaded: LoadedDep) -> Readiness:
    """Answer 200 once documents can be tagged."""
    return Readiness(status="ready", model=loaded.identity)
