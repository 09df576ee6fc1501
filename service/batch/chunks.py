"""Cuts the inputs into pieces of work, the same ones each time, without holding more than one of them in memory."""

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import IO, Final

import pyarrow.parquet as pq

from service.batch.request import TableOptions
from service.batch.sources import Failure, Source, TableKind
from service.batch.streams import MAX_ROW_BYTES, open_source, open_text
from service.inputs import STDIN
from service.readers.kinds import ReaderError
from service.readers.tables import Row, delimited, sheet_rows
from service.readers.tables import text_column as choose_text_column

CHUNK_BYTES: Final = 500_000
CHUNK_FILES: Final = 64
CHUNK_ROWS: Final = 8192
_LOOKED_AT: Final = 50  # rows from which the text column is found
_MAX_UNZIPPED_SHEETS: Final = 500_000_000


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a table has its texts and, if it has any, its identifiers."""

    text: str
    id: str | None


@dataclass(frozen=True, slots=True)
class Files:
    """Documents, and inputs that turned out to be unusable."""

    sources: tuple[Source | Failure, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """A stretch of JSON lines: where it is in a file, or its content where there is no file to go back to."""

    source: Source
    columns: Columns
    first_row: int
    offset: int
    size: int
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that were read already."""

    source: Source
    columns: Columns
    rows: list[tuple[int, Row]]


@dataclass(frozen=True, slots=True)
class RowGroup:
    """`count` rows of a row group of a Parquet file, from `offset` on; `first_row` counts them over the whole file."""

    source: Source
    columns: Columns
    group: int
    offset: int
    count: int
    first_row: int


Piece = Files | Lines | Rows | RowGroup


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of work, its place in the order, and about how many bytes of the inputs it accounts for."""

    index: int
    size: int
    piece: Piece


def plan(sources: Iterable[Source | Failure], options: TableOptions) -> Iterator[Chunk]:
    """Cut the sources into chunks, in order. What cannot be read becomes a `Failure` in its place; nothing is raised for it."""
    for index, (size, piece) in enumerate(_pieces(sources, options)):
        yield Chunk(index, size, piece)


def _pieces(sources: Iterable[Source | Failure], options: TableOptions) -> Iterator[tuple[int, Piece]]:
    documents: list[Source | Failure] = []
    size = 0
    for source in sources:
        if isinstance(source, Source) and source.path == STDIN and source.table is None:
            source = _standard_input(source)
        if isinstance(source, Source) and source.table:
            if documents:
                yield size, Files(tuple(documents))
                documents, size = [], 0
            yield from _table(source, options)
            continue
        documents.append(source)
        size += source.size if isinstance(source, Source) else 0
        if len(documents) >= CHUNK_FILES or size >= CHUNK_BYTES:
            yield size, Files(tuple(documents))
            documents, size = [], 0
    if documents:
        yield size, Files(tuple(documents))


def _standard_input(source: Source) -> Source:
    """Take standard input for JSON lines where it opens with an object."""
    assert isinstance(sys.stdin.buffer, io.BufferedReader)  # noqa: S101 -- what Python makes of it
    head = sys.stdin.buffer.peek(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    return replace(source, table=TableKind.JSONL) if head.startswith(b"{") and "." not in source.name else source


def _table(source: Source, options: TableOptions) -> Iterator[tuple[int, Piece]]:
    """Cut a table. Whatever its reader raises names this table as unreadable from there on, and the run goes on."""
    assert source.table  # noqa: S101 -- called for tables only
    found = False
    try:
        for item in _CUTTERS[source.table](source, options):
            found = True
            yield item
        if not found:
            yield source.size, Files((Failure(source.name, None, "no_text", "the table has no rows"),))
    except ReaderError as error:
        yield 0, Files((Failure(source.name, None, error.code, str(error)),))
    except OSError as error:
        yield 0, Files((Failure(source.name, None, "unreadable", f"cannot be read ({error.strerror or 'damaged'})"),))
    except Exception:  # the libraries for Excel and Parquet raise anything for a damaged file
        reason = f"reading the table as {source.table} failed; open it in its own program and save it again"
        yield 0, Files((Failure(source.name, None, "damaged_file", reason),))


def _json_lines(source: Source, options: TableOptions) -> Iterator[tuple[int, Piece]]:
    from service.batch.records import parse_row

    columns: Columns | None = None
    row, offset = 1, 0
    with open_source(source) as stream:
        while content := stream.read(CHUNK_BYTES):
            rest = b"" if content.endswith(b"\n") else stream.readline(MAX_ROW_BYTES)
            content += rest
            if columns is None:
                parsed = (parse_row(line) for line in content.split(b"\n")[:_LOOKED_AT] if line.strip())
                columns = _columns([line for line in parsed if isinstance(line, dict)], options, default="text")
            kept = content if source.path == STDIN or source.member else None
            yield len(content), Lines(source, columns, row, offset, len(content), kept)
            row += content.count(b"\n") + (not content.endswith(b"\n"))
            offset += len(content)
            if len(rest) >= MAX_ROW_BYTES and not rest.endswith(b"\n"):
                offset += _pass_over_line(stream)


def _pass_over_line(stream: IO[bytes]) -> int:
    """Skip what is left of an overlong line, which the worker names as damaged; return its length."""
    skipped = 0
    while part := stream.readline(MAX_ROW_BYTES):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped


def _delimited(source: Source, options: TableOptions) -> Iterator[tuple[int, Piece]]:
    with open_text(source) as stream:
        rows = delimited(stream, "\t" if source.table is TableKind.TSV else None)
        yield from _by_rows(source, rows, options)


def _sheets(source: Source, options: TableOptions) -> Iterator[tuple[int, Piece]]:
    """Cut every sheet that has rows; where there are several, the source of a row names its sheet, too."""
    import zipfile

    from openpyxl import load_workbook

    with open_source(source) as stream:
        with zipfile.ZipFile(stream) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > _MAX_UNZIPPED_SHEETS:
            detail = f"unpacked it has {size} bytes, the limit is {_MAX_UNZIPPED_SHEETS}; save it as CSV"
            raise ReaderError("unzipped_too_large", detail, limit=_MAX_UNZIPPED_SHEETS, size=size)
        book = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        sheets = [sheet for sheet in book.worksheets if any(True for _ in islice(sheet_rows(sheet.iter_rows(values_only=True)), 1))]
        for sheet in sheets:
            named = source if len(sheets) == 1 else replace(source, name=f"{source.name}#{sheet.title}")
            yield from _by_rows(named, sheet_rows(sheet.iter_rows(values_only=True)), options, of=len(sheets))


def _by_rows(source: Source, rows: Iterator[Row], options: TableOptions, of: int = 1) -> Iterator[tuple[int, Piece]]:
    """Cut rows that are read here; the source's bytes are shared out by what was read of them, as far as that can be told."""
    head = list(islice(rows, _LOOKED_AT))
    if not head:
        return
    columns = _columns(head, options)
    collected: list[tuple[int, Row]] = []
    size, left = 0, source.size // of
    for number, row in enumerate(chain(head, rows), start=2):  # the first row names the columns
        collected.append((number, row))
        size += sum(len(value) + 1 if isinstance(value, str) else 8 for value in row.values())
        if len(collected) >= CHUNK_ROWS or size >= CHUNK_BYTES:
            told = min(size, left)
            yield told, Rows(source, columns, collected)
            left -= told
            collected, size = [], 0
    if collected:
        yield left, Rows(source, columns, collected)


