"""Opens sources as streams of bytes or characters."""

import codecs
import io
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, TextIO

from service.batch.sources import Source, TableKind
from service.inputs import STDIN
from service.readers.kinds import MAX_FILE_BYTES, MAX_UNZIPPED_BYTES, ReaderError, decode, encodings

MAX_ROW_BYTES: Final = 16_000_000
_BLOCK: Final = 1 << 20


@contextmanager
def open_source(source: Source) -> Iterator[IO[bytes]]:
    """Open a table; a member of an archive, which cannot be read from anywhere but its beginning, is unpacked into memory.

    Raises:
        ReaderError: the member is too large for that, or damaged.
        OSError: the file cannot be read.
    """
    if source.path == STDIN and source.table is TableKind.JSONL:
        yield sys.stdin.buffer
    elif source.path == STDIN:  # the other kinds are read more than once
        with tempfile.TemporaryFile() as stream:
            shutil.copyfileobj(sys.stdin.buffer, stream)
            stream.seek(0)
            yield stream
    elif source.member is not None:
        yield io.BytesIO(read_member(source, MAX_UNZIPPED_BYTES))
    else:
        with Path(source.path).open("rb") as file:
            yield file


def read_document(source: Source) -> bytes:
    """Return all bytes of a document.

    Raises:
        ReaderError: `file_too_large`, `damaged_file`.
        OSError: the file cannot be read.
    """
    if source.size > MAX_FILE_BYTES:
        detail = f"the file has {source.size} bytes, the limit is {MAX_FILE_BYTES}; score it in parts"
        raise ReaderError("file_too_large", detail, limit=MAX_FILE_BYTES, size=source.size)
    if source.member is not None:
        return read_member(source, MAX_FILE_BYTES)
    if source.path == STDIN:
        return sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    with Path(source.path).open("rb") as stream:
        return stream.read(MAX_FILE_BYTES + 1)  # a byte more than is allowed, for the reader to say so


def read_member(source: Source, limit: int) -> bytes:
    """Unpack a member of an archive, as far as the limit and one byte. Raises ReaderError `file_too_large` or `damaged_file`."""
    assert source.member is not None  # noqa: S101 -- called for members only
    if source.size > limit:
        detail = f"unpacked it has {source.size} bytes, the limit is {limit}; unpack the archive and name the folder"
        raise ReaderError("file_too_large", detail, limit=limit, size=source.size)
    try:
        with zipfile.ZipFile(source.path) as archive, archive.open(source.member) as stream:
            content = stream.read(limit + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, KeyError, zlib.error) as error:
        raise ReaderError("damaged_file", "cannot be unpacked; make the archive again") from error
    return content


@contextmanager
def open_text(source: Source) -> Iterator[TextIO]:
    """Open a table of text, in the encoding the whole of it turns out to have. Raises as `open_source` does."""
    with open_source(source) as stream:
        text = io.TextIOWrapper(stream, encoding=_encoding(stream), newline="")
        try:
            yield text
        finally:
            text.detach()


def _encoding(stream: IO[bytes]) -> str:
    """Try each encoding the first bytes allow on all of the stream, in constant memory; leave the stream at its beginning."""
    head = stream.read(_BLOCK)
    if decode(head) is None:
        raise ReaderError("damaged_file", "the content is not text in a known encoding")
    for name in encodings(head):
        decoder = codecs.getincrementaldecoder(name)()
        stream.seek(0)
        try:
            while block := stream.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        break
    else:
        raise ReaderError("damaged_file", "the content is not text in a known encoding")
    stream.seek(0)
    return name
