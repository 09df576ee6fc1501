"""Finds the files behind what a user names: files, folders, globs, archives, standard input."""

import glob
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Final

from service.inputs import STDIN, InputError

# What writers of Parquet data sets leave beside the data.
_MARKERS: Final = frozenset({"_SUCCESS", "_metadata", "_common_metadata"})


class TableKind(StrEnum):
    """Tables: each row holds a text."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    XLSX = "xlsx"
    PARQUET = "parquet"


_TABLES: Final = {
    ".csv": TableKind.CSV, ".tsv": TableKind.TSV, ".tab": TableKind.TSV, ".jsonl": TableKind.JSONL, ".ndjson": TableKind.JSONL,
    ".xlsx": TableKind.XLSX, ".parquet": TableKind.PARQUET, ".pq": TableKind.PARQUET,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or one member of an archive.

    Attributes:
        name: as the user would call it; stands in rows and messages.
        path: where it is, absolute; of the archive for a member; `-` for standard input.
        table: what kind of table it is; None for a document.
        size: in bytes, 0 where nobody can tell.
        modified: nanoseconds since 1970; with name and size it tells whether an input is still the same.
        member: the name inside the archive.
    """

    name: str
    path: str
    table: TableKind | None
    size: int
    modified: int = 0
    member: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that could not be scored, and why; quotes nothing of the text.

    `row` counts from 1, the head of a table with columns included, so that it is the line of JSON lines and the row a spreadsheet shows.
    """

    source: str
    row: int | None
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which files are meant.

    Attributes:
        inputs: files, folders, globs and `-`, in order.
        include, exclude: globs for files found in folders and archives, on the path below the folder or on the name alone.
        leave_out: absolute paths never to be read: the output itself.
        stdin_name: the name standard input would have as a file; its suffix tells the kind. Empty: JSON lines or a document, by content.
    """

    inputs: Sequence[str]
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    leave_out: frozenset[str] = frozenset()
    stdin_name: str = ""

    def matches(self, path: str) -> bool:
        """Whether a path below a folder or in an archive is wanted. Hidden files never are."""
        parts = PurePosixPath(path)
        if any(part.startswith(".") or part == "__MACOSX" for part in parts.parts) or parts.name in _MARKERS:
            return False

        def hit(patterns: Sequence[str]) -> bool:
            return any(fnmatch(path, pattern) or fnmatch(parts.name, pattern) for pattern in patterns)

        return (not self.include or hit(self.include)) and not hit(self.exclude)


def find(selection: Selection) -> Iterator[Source | Failure]:
    """Yield every file in a fixed order: inputs as named, folders by name.

    Raises:
        InputError: an input does not exist.
    """
    for argument in selection.inputs:
        if argument == STDIN:
            yield Source(selection.stdin_name or "standard input", STDIN, table_kind(selection.stdin_name), 0)
            continue
        for path in _named(argument):
            if path.is_dir():
                yield from _in_folder(path, selection)
            else:
                yield from _of_file(path, str(path), selection)


def fingerprint(selection: Selection) -> tuple[str, int, int]:
    """Look through the inputs without reading them: a hash of what there is, the number of files, and their bytes."""
    digest, count, size = sha256(), 0, 0
    for source in find(selection):
        digest.update(repr(source).encode("utf-8", "surrogatepass"))
        count += 1
        size += source.size if isinstance(source, Source) else 0
    return digest.hexdigest(), count, size


def table_kind(name: str) -> TableKind | None:
    """Return the kind of table a name stands for, if it stands for one."""
    return _TABLES.get(PurePosixPath(name).suffix.lower())


def _named(argument: str) -> list[Path]:
    path = Path(argument)
    try:
        if path.exists():
            return [path]
        found = sorted(glob.glob(argument, recursive=True)) if glob.has_magic(argument) else []  # noqa: PTH207 -- absolute ones, too
    except (OSError, ValueError) as error:
        raise InputError(f"{argument}: cannot be read ({error})") from error
    if not found:
        raise InputError(
            f"{argument}: cannot be read (no such file or folder); name files, folders, globs in quotes, or - for standard input"
        )
    return [Path(name) for name in found]


def _in_folder(folder: Path, selection: Selection) -> Iterator[Source | Failure]:
    errors: list[OSError] = []
    for root, folders, files in os.walk(folder, onerror=errors.append):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and str(Path(root, name).absolute()) not in selection.leave_out
        )
        for name in sorted(files):
            path = Path(root, name)
            if selection.matches(path.relative_to(folder).as_posix()):
                yield from _of_file(path, str(path), selection)
        for error in errors:
            yield Failure(str(error.filename), None, "unreadable", f"cannot be read ({error.strerror})")
        errors.clear()


def _of_file(path: Path, name: str, selection: Selection) -> Iterator[Source | Failure]:
    absolute = str(path.absolute())
    if absolute in selection.leave_out:
        return
    if not _is_unicode(name):
        yield Failure(name.encode("utf-8", "replace").decode(), None, "unreadable", "the name of the file is not UTF-8; rename it")
        return
    try:
        status = path.stat()
    except OSError as error:
        yield Failure(name, None, "unreadable", f"cannot be read ({error.strerror})")
        return
    if path.suffix.lower() == ".zip":
        yield from _in_archive(path, name, status.st_mtime_ns, selection)
    elif path.is_file():
        yield Source(name, absolute, table_kind(name), status.st_size, status.st_mtime_ns)
    else:
        yield Failure(name, None, "unreadable", "is no regular file")


def _in_archive(path: Path, name: str, modified: int, selection: Selection) -> Iterator[Source | Failure]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted(archive.infolist(), key=lambda entry: entry.filename)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "damaged or no archive"
        yield Failure(name, None, "damaged_file", f"cannot be unpacked ({reason})")
        return
    for entry in members:
        inside = f"{name}/{entry.filename}"
        if entry.is_dir() or not selection.matches(entry.filename):
            continue
        if entry.flag_bits & 1:
            yield Failure(inside, None, "encrypted_file", "is protected by a password; unpack the archive and name the folder")
        elif entry.filename.lower().endswith(".zip"):
            yield Failure(inside, None, "unsupported_kind", "is an archive inside an archive; unpack it")
        else:
            yield Source(inside, str(path.absolute()), table_kind(entry.filename), entry.file_size, modified, entry.filename)


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
