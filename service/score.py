"""Scores the rows of a file, in order and in constant memory."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, TypeVar

from model.tagger import Tagger
from service.answers import sentence_row
from service.inputs import BadRow, SentenceInput

_BATCH = 2048

T = TypeVar("T")


@dataclass
class ScoreSummary:
    """What became of the rows of an input."""

    scored: int = 0
    bad: list[BadRow] = field(default_factory=list)


def score_sentences(
    tagger: Tagger,
    rows: Iterable[SentenceInput | BadRow],
    write: Callable[[str], object],
    progress: Callable[[int], object],
) -> ScoreSummary:
    """Tag each row's text as one sentence, with no segmenting, and write a JSON line for each good row, in order.

    Args:
        tagger: does the work.
        rows: what `service.inputs.read_rows` yields; bad rows are collected in the summary.
        write: takes each line.
        progress: told after each batch how many rows it had.
    """
    summary = ScoreSummary()
    for batch in _batches(rows):
        good = [row for row in batch if isinstance(row, SentenceInput)]
        summary.bad.extend(row for row in batch if isinstance(row, BadRow))
        for row, tag in zip(good, tagger.tag([row.text for row in good]), strict=True):
            write(sentence_row(row.id, tag, row.columns).model_dump_json() + "\n")
        summary.scored += len(good)
        progress(len(batch))
    return summary


@contextmanager
def atomic_writer(path: Path) -> Iterator[IO[str]]:
    """Open a text file that takes its place only when everything was written; on an error what stood there before stays.

    Raises:
        OSError: the folder is missing or not writable, or the disk is full.
    """
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}-", delete=False) as stream:
        temporary = Path(stream.name)
        try:
            yield stream
        except BaseException:
            temporary.unlink()
            raise
    temporary.chmod(0o644)
    temporary.replace(path)


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
