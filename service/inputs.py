"""Reads what a user names on the command line: a text, a file, or standard input."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from service.schemas import UnicodeText

STDIN: Final = "-"


class InputError(ValueError):
    """An input cannot be used; the message says which, why, and what to try."""


class SentenceInput(BaseModel):
    """One row of a JSON-lines input; fields other than these are passed over."""

    model_config = ConfigDict(frozen=True)

    text: UnicodeText
    id: UnicodeText | int | None = None


class BadRow(BaseModel):
    """A row that could not be used, and why, without its text."""

    line: int
    reason: str


def read_document(argument: str) -> str:
    """Return the text an argument of `helmkeel tag` stands for.

    `-` is standard input, an existing file its content; anything else is the text itself, unless it looks like a path.

    Raises:
        InputError: a folder, an unreadable file, a path to nothing, or bytes that are not UTF-8.
    """
    if argument == STDIN:
        return _decode(sys.stdin.buffer.read(), "standard input")
    if not argument:
        return ""
    path = Path(argument)
    try:
        if path.is_dir():
            raise InputError(f"{argument}: is a folder; name a file")
        if path.is_file():
            return _decode(path.read_bytes(), argument)
    except OSError as error:
        if error.filename is not None and not _is_prose(argument):
            raise InputError(f"{argument}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
    if not _is_prose(argument) and (path.suffix or len(path.parts) > 1):
        raise InputError(f"{argument}: no such file; to tag text, write it in quotes with spaces, or pipe it to `helmkeel tag -`")
    return argument


def read_rows(path: Path) -> Iterator[SentenceInput | BadRow]:
    """Yield the rows of a JSON-lines file, `{"text": ..., "id": ...}` each, bad ones with a reason; blank lines are passed over.

    Raises:
        InputError: the file is missing, is a folder, or cannot be read.
    """
    try:
        stream = path.open("rb")
    except IsADirectoryError as error:
        raise InputError(f"{path}: is a folder; name a .jsonl file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    with stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield _row(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line, number)


def _row(line: bytes, number: int) -> SentenceInput | BadRow:
    try:
        return SentenceInput.model_validate_json(line)
    except ValidationError as error:
        reason = "; ".join(
            "not valid JSON in UTF-8" if e["type"] == "json_invalid" else f"{'.'.join(map(str, e['loc'])) or 'row'}: {e['msg']}"
            for e in error.errors(include_input=False, include_url=False)
        )
        return BadRow(line=number, reason=reason)


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}: not UTF-8 (byte {error.start}); convert it, for example with `iconv -f windows-1252 -t utf-8`"
        ) from error


def _is_prose(argument: str) -> bool:
    return any(character.isspace() for character in argument)
