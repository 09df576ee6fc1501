"""Reads an upload into memory: no text of a user's may reach a disk, not even in a temporary file."""

from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from service.problems import Code, ProblemError
from service.readers.kinds import MAX_FILE_BYTES
from service.schemas import FieldProblem, FileForm

FILE: Final = "file"
OVERHEAD: Final = 100_000
"""Bytes of an upload beside the file itself."""
_FIELDS: Final = 10
_FIELD_BYTES: Final = 10_000
_LISTS: Final = frozenset({"include"})


class _InMemory(MultiPartParser):
    """Starlette's parser writes files over a megabyte to disk; the whole body is limited before it comes here."""

    spool_max_size = MAX_FILE_BYTES + OVERHEAD + 1


@dataclass(frozen=True, slots=True)
class Upload:
    """A file, its name, and the fields sent with it."""

    content: bytes
    name: str | None
    fields: dict[str, Any]


async def read_upload(request: Request) -> Upload:
    """Read a multipart body.

    Raises:
        ProblemError: `unsupported_media_type`, `invalid_multipart`, `invalid_request`.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise ProblemError(
            Code.UNSUPPORTED_MEDIA_TYPE, "Send a form with `Content-Type: multipart/form-data` and a file in the field `file`"
        )
    parser = _InMemory(request.headers, request.stream(), max_files=1, max_fields=_FIELDS, max_part_size=_FIELD_BYTES)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        detail = f"The body is not a form that can be read, or has more than one file, {_FIELDS} fields, or {_FIELD_BYTES} bytes in a field"
        raise ProblemError(Code.INVALID_MULTIPART, detail) from error
    try:
        file = form.get(FILE)
        if not isinstance(file, UploadFile):
            errors = [FieldProblem(field=FILE, message="Field required, with a file name")]
            raise ProblemError(Code.INVALID_REQUEST, "The request does not fit the schema: file", errors=errors)
        return Upload(await file.read(), file.filename, _fields(form.multi_items()))
    finally:
        await form.close()


def _fields(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the fields beside the file; what they hold is checked where they are used."""
    fields: dict[str, Any] = {}
    for name, value in items:
        if name == FILE and isinstance(value, UploadFile):
            continue
        if name not in FileForm.model_fields or not isinstance(value, str):
            message = f"Unknown field; the fields are {', '.join((FILE, *FileForm.model_fields))}"
            raise ProblemError(
                Code.INVALID_REQUEST, "The request does not fit the schema: body", errors=[FieldProblem(field="body", message=message)]
            )
        if name in _LISTS:
            fields.setdefault(name, []).append(value)
        elif name in fields:
            errors = [FieldProblem(field=name, message="May be given once")]
            raise ProblemError(Code.INVALID_REQUEST, f"The request does not fit the schema: {name}", errors=errors)
        else:
            fields[name] = value
    return fields
