"""Turns a file into text that the segmenter can cut, in a process of its own where a parser could hang, crash or be led astray."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from model.layout import TextKind
from service.readers.kinds import MAX_FILE_BYTES, FileKind, ReaderError, decode, detect

TIMEOUT_SECONDS: Final = 5.0
_AS_IT_STANDS: Final = frozenset({FileKind.TXT, FileKind.MARKDOWN})
_TRANSCRIPTS: Final = frozenset({FileKind.VTT, FileKind.SRT})


@dataclass(frozen=True, slots=True)
class FileText:
    """The text of a file, and what was decided about it.

    Attributes:
        text: what offsets point into.
        kind: from content and name.
        encoding: of the characters, for kinds that are text themselves; None for the others.
        extracted: whether `text` differs from the characters of the file.
        text_kind: how the segmenter should read its lines.
    """

    text: str
    kind: FileKind
    encoding: str | None
    extracted: bool
    text_kind: TextKind


def read_file(content: bytes, name: str | None = None, parse: Callable[[FileKind, bytes], str] | None = None) -> FileText:
    """Read a file of any known kind.

    Args:
        content: all bytes of the file.
        name: file name or path, if there is one.
        parse: extracts the text of kinds that need a parser; left out, a process for each file; `service.readers.parser.Parser` for many.

    Raises:
        ReaderError: `file_too_large`, `unzipped_too_large`, `too_many_pages`, `unsupported_kind`, `damaged_file`, `encrypted_file`,
            `no_text`, `parser_timeout`.
    """
    if len(content) > MAX_FILE_BYTES:
        detail = f"the file has {len(content)} bytes, the limit is {MAX_FILE_BYTES}"
        raise ReaderError("file_too_large", detail, limit=MAX_FILE_BYTES, size=len(content))
    kind = detect(content, name)
    decoded = decode(content)
    if kind in _AS_IT_STANDS and decoded:
        return FileText(decoded[0], kind, decoded[1], False, TextKind.AUTO)
    encoding = decoded[1] if decoded and kind not in {FileKind.PDF, FileKind.RTF} else None
    text = (parse or _extract)(kind, content)
    text = text.encode("utf-8", "replace").decode()  # halves of surrogate pairs, which JSON and HTML can spell, become question marks
    return FileText(text, kind, encoding, True, TextKind.TRANSCRIPT if kind in _TRANSCRIPTS else TextKind.AUTO)


def _extract(kind: FileKind, content: bytes) -> str:
    """Run the parser of a kind in a child process with bounded time and memory (`service.readers.worker`)."""
    command = [sys.executable, "-I", "-m", "service.readers.worker", kind]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise ReaderError(
            "parser_timeout", f"the file could not be read within {TIMEOUT_SECONDS:.0f} seconds; save it anew, or as text"
        ) from error
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise ReaderError("damaged_file", f"reading the file as {kind} failed; open it in its own program and save it again") from error
    if "error" in answer:
        raise ReaderError(**answer["error"])
    text: str = answer["text"]
    return text
