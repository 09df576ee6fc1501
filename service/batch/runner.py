"""Runs a job: chunks out to the workers, summaries back in order, parts on disk in between."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from multiprocessing import resource_tracker
from pathlib import Path
from signal import SIG_BLOCK, SIG_IGN, SIG_SETMASK, SIGINT, pthread_sigmask, raise_signal, signal
from typing import Any, Final, TypeVar

import pyarrow.parquet as pq
from joblib.externals.loky import ProcessPoolExecutor

from model.document import TaggedDocument
from model.labels import Label
from model.layout import TextKind
from model.tagger import Tag
from service.batch.chunks import Chunk, Files, Piece
from service.batch.records import Record, passed_schema, read
from service.batch.request import RowKind
from service.batch.rows import MODEL_DIGITS, Table, document_rows, lone_rows, sentence_rows, to_arrow, to_json_lines
from service.batch.scorers import Scorer, ScorerSource
from service.batch.sources import Failure
from service.batch.work import Summary, load_summary, save_part
from service.schemas import Unit

SHOWN_FAILURES: Final = 10
_NOTHING: Final = Files(())

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """What every worker must know.

    Attributes:
        scorer: where a worker gets its scorer.
        rows: what a row is.
        unit: what a text is.
        kind: how lines are read; decided for each document where it is AUTO.
        suffix: `.jsonl` or `.parquet`: what parts are.
        folder: where parts go.
    """

    scorer: ScorerSource
    rows: RowKind
    unit: Unit
    kind: TextKind
    suffix: str
    folder: Path


@dataclass(slots=True)
class Totals:
    """What became of a run so far; keeps a few failures to show, and counts the rest."""

    documents: int = 0
    sentences: int = 0
    labels: dict[Label, int] = field(default_factory=lambda: dict.fromkeys(Label, 0))
    failed: int = 0
    first_failures: list[Failure] = field(default_factory=list)

    def add(self, summary: Summary) -> None:
        """Count a chunk."""
        self.documents += summary.documents
        self.sentences += summary.sentences
        for label, count in zip(Label, summary.labels, strict=True):
            self.labels[label] += count
        self.failed += len(summary.failures)
        self.first_failures += summary.failures[: SHOWN_FAILURES - len(self.first_failures)]


@dataclass(frozen=True, slots=True)
class Pool:
    """Workers behind an executor: processes of this machine, or of a cluster. At most `ahead` tasks are waiting or unread."""

    executor: Executor
    ahead: int


def run(job: Job, chunks: Iterable[Chunk], done: set[int], pool: Pool | None) -> Iterator[tuple[Chunk, Summary]]:
    """Score the chunks that are not done yet, and yield all of them with what became of them, in order.

    Raises:
        ScoringError: nothing can be scored any more.
        OSError: parts cannot be written.
    """
    work = _Work(job)
    for chunk, summary in in_order(work, chunks, done, pool):
        yield chunk, load_summary(job.folder, chunk.index) if summary is None else summary


def in_order(work: Callable[[Chunk], T], chunks: Iterable[Chunk], done: set[int], pool: Pool | None) -> Iterator[tuple[Chunk, T | None]]:
    """Do the work of each chunk and yield the results in the order of the chunks, None for those done before.

    joblib's own generator hands out new tasks as old ones end, however slowly the results are taken; here at most `ahead` are on their way,
    so that memory stays flat. Works alike for processes of this machine and for a cluster.
    """
    if pool is None:
        for chunk in chunks:
            yield chunk, None if chunk.index in done else work(chunk)
        return
    waiting: deque[tuple[Chunk, Future[T] | None]] = deque()
    try:
        for chunk in chunks:
            if chunk.index in done:
                waiting.append((chunk, None))
            else:
                waiting.append((replace(chunk, piece=_NOTHING), pool.executor.submit(work, chunk)))
            while len(waiting) > pool.ahead or (waiting and waiting[0][1] is None):
                first, future = waiting.popleft()
                yield first, future.result() if future else None
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result() if future else None
    finally:  # on the way out of an interruption: what has not begun need not be done
        for _, future in waiting:
            if future:
                future.cancel()


@contextmanager
def processes(jobs: int) -> Iterator[Pool | None]:
    """Start worker processes on this machine; None for a single job, which this process does itself."""
    if jobs == 1:
        yield None
        return
    with _interrupts_held():
        executor = _Processes(jobs, initializer=_start_worker, initargs=(os.getpid(),))
    try:
        yield Pool(executor, ahead=4 * jobs)
    finally:  # chunks that are being done are finished and kept: killing their workers makes loky's own thread fail
        executor.shutdown()


class _Processes(ProcessPoolExecutor):  # type: ignore[misc]
    """Worker processes that Ctrl-C never reaches: loky starts them, and the thread that replaces lost ones, in `submit`."""

    def submit(self, work: Callable[..., T], /, *args: Any, **named: Any) -> Future[T]:  # noqa: ANN401
        """Hand out a task."""
        with _interrupts_held():
            future: Future[T] = super().submit(work, *args, **named)
        return future


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let a Ctrl-C wait until the end of the block, and keep it for good from processes and threads that are started in it.

    The terminal sends Ctrl-C to workers as well, which load for a second before they can ignore it; what is blocked here is blocked there
    from the first moment. The handler is for this process, in which another thread may take the signal.
    """
    came: list[int] = []
    resource_tracker.ensure_running()  # else started in the block, at whose end it unblocks the signal
    before = signal(SIGINT, lambda number, _: came.append(number))
    mask = pthread_sigmask(SIG_BLOCK, {SIGINT})
    try:
        yield
    finally:
        pthread_sigmask(SIG_SETMASK, mask)
        signal(SIGINT, before)
        if came:
            raise_signal(SIGINT)  # which may be ignored, as in a script's background


