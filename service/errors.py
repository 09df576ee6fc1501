"""Turns every failure of the application into a problem; what the problems are stands in `service.problems`."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import Scope

from service import exchange
from service.problems import MEDIA_TYPE, Code, ProblemError
from service.schemas import FieldProblem, Problem


def problem_responses(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Describe error answers for OpenAPI."""
    return {
        int(s): {"description": s.phrase, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}} for s in statuses
    }


def respond(error: ProblemError, scope: Scope) -> JSONResponse:
    """Turn a problem into an answer, and note its code in the account of the request."""
    exchange.of(scope).code = error.problem.code
    headers = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
    if error.problem.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = 'Bearer realm="helmkeel"'
    return JSONResponse(error.problem.model_dump(exclude_none=True), error.problem.status, headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of the application as a problem; unexpected ones are answered by `service.observe`."""
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid_parameters)
    app.add_exception_handler(HTTPException, _http)


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)  # noqa: S101 -- how the handler is registered
    return respond(error, request.scope)


async def _invalid_parameters(request: Request, error: Exception) -> JSONResponse:
    """Answer for path, query and header parameters; bodies are checked where they are read."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    errors = [FieldProblem(field=".".join(map(str, fault["loc"])), message=fault["msg"]) for fault in error.errors()]
    return respond(ProblemError(Code.INVALID_REQUEST, "The parameters do not fit the schema", errors=errors), request.scope)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    status = HTTPStatus(error.status_code)
    code = next((code for code in (Code.NOT_FOUND, Code.METHOD_NOT_ALLOWED) if code.status is status), Code.BAD_REQUEST)
    exchange.of(request.scope).code = code
    problem = Problem(title=status.phrase, status=status, code=code, detail=status.description or status.phrase)
    return JSONResponse(problem.model_dump(exclude_none=True), status, error.headers, media_type=MEDIA_TYPE)
