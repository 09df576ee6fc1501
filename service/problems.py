"""Every error the service answers: RFC 9457 problem details with a stable `code`, and never a word of the user's text."""

import traceback
from collections.abc import Iterable
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from service.schemas import FieldProblem, Problem

MEDIA_TYPE: Final = "application/problem+json"
_SHOWN_FAULTS: Final = 20


class Code(StrEnum):
    """The stable names of all errors, which programs may rely on; docs/api.md says what each means and what to do."""

    INVALID_JSON = "invalid_json"
    INVALID_MULTIPART = "invalid_multipart"
    INVALID_REQUEST = "invalid_request"
    BAD_REQUEST = "bad_request"
    MISSING_API_KEY = "missing_api_key"
    WRONG_API_KEY = "wrong_api_key"
    INVALID_SIGNATURE = "invalid_signature"
    INVALID_PAYLOAD = "invalid_payload"
    SCOPE_MISSING = "scope_missing"
    CROSS_SITE = "cross_site"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    BODY_TIMEOUT = "body_timeout"
    RELOAD_FAILED = "reload_failed"
    RELOAD_RUNNING = "reload_running"
    BODY_TOO_LARGE = "body_too_large"
    TEXT_TOO_LARGE = "text_too_large"
    TOO_MANY_SENTENCES = "too_many_sentences"
    TOO_MANY_DOCUMENTS = "too_many_documents"
    FILE_TOO_LARGE = "file_too_large"
    UNZIPPED_TOO_LARGE = "unzipped_too_large"
    TOO_MANY_PAGES = "too_many_pages"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    UNSUPPORTED_KIND = "unsupported_kind"
    DAMAGED_FILE = "damaged_file"
    ENCRYPTED_FILE = "encrypted_file"
    NO_TEXT = "no_text"
    NO_TEXT_COLUMN = "no_text_column"
    PARSER_TIMEOUT = "parser_timeout"
    BUSY = "busy"
    RATE_LIMITED = "rate_limited"
    INTERNAL_ERROR = "internal_error"
    NOT_READY = "not_ready"
    TIMEOUT = "timeout"
    WORKER_DIED = "worker_died"

    @property
    def status(self) -> HTTPStatus:
        """The status an error is answered with."""
        return _STATUS[self]


_STATUS: Final = {
    code: status
    for status, codes in {
        HTTPStatus.BAD_REQUEST: (Code.INVALID_JSON, Code.INVALID_MULTIPART, Code.BAD_REQUEST, Code.INVALID_PAYLOAD),
        HTTPStatus.UNAUTHORIZED: (Code.MISSING_API_KEY, Code.WRONG_API_KEY, Code.INVALID_SIGNATURE),
        HTTPStatus.FORBIDDEN: (Code.SCOPE_MISSING, Code.CROSS_SITE),
        HTTPStatus.NOT_FOUND: (Code.NOT_FOUND,),
        HTTPStatus.METHOD_NOT_ALLOWED: (Code.METHOD_NOT_ALLOWED,),
        HTTPStatus.REQUEST_TIMEOUT: (Code.BODY_TIMEOUT,),
        HTTPStatus.CONFLICT: (Code.RELOAD_FAILED, Code.RELOAD_RUNNING),
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
            Code.BODY_TOO_LARGE,
            Code.TEXT_TOO_LARGE,
            Code.TOO_MANY_SENTENCES,
            Code.TOO_MANY_DOCUMENTS,
            Code.FILE_TOO_LARGE,
            Code.UNZIPPED_TOO_LARGE,
            Code.TOO_MANY_PAGES,
        ),
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (Code.UNSUPPORTED_MEDIA_TYPE, Code.UNSUPPORTED_ENCODING, Code.UNSUPPORTED_KIND),
        HTTPStatus.UNPROCESSABLE_ENTITY: (
            Code.INVALID_REQUEST,
            Code.DAMAGED_FILE,
            Code.ENCRYPTED_FILE,
            Code.NO_TEXT,
            Code.NO_TEXT_COLUMN,
            Code.PARSER_TIMEOUT,
        ),
        HTTPStatus.TOO_MANY_REQUESTS: (Code.BUSY, Code.RATE_LIMITED),
        HTTPStatus.INTERNAL_SERVER_ERROR: (Code.INTERNAL_ERROR,),
        HTTPStatus.SERVICE_UNAVAILABLE: (Code.NOT_READY, Code.TIMEOUT, Code.WORKER_DIED),
    }.items()
    for code in codes
}


class ProblemError(Exception):
    """Raised anywhere below a route to answer with a problem.

    Attributes:
        problem: the answer.
        retry_after: whole seconds after which trying again may help; None where it would not.
    """

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        limit: int | None = None,
        size: int | None = None,
        errors: list[FieldProblem] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        status = code.status
        self.problem = Problem(title=status.phrase, status=status, code=code, detail=detail, errors=errors, limit=limit, size=size)
        self.retry_after = retry_after

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """Raise again what a worker answered."""
        return cls(Code(problem.code), problem.detail, limit=problem.limit, size=problem.size, errors=problem.errors)


def internal_error() -> ProblemError:
    """Something failed that should not have."""
    return ProblemError(
        Code.INTERNAL_ERROR, "Something failed inside the service; its log says what, under the X-Request-ID of this answer"
    )


def not_ready() -> ProblemError:
    """No model is loaded."""
    return ProblemError(Code.NOT_READY, "No model is loaded yet; try again in a moment", retry_after=1)


def invalid_request(error: ValidationError, model: type[BaseModel]) -> ProblemError:
    """Say what is wrong with a request: which fields, and why, in words that quote nothing of it."""
    faults = error.errors(include_input=False, include_url=False, include_context=False)
    if any(fault["type"] == "json_invalid" for fault in faults):
        return ProblemError(Code.INVALID_JSON, "The body is not valid JSON in UTF-8")
    errors = [_field_problem(fault, model.model_fields) for fault in faults[:_SHOWN_FAULTS]]
    fields = ", ".join(dict.fromkeys(e.field for e in errors))
    return ProblemError(Code.INVALID_REQUEST, f"The request does not fit the schema: {fields}", errors=errors)


def failure_of(error: BaseException) -> str:
    """Return the type of an exception and the places it passed; its message might quote a text."""
    places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    return f"{type(error).__name__} at {' > '.join(places)}"


def _field_problem(fault: ErrorDetails, known: Iterable[str]) -> FieldProblem:
    location: tuple[Any, ...] = fault["loc"]
    if fault["type"] == "extra_forbidden":  # its name is the user's, and might be anything
        parent = ".".join(map(str, location[:-1]))
        return FieldProblem(field=parent or "body", message=f"Unknown field; the fields are {', '.join(known)}")
    return FieldProblem(field=".".join(map(str, location)) or "body", message=fault["msg"])
