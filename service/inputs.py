"""Reads what a user names on the command line: a text, a file, or standard input."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from model.layout import TextKind
from service.readers import FileKind, FileText, ReaderError, detect, read_file
from service.readers.tables import rows_of
from service.readers.tables import text_column as choose_text_column
from service.schemas import UnicodeText, is_unicode

STDIN: Final = "-"


class InputError(ValueError):
    """An input cannot be used; the message says which, why, and what to try."""


def _writable(columns: dict[str, Any]) -> dict[str, Any]:
    if not is_unicode(json.dumps(columns, ensure_ascii=False, default=str)):
        raise ValueError("hold half of a surrogate pair, which is no character")
    return columns


class SentenceInput(BaseModel):
    """One row of a table: its text, its id, and the other columns, which are passed on."""

    model_config = ConfigDict(frozen=True)

    text: UnicodeText
    id: UnicodeText | int | None = None
    columns: Annotated[dict[str, Any], AfterValidator(_writable)] = {}


class BadRow(BaseModel):
    """A row that could not be used, and why, without its text."""

    line: int
    reason: str


def read_document(argument: str) -> FileText:
    """Return the document an argument of `helmkeel tag` stands for.

    `-` is standard input, an existing file its content, of any kind the readers know; anything else is the text itself, unless it looks
    like a path.

    Raises:
        InputError: a folder, an unreadable file, or a path to nothing.
    """
    if argument == STDIN:
        return _read(sys.stdin.buffer.read(), None)
    path = Path(argument)
    if argument and not _is_prose(argument):
        if path.is_dir():
            raise InputError(f"{argument}: is a folder; name a file")
        if not path.is_file() and (path.suffix or len(path.parts) > 1):
            raise InputError(f"{argument}: no such file; to tag text, write it in quotes with spaces, or pipe it to `helmkeel tag -`")
    if is_file(argument):
        try:
            return _read(path.read_bytes(), argument)
        except OSError as error:
            raise InputError(f"{argument}: cannot be read ({error.strerror})") from error
    if not is_unicode(argument):
        raise InputError("the text is not UTF-8; put it into a file, whose encoding can be told")
    return FileText(argument, FileKind.TXT, None, False, TextKind.AUTO)


def is_file(argument: str) -> bool:
    """Whether an argument names an existing file; a text too long or too odd for a name does not."""
    try:
        return bool(argument) and Path(argument).is_file()
    except (OSError, ValueError):
        return False


def read_rows(path: Path, text_column: str | None = None) -> Iterator[SentenceInput | BadRow]:
    """Yield the rows of a table (CSV, TSV, JSON lines or Excel), bad ones with a reason; blank lines are passed over.

    JSON lines are read one at a time, and their text column is `text` unless named; the other kinds are read as a whole.

    Raises:
        InputError: the file is missing, is a folder, is no table, or has no such column.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; name a .jsonl, .csv, .tsv or .xlsx file")
        if path.suffix.lower() in {".csv", ".tsv", ".tab", ".xlsx"}:
            yield from _table_rows(path, text_column)
        else:
            yield from _json_rows(path, text_column or "text")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _json_rows(path: Path, text_column: str) -> Iterator[SentenceInput | BadRow]:
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
            except ValueError:
                yield BadRow(line=number, reason="not valid JSON in UTF-8")
                continue
            yield _row(row, text_column, number) if isinstance(row, dict) else BadRow(line=number, reason="not a JSON object")


def _table_rows(path: Path, text_column: str | None) -> Iterator[SentenceInput | BadRow]:
    content = path.read_bytes()
    try:
        rows = list(rows_of(content, detect(content, path.name)))
        column = choose_text_column(rows, text_column)
    except ReaderError as error:
        raise InputError(f"{path}: {error}") from error
    for number, row in enumerate(rows, start=2):  # the first line holds the names of the columns
        yield _row(row, column, number)


def _row(row: dict[str, Any], text_column: str, number: int) -> SentenceInput | BadRow:
    columns = {name: value for name, value in row.items() if name not in {text_column, "id"}}
    fields = {"id": row.get("id"), "columns": columns} | ({"text": row[text_column]} if text_column in row else {})
    try:
        return SentenceInput.model_validate(fields)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        reason = "; ".join(f"{text_column if e['loc'][0] == 'text' else e['loc'][0]}: {e['msg']}" for e in faults)
        return BadRow(line=number, reason=reason)


def _read(content: bytes, name: str | None) -> FileText:
    try:
        return read_file(content, name)
    except ReaderError as error:
        raise InputError(f"{name or 'standard input'}: {error}") from error


def _is_prose(argument: str) -> bool:
    return any(character.isspace() for character in argument)
