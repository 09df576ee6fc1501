"""Reads the texts of a chunk, in the process that scores them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from model.layout import TextKind
from service.batch.chunks import Columns, Files, Lines, Piece, RowGroup, Rows
from service.batch.sources import Failure, Source
from service.batch.streams import MAX_ROW_BYTES, open_source, read_document
from service.readers import ReaderError, read_file
from service.readers.parser import Parser
from service.schemas import is_unicode

SURROGATE: Final = "hold half of a surrogate pair, which is no character"


@dataclass(frozen=True, slots=True)
class Record:
    """A text to score, and where it comes from.

    Attributes:
        source: the file.
        row: of a table.
        id: of a row, where its table has one.
        text: the document, or the sentence.
        kind: how the segmenter should read its lines.
        columns: the other columns of its row.
    """

    source: str
    row: int | None
    id: str | int | None
    text: str
    kind: TextKind = TextKind.AUTO
    columns: dict[str, Any] = field(default_factory=dict)


def read(piece: Piece) -> Iterator[Record | Failure]:
    """Yield the texts of a piece in order, and what cannot be read in its place; nothing is raised for it."""
    if isinstance(piece, Files):
        for source in piece.sources:
            yield source if isinstance(source, Failure) else _document(source)
        return
    try:
        if isinstance(piece, Rows):
            for number, row in piece.rows:
                yield _record(piece.source, number, row, piece.columns)
        elif isinstance(piece, Lines):
            yield from _lines(piece)
        else:
            yield from _row_group(piece)
    except OSError as error:
        yield Failure(piece.source.name, None, "unreadable", f"cannot be read ({error.strerror or 'damaged'})")
    except ReaderError as error:
        yield Failure(piece.source.name, None, error.code, str(error))


def passed_schema(piece: Piece) -> pa.Schema | None:
    """Return the types of the columns that a piece passes on, where its file states them."""
    if not isinstance(piece, RowGroup):
        return None
    with open_source(piece.source) as stream, pq.ParquetFile(stream) as file:
        return file.schema_arrow


def parse_row(line: bytes) -> object:
    """Return what a line of JSON holds; None, which is no row, where it is none in UTF-8."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


@cache
def _parser() -> Parser:
    return Parser()


def _document(source: Source) -> Record | Failure:
    try:
        found = read_file(read_document(source), source.member or source.name, _parser())
    except OSError as error:
        return Failure(source.name, None, "unreadable", f"cannot be read ({error.strerror or 'damaged'})")
    except ReaderError as error:
        return Failure(source.name, None, error.code, str(error))
    if not found.text.strip():
        return Failure(source.name, None, "no_text", "the file holds no text")
    return Record(source.name, None, source.name, found.text, found.text_kind)


def _lines(piece: Lines) -> Iterator[Record | Failure]:
    content = piece.content
    if content is None:
        with open_source(piece.source) as stream:
            stream.seek(piece.offset)
            content = stream.read(piece.size)
    for number, line in enumerate(content.split(b"\n"), start=piece.first_row):
        if not line.strip():
            continue
        if len(line) >= MAX_ROW_BYTES:
            yield Failure(piece.source.name, number, "row_too_large", f"the line has more than {MAX_ROW_BYTES} bytes")
            continue
        row = parse_row(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
        if isinstance(row, dict):
            yield _record(piece.source, number, row, piece.columns)
        else:
            reason = "not valid JSON in UTF-8" if row is None and line.strip() != b"null" else "not a JSON object"
            yield Failure(piece.source.name, number, "damaged_row", reason)


def _row_group(piece: RowGroup) -> Iterator[Record | Failure]:
    position, end = 0, piece.offset + piece.count
    with open_source(piece.source) as stream, pq.ParquetFile(stream) as file:
        try:
            for batch in file.iter_batches(batch_size=piece.count, row_groups=[piece.group]):
                start, stop = max(position, piece.offset), min(position + batch.num_rows, end)
                if start < stop:
                    for number, row in enumerate(
                        batch.slice(start - position, stop - start).to_pylist(), start=piece.first_row + start - piece.offset
                    ):
                        yield _record(piece.source, number, row, piece.columns)
                position += batch.num_rows
                if position >= end:
                    return
        except (pa.ArrowException, ValueError) as error:
            reason = f"rows {piece.first_row} to {piece.first_row + piece.count - 1} cannot be read; write the file again"
            raise ReaderError("damaged_file", reason) from error


def _record(source: Source, number: int, row: dict[str, Any], columns: Columns) -> Record | Failure:
    """Take a row apart, or say what is wrong with it."""

    def failed(reason: str) -> Failure:
        return Failure(source.name, number, "damaged_row", reason)

    if columns.text not in row:
        return failed(f"{columns.text}: Field required")
    text = row.pop(columns.text)
    identifier = row.pop(columns.id, None) if columns.id else None
    if not isinstance(text, str):
        return failed(f"{columns.text}: Input should be a valid string")
    if not text.isascii() and not is_unicode(text):
        return failed(f"{columns.text}: {SURROGATE}")
    if isinstance(identifier, (bool, float, dict, list)):
        return failed(f"{columns.id}: neither text nor a whole number")
    if identifier is not None and not isinstance(identifier, (int, str)):
        identifier = str(identifier)
    if isinstance(identifier, str) and not is_unicode(identifier):
        return failed(f"{columns.id}: {SURROGATE}")
    if row and not _writable(row):
        return failed(f"columns: {SURROGATE}")
    return Record(source.name, number, identifier, text, TextKind.AUTO, row)


def _writable(row: dict[str, Any]) -> bool:
    if all(value is None or isinstance(value, (int, float)) or (isinstance(value, str) and value.isascii()) for value in row.values()):
        return all(name.isascii() for name in row)
    return is_unicode(json.dumps(row, ensure_ascii=False, default=str))
