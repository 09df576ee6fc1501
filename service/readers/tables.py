"""Rows of tables: CSV, TSV, JSON lines and Excel, with a text column that is named or found."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, TextIO

from service.readers.kinds import FileKind, ReaderError, decode

Row = dict[str, Any]

TEXT_COLUMNS: Final = ("text", "sentence", "content", "body", "description", "notes", "note", "comment", "message", "summary")
_LOOKED_AT: Final = 50


def rows_of(content: bytes, kind: FileKind) -> Iterator[Row]:
    """Yield the rows of a table, each a dictionary by column.

    Raises:
        ReaderError: `damaged_file` where a row cannot be read; the message names the row.
    """
    if kind is FileKind.XLSX:
        return _xlsx(content)
    decoded = decode(content)
    if decoded is None:
        raise ReaderError("damaged_file", "the content is not text in a known encoding")
    if kind is FileKind.JSONL:
        return _jsonl(decoded[0])
    return delimited(io.StringIO(decoded[0], newline=""), "\t" if kind is FileKind.TSV else None)


def text_column(rows: Sequence[Row], named: str | None = None) -> str:
    """Return the column that holds the text: the named one, else one with a usual name, else that of the longest texts.

    Raises:
        ReaderError: `no_text_column`, with the columns there are.
    """
    columns = list(dict.fromkeys(column for row in rows for column in row))
    if named is not None:
        if named in columns:
            return named
        raise ReaderError("no_text_column", f"there is no column {named!r}; the columns are {', '.join(columns)}")
    usual = {column.strip().lower(): column for column in reversed(columns)}
    for name in TEXT_COLUMNS:
        if name in usual:
            return usual[name]

    def length(column: str) -> int:
        return sum(len(row[column]) for row in rows if isinstance(row.get(column), str))

    best = max(columns, key=length, default=None)
    if best is None or not length(best):
        raise ReaderError("no_text_column", "no column holds text; name one, or call it `text`")
    return best


def text_of(rows: Iterator[Row], named: str | None = None) -> Iterator[str]:
    """Yield the text of each row that has one. Raises ReaderError as `text_column` does."""
    first = list(islice(rows, _LOOKED_AT))
    column = text_column(first, named)
    for row in (*first, *rows):
        if isinstance(text := row.get(column), str) and text.strip():
            yield text.strip()


def delimited(stream: TextIO, delimiter: str | None) -> Iterator[Row]:
    """Yield the rows of a stream of delimited text, opened with `newline=""`; the delimiter is found where none is given.

    Raises:
        ReaderError: `damaged_file`, naming the line.
    """
    if delimiter is None:
        try:
            delimiter = csv.Sniffer().sniff(stream.read(8192), delimiters=",;\t|").delimiter
        except csv.Error:
            delimiter = ","
        stream.seek(0)
    csv.field_size_limit(10_000_000)
    reader = csv.DictReader(stream, delimiter=delimiter, restkey="", strict=True)
    try:
        for row in reader:
            row.pop("", None)
            yield row
    except csv.Error as error:
        raise ReaderError("damaged_file", f"line {reader.line_num} cannot be read ({error})") from error


def _jsonl(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ReaderError("damaged_file", f"line {number} is not JSON") from error
        if not isinstance(row, dict):
            raise ReaderError("damaged_file", f"line {number} is not a JSON object")
        yield row


def _xlsx(content: bytes) -> Iterator[Row]:
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    return sheet_rows(book.worksheets[0].iter_rows(values_only=True))


def sheet_rows(rows: Iterator[tuple[Any, ...]]) -> Iterator[Row]:
    """Yield the rows below the first, which names the columns, of a sheet; empty rows are passed over."""
    head = [str(cell) if cell is not None else f"column {n}" for n, cell in enumerate(next(rows, ()), start=1)]
    for row in rows:
        if any(cell is not None for cell in row):
            yield dict(zip(head, row, strict=False))