def _start_worker(parent: int) -> None:
    """Leave Ctrl-C to the process that started this one, and end when that is gone, even where it was killed."""
    signal(SIGINT, SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@dataclass(frozen=True, slots=True)
class _Work:
    """Reads, scores and keeps one chunk, wherever it runs."""

    job: Job

    def __call__(self, chunk: Chunk) -> Summary:
        job = self.job
        table, summary = score_piece(job, chunk.piece)
        if job.suffix == ".jsonl":
            rows = to_json_lines(table)
        else:
            stream = BytesIO()
            pq.write_table(to_arrow(table, passed_schema(chunk.piece)), stream, compression="zstd")
            rows = stream.getvalue()
        save_part(job.folder, chunk.index, job.suffix, rows, summary)
        return summary


def score_piece(job: Job, piece: Piece) -> tuple[Table, Summary]:
    """Read and score a piece of the inputs."""
    scorer = job.scorer.open()
    records: list[Record] = []
    failures: list[Failure] = []
    for item in read(piece):
        if isinstance(item, Failure):
            failures.append(item)
        elif job.kind is TextKind.AUTO or item.kind is not TextKind.AUTO:
            records.append(item)
        else:
            records.append(replace(item, kind=job.kind))
    model = scorer.model[:MODEL_DIGITS]
    if job.unit is Unit.SENTENCE:
        return _lone(scorer, records, failures)
    scored, tagged = _sorted_out(records, scorer.documents(records), TaggedDocument, failures)
    labels = tuple(sum(document.counts[label] for document in tagged) for label in Label)
    table = (sentence_rows if job.rows is RowKind.SENTENCES else document_rows)(scored, tagged, model)
    return table, Summary(len(scored), sum(labels), labels, tuple(failures))


def _lone(scorer: Scorer, records: list[Record], failures: list[Failure]) -> tuple[Table, Summary]:
    scored, tags = _sorted_out(records, scorer.sentences(records), Tag, failures)
    labels = [tag.label for tag in tags]
    return lone_rows(scored, tags), Summary(0, len(tags), tuple(labels.count(label) for label in Label), tuple(failures))


def _sorted_out(
    records: list[Record], results: Iterable[T | Failure], kind: type[T], failures: list[Failure]
) -> tuple[list[Record], list[T]]:
    """Part what was scored from what failed, each in the order of the rows."""
    scored, answers = [], []
    for record, result in zip(records, results, strict=True):
        if isinstance(result, kind):
            scored.append(record)
            answers.append(result)
        elif isinstance(result, Failure):
            failures.append(result)
    return scored, answers
