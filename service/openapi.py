"""What the OpenAPI document says beyond what FastAPI can tell from the code: bodies that workers read, and errors."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.readers import FileKind
from service.schemas import BatchRequest, FileForm, Problem, TagRequest

TITLE: Final = "Helmkeel"
DESCRIPTION: Final = """Tags the sentences of working text as leadership-oriented, management-oriented, both (`mixed`) or neither,
in the sense of *The Difference Between Leadership and Management*, and says which words decided. English only. No text is stored or
logged.

Not for judging a person, and not for automatic decisions on hiring, pay or promotion.

Errors are `application/problem+json` with a stable `code`. Every answer has an `X-Request-ID`: the one that was sent, or a new one.
`GET /v1/model` tells the limits."""

_REFERENCE: Final = "#/components/schemas/{model}"

TAGGING: Final = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""What every tagging route may answer beside its result."""
ASKING: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
"""The same for routes that only tell something."""


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a body that is handed to a worker as it came."""
    schema = {"$ref": _REFERENCE.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def file_body() -> dict[str, Any]:
    """Describe an upload."""
    schema = FileForm.model_json_schema(ref_template=_REFERENCE)
    schema.pop("$defs", None)
    file = {"type": "string", "format": "binary", "description": f"One file, at most 10 MB: {', '.join(FileKind)}."}
    schema["properties"] = {"file": file, **schema["properties"]}
    schema["required"] = ["file"]
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def lines_answer() -> dict[int | str, dict[str, Any]]:
    """Describe the answer in JSON lines."""
    line = {"description": "One result a line: a TagResponse or an ItemError.", "type": "string"}
    return {200: {"content": {"application/x-ndjson": {"schema": line}}}}


def complete(app: FastAPI) -> None:
    """Add the schemas that `json_body` and `problem_responses` refer to."""
    described = app.openapi
    models = [(model, "validation") for model in (TagRequest, BatchRequest, FileForm, Problem)]
    _, schemas = models_json_schema(models, ref_template=_REFERENCE)  # type: ignore[arg-type]  # a list of literals

    def openapi() -> dict[str, Any]:
        document = described()
        document["components"]["schemas"].update(schemas["$defs"])
        return document

    app.openapi = openapi  # type: ignore[method-assign]
