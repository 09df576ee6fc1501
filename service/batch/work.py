"""The folder beside the output in which a run does its work: finished parts stay there, so that an interrupted run can go on.

Each chunk leaves two files: its rows and its summary. Each is written under another name, flushed to disk and then renamed: a chunk is done
if and only if both are there, whatever was interrupted. A chunk done twice, by two workers, leaves the same two files.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import orjson

from service.batch.sources import Failure

JOB: Final = "job.json"
SUFFIX: Final = ".partial"
SUMMARY: Final = ".json"


class WorkError(Exception):
    """A run cannot start or go on where another one stopped; the message says why and what to try."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of a chunk, or of several."""

    documents: int = 0
    sentences: int = 0
    labels: tuple[int, ...] = (0, 0, 0, 0)
    failures: tuple[Failure, ...] = ()


def work_folder(output: Path) -> Path:
    """Return the place of the work folder of an output."""
    return output.with_name(f"{output.name}{SUFFIX}")


def is_resumable(folder: Path) -> bool:
    """Whether an interrupted run left a folder that can be gone on with."""
    return (folder / JOB).is_file()


@contextmanager
def open_work(folder: Path, identity: dict[str, Any], *, resume: bool) -> Iterator[None]:
    """Claim the work folder for a run, and make sure that what is in it belongs to this run.

    Args:
        folder: made if it is not there; emptied unless a run is resumed.
        identity: all that decides the rows; a run is only resumed under the same.
        resume: go on with what is there.

    Raises:
        WorkError: another run is at work there, or the interrupted one was another.
        OSError: the folder cannot be written.
    """
    if is_resumable(folder):
        with _locked(folder):
            found = orjson.loads((folder / JOB).read_bytes())
            if resume and found == identity:
                yield
                return
            if resume:
                changed = ", ".join(sorted(key for key in found.keys() | identity.keys() if found.get(key) != identity.get(key)))
                raise WorkError(f"{folder}: the interrupted run differs in {changed}; start afresh with --force in place of --resume")
            remove_work(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_durably(folder / JOB, orjson.dumps(identity, option=orjson.OPT_INDENT_2))
    with _locked(folder):
        yield


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder for one run; the lock goes with the process, however it ends."""
    with (folder / JOB).open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise WorkError(f"{folder}: another run is at work there; wait for it to end") from error
        yield


def remove_work(folder: Path) -> None:
    """Remove the folder; whatever interrupts that, what is left is never taken for a run."""
    (folder / JOB).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def part_path(folder: Path, index: int, suffix: str) -> Path:
    """Return where the rows of a chunk are."""
    return folder / f"part-{index:08}{suffix}"


def save_part(folder: Path, index: int, suffix: str, rows: bytes, summary: Summary) -> None:
    """Keep the rows of a chunk, and what became of it. Raises OSError where the disk is full or not writable."""
    for end, content in ((suffix, rows), (SUMMARY, orjson.dumps(summary))):
        with _replacing(part_path(folder, index, end)) as stream:
            stream.write(content)
    flush_folder(folder)


def done_parts(folder: Path, suffix: str) -> set[int]:
    """Return which chunks are done."""
    rows, summaries = ({path.stem for path in folder.glob(f"part-*{end}")} for end in (suffix, SUMMARY))
    return {int(stem.removeprefix("part-")) for stem in rows & summaries}


def load_summary(folder: Path, index: int) -> Summary:
    """Return what became of a chunk that is done."""
    found = orjson.loads(part_path(folder, index, SUMMARY).read_bytes())
    failures = tuple(Failure(**failure) for failure in found["failures"])
    return Summary(found["documents"], found["sentences"], tuple(found["labels"]), failures)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes its place only when everything was written and flushed to disk; on an error what stood there before stays.

    Raises:
        OSError: the folder is missing or not writable, or the disk is full.
    """
    with _replacing(path) as stream:
        yield stream
    flush_folder(path.parent)


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """The same, but for the new name, which may not outlive a power cut."""
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}-", delete=False) as stream:
        temporary = Path(stream.name)
        try:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    temporary.chmod(0o644)
    temporary.replace(path)


def write_durably(path: Path, content: bytes) -> None:
    """Write a file as `replacing` does."""
    with replacing(path) as stream:
        stream.write(content)


def flush_folder(folder: Path) -> None:
    """Make the names in a folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
