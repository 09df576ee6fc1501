"""Puts the parts of a finished run together to one output, a part at a time."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from service.batch.request import RowKind
from service.batch.rows import as_text
from service.batch.work import flush_folder, part_path, replacing

_GROUP_ROWS: Final = 131_072


class OutputKind(StrEnum):
    """What an output is, told by its suffix."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    SQLITE = "sqlite"
    DATASET = "folder"


_SUFFIXES: Final = {
    ".jsonl": OutputKind.JSONL, ".ndjson": OutputKind.JSONL, ".csv": OutputKind.CSV, ".parquet": OutputKind.PARQUET,
    ".sqlite": OutputKind.SQLITE, ".sqlite3": OutputKind.SQLITE, ".db": OutputKind.SQLITE,
}  # fmt: skip


def output_kind(output: str) -> OutputKind | None:
    """Return what an output is: by suffix, a folder if it ends in a slash; None for anything else."""
    if output.endswith("/") or Path(output).is_dir():
        return OutputKind.DATASET
    return _SUFFIXES.get(Path(output).suffix.lower())


def part_suffix(kind: OutputKind) -> str:
    """Return the kind of file the workers leave for an output."""
    return ".jsonl" if kind is OutputKind.JSONL else ".parquet"


def write_output(kind: OutputKind, folder: Path, parts: int, output: Path, about: dict[str, str], rows: RowKind) -> None:
    """Put parts 0 to `parts` - 1 together, in order, and let the result take the place of the output when it is whole.

    Args:
        kind: of the output.
        folder: where the parts are.
        parts: how many.
        output: where the result goes.
        about: model and version; kept in Parquet files and SQLite databases.
        rows: names the table of a database.

    Raises:
        OSError: the disk is full or not writable.
    """
    paths = [part_path(folder, index, part_suffix(kind)) for index in range(parts)]
    if kind is OutputKind.DATASET:
        _dataset(paths, output, about)
        return
    if kind is OutputKind.SQLITE:
        _sqlite(paths, folder / "output.sqlite", about, rows)
        (folder / "output.sqlite").replace(output)
        flush_folder(output.parent)
        return
    with replacing(output) as stream:
        _WRITERS[kind](paths, stream, about)


def _json_lines(paths: Sequence[Path], stream: IO[bytes], about: dict[str, str]) -> None:
    for path in paths:
        with path.open("rb") as part:
            shutil.copyfileobj(part, stream)


def _csv(paths: Sequence[Path], stream: IO[bytes], about: dict[str, str]) -> None:
    schema = _flat(_common_schema(paths))
    with pyarrow.csv.CSVWriter(stream, schema) as writer:
        for path in paths:
            writer.write_table(_fitted(pq.read_table(path), schema))


def _parquet(paths: Sequence[Path], stream: IO[bytes], about: dict[str, str]) -> None:
    schema = _common_schema(paths).with_metadata(about)
    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for table in _grouped(paths, schema):
            writer.write_table(table, row_group_size=_GROUP_ROWS)


def _grouped(paths: Sequence[Path], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield tables of a good many rows: row groups as small as parts would be slow to read."""
    tables: list[pa.Table] = []
    rows = 0
    for path in paths:
        tables.append(_fitted(pq.read_table(path), schema))
        rows += tables[-1].num_rows
        if rows >= _GROUP_ROWS:
            yield pa.concat_tables(tables)
            tables, rows = [], 0
    yield pa.concat_tables(tables) if tables else schema.empty_table()


def _dataset(paths: Sequence[Path], output: Path, about: dict[str, str]) -> None:
    """Let the parts themselves be the output, each with the same columns."""
    schema = _common_schema(paths).with_metadata(about)
    fresh = output.with_name(f".{output.name}-fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for path in paths:
        with replacing(fresh / path.name) as stream:
            pq.write_table(_fitted(pq.read_table(path), schema), stream, compression="zstd")
    if output.exists():
        old = output.with_name(f".{output.name}-old")
        output.replace(old)
        fresh.replace(output)
        shutil.rmtree(old)
    else:
        fresh.replace(output)
    flush_folder(output.parent)


def _sqlite(paths: Sequence[Path], database: Path, about: dict[str, str], rows: RowKind) -> None:
    schema = _flat(_common_schema(paths))
    database.unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as connection:
        columns = ", ".join(f"{_quoted(field.name)} {_sqlite_type(field.type)}" for field in schema)
        connection.execute(f"CREATE TABLE {_quoted(rows)} ({columns})")
        connection.execute("CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT)")
        connection.executemany("INSERT INTO about VALUES (?, ?)", about.items())
        insert = f"INSERT INTO {_quoted(rows)} VALUES ({', '.join('?' * len(schema))})"  # noqa: S608 -- names are quoted
        for path in paths:
            table = _fitted(pq.read_table(path), schema)
            connection.executemany(insert, zip(*(_sqlite_values(column) for column in table.columns), strict=True))
        connection.commit()


def _sqlite_values(column: pa.ChunkedArray) -> list[Any]:
    simple = pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type)
    values: list[Any] = (column if simple else column.cast(pa.string())).to_pylist()
    return values


def _sqlite_type(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return "INTEGER"
    return "REAL" if pa.types.is_floating(kind) else "TEXT"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _common_schema(paths: Sequence[Path]) -> pa.Schema:
    """Return all columns of all parts in order of appearance, each of a type that holds the values of every part."""
    fields: dict[str, pa.DataType] = {}
    for path in paths:
        for field in pq.read_schema(path):
            fields[field.name] = _common_type(fields.get(field.name, field.type), field.type)
    return pa.schema([(name, pa.string() if pa.types.is_null(kind) else kind) for name, kind in fields.items()])


def _common_type(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    numbers = {pa.int64(), pa.float64()}
    return pa.float64() if {one, other} == numbers else pa.string()


def _flat(schema: pa.Schema) -> pa.Schema:
    """Return a schema without nested types, for files that cannot hold any."""
    return pa.schema([(field.name, pa.string() if _is_rich(field.type) else field.type) for field in schema])


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Give a part the columns and types of a schema."""
    columns = [
        _cast(table[field.name], field.type) if field.name in table.column_names else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    if pa.types.is_string(kind) and (_is_rich(column.type) or pa.types.is_boolean(column.type)):
        return pa.chunked_array([pa.array([None if value is None else as_text(value) for value in column.to_pylist()], pa.string())])
    return pc.cast(column, kind)


def _is_rich(kind: pa.DataType) -> bool:
    """Whether values of a type are more than a CSV file or a database can hold as they are."""
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    return bool(binary or pa.types.is_nested(kind) or pa.types.is_dictionary(kind))


_WRITERS: Final[dict[OutputKind, Callable[[Sequence[Path], IO[bytes], dict[str, str]], None]]] = {
    OutputKind.JSONL: _json_lines,
    OutputKind.CSV: _csv,
    OutputKind.PARQUET: _parquet,
}
