"""One shape for every error: RFC 9457 problem details with a stable `code`, and never a word of the user's text."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from service.schemas import FieldProblem, Problem

MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """Raised anywhere below a route to answer with a problem."""

    def __init__(self, status: HTTPStatus, code: str, detail: str, *, limit: int | None = None, size: int | None = None) -> None:
        super().__init__(detail)
        self.problem = Problem(title=status.phrase, status=status, code=code, detail=detail, limit=limit, size=size)


def problem_responses(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Describe error answers for OpenAPI."""
    return {
        int(s): {"description": s.phrase, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}} for s in statuses
    }


def problem_schemas() -> dict[str, Any]:
    """Return the OpenAPI schemas that `problem_responses` refers to."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "Problem": schema}


def respond(problem: Problem) -> JSONResponse:
    """Turn a problem into an answer."""
    return JSONResponse(problem.model_dump(exclude_none=True), problem.status, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of the application as a problem."""
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)  # noqa: S101 -- how the handler is registered
    return respond(error.problem)


async def _invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return respond(invalid_json())
    errors = [FieldProblem(field=".".join(map(str, fault["loc"][1:])) or "body", message=fault["msg"]) for fault in faults]
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    fields = ", ".join(dict.fromkeys(e.field for e in errors))
    return respond(
        Problem(
            title=status.phrase,
            status=status,
            code="invalid_request",
            detail=f"The request does not fit the schema: {fields}",
            errors=errors,
        )
    )


def invalid_json() -> Problem:
    """The body is not JSON in UTF-8."""
    status = HTTPStatus.BAD_REQUEST
    return Problem(title=status.phrase, status=status, code="invalid_json", detail="The body is not valid JSON in UTF-8")


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == HTTPStatus.BAD_REQUEST:  # what FastAPI makes of a body it cannot decode
        return respond(invalid_json())
    status = HTTPStatus(error.status_code)
    answer = respond(Problem(title=status.phrase, status=status, code=status.name.lower(), detail=status.description or status.phrase))
    answer.headers.update(error.headers or {})
    return answer


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return respond(
        Problem(
            title=status.phrase,
            status=status,
            code="internal_error",
            detail="Something failed inside the service; the log says what",
        )
    )


Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


class BodyLimit:
    """ASGI middleware that refuses a body over the limit of its path while it arrives."""

    def __init__(self, app: App, limit: int, limits: dict[str, int]) -> None:
        self.app = app
        self.limit = limit
        self.limits = limits

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 413 as soon as the limit is passed."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.limits.get(scope["path"], self.limit)
        declared = dict(scope["headers"]).get(b"content-length", b"")
        if declared.isdigit() and int(declared) > limit:
            await self._refuse(limit, int(declared), scope, receive, send)
            return
        received = 0

        async def counted() -> dict[str, Any]:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _TooLargeError
            return message

        try:
            await self.app(scope, counted, send)
        except _TooLargeError:
            await self._refuse(limit, None, scope, receive, send)

    async def _refuse(self, limit: int, size: int | None, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        detail = f"The body is larger than {limit} bytes; send the documents in several requests"
        problem = Problem(title=status.phrase, status=status, code="body_too_large", detail=detail, limit=limit, size=size)
        answer = respond(problem)
        answer.headers["connection"] = "close"  # else the server would go on reading what it has just refused
        await answer(scope, receive, send)  # type: ignore[arg-type]


class _TooLargeError(BaseException):
    """Ends a request whose body passed the limit; no Exception, so that no handler on the way makes another error of it."""