def _row_groups(source: Source, options: TableOptions) -> Iterator[tuple[int, Piece]]:
    with open_source(source) as stream, pq.ParquetFile(stream) as file:
        metadata = file.metadata
        head = next(file.iter_batches(batch_size=_LOOKED_AT), None)
        if head is None or not metadata.num_rows:
            return
        columns = _columns(head.slice(0, _LOOKED_AT).to_pylist() or [], options, names=head.schema.names)
        first = 1
        for group in range(metadata.num_row_groups):
            rows = metadata.row_group(group).num_rows
            step = _rows_a_chunk(metadata.row_group(group), columns.text)
            for offset in range(0, rows, step):
                count = min(step, rows - offset)
                yield source.size * count // metadata.num_rows, RowGroup(source, columns, group, offset, count, first + offset)
            first += rows


def _rows_a_chunk(group: pq.RowGroupMetaData, text_column: str) -> int:
    """As many rows as have about the text of a chunk."""
    rows = int(group.num_rows)
    for number in range(group.num_columns):
        column = group.column(number)
        if column.path_in_schema == text_column and rows:
            average = max(1, int(column.total_uncompressed_size) // rows)
            return max(1, min(CHUNK_ROWS, CHUNK_BYTES // average))
    return CHUNK_ROWS


def _columns(head: list[Row], options: TableOptions, *, default: str | None = None, names: list[str] | None = None) -> Columns:
    """Name the columns of a table from its first rows. Raises ReaderError `no_text_column` where they cannot be told."""
    there = names or list(dict.fromkeys(name for row in head for name in row))
    if default and options.text_column is None and not there:
        return Columns(default, "id")  # not one row can be read: each will be named
    if options.id_column is not None and options.id_column not in there:
        raise ReaderError("no_id_column", f"there is no column {options.id_column!r}; the columns are {', '.join(there)}")
    text = options.text_column if options.text_column in there else choose_text_column(head, options.text_column)
    assert text is not None  # noqa: S101 -- `choose_text_column` raises where there is none
    return Columns(text, options.id_column or ("id" if "id" in there and text != "id" else None))


_CUTTERS: Final[dict[TableKind, Callable[[Source, TableOptions], Iterator[tuple[int, Piece]]]]] = {
    TableKind.JSONL: _json_lines,
    TableKind.CSV: _delimited,
    TableKind.TSV: _delimited,
    TableKind.XLSX: _sheets,
    TableKind.PARQUET: _row_groups,
}
