"""Reads what a user names on the command line: a text, a file, or standard input."""

import sys
from pathlib import Path
from typing import Final

from model.layout import TextKind
from service.readers import FileKind, FileText, ReaderError, read_file
from service.schemas import is_unicode

STDIN: Final = "-"


class InputError(ValueError):
    """An input cannot be used; the message says which, why, and what to try."""


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


def _read(content: bytes, name: str | None) -> FileText:
    try:
        return read_file(content, name)
    except ReaderError as error:
        raise InputError(f"{name or 'standard input'}: {error}") from error


def _is_prose(argument: str) -> bool:
    return any(character.isspace() for character in argument)
