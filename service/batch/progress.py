"""What a run says while it works and when it is done: on standard error, a bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from service.batch.runner import Totals
from service.batch.sources import Failure

_SECONDS_A_LINE: Final = 10.0


class Watch(Protocol):
    """Told how far a run is."""

    def __call__(self, totals: Totals, read: int) -> None:
        """Show what was done so far, and how many bytes of the inputs that accounts for."""


@contextmanager
def watching(console: Console, size: int, *, quiet: bool) -> Iterator[Watch]:
    """Show how far a run is.

    Args:
        console: where.
        size: bytes of all inputs, 0 where nobody knows.
        quiet: show nothing.
    """
    if quiet:
        yield lambda totals, read: None
    elif console.is_terminal:
        with _bar(console, size) as watch:
            yield watch
    else:
        yield _Lines(console, size)


@contextmanager
def _bar(console: Console, size: int) -> Iterator[Watch]:
    columns = (
        TextColumn("{task.fields[sentences]:,} sentences"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeRemainingColumn(),
    )
    started = time.monotonic()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("score", total=size or None, sentences=0, rate=0.0)

        def watch(totals: Totals, read: int) -> None:
            rate = totals.sentences / max(time.monotonic() - started, 0.001)
            progress.update(task, completed=read, sentences=totals.sentences, rate=rate)

        yield watch


class _Lines:
    """A line now and then, for logs."""

    def __init__(self, console: Console, size: int) -> None:
        self._console = console
        self._size = size
        self._started = self._last = time.monotonic()

    def __call__(self, totals: Totals, read: int) -> None:
        now = time.monotonic()
        if now - self._last < _SECONDS_A_LINE:
            return
        self._last = now
        spent = now - self._started
        line = f"{totals.sentences:,} sentences, {totals.sentences / spent:,.0f}/s"
        if self._size and read:
            left = spent * (self._size - read) / read
            line += f", {read / self._size:.0%} read, about {_duration(left)} left"
        self._console.print(line, highlight=False, soft_wrap=True)


def show_summary(console: Console, totals: Totals, seconds: float) -> None:
    """Print what became of the inputs."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    if totals.documents:
        table.add_row("documents", f"{totals.documents:,}", "")
    table.add_row("sentences", f"{totals.sentences:,}", f"{totals.sentences / max(seconds, 0.001):,.0f}/s")
    for label, count in totals.labels.items():
        table.add_row(f"  {label}", f"{count:,}", f"{count / max(totals.sentences, 1):.1%}")
    table.add_row("failed", f"{totals.failed:,}", "")
    console.print(table)


def show_failures(console: Console, totals: Totals, everything: str | None) -> None:
    """Name what failed, as far as a person reads; `everything` is the file that holds all of it."""
    for failure in totals.first_failures:
        console.print(describe(failure), highlight=False, markup=False, soft_wrap=True)
    if rest := totals.failed - len(totals.first_failures):
        console.print(f"... and {rest:,} more", highlight=False)
    if totals.failed and everything:
        console.print(f"All failures are in {everything}", highlight=False, markup=False, soft_wrap=True)


def describe(failure: Failure) -> str:
    """Put a failure into a line."""
    where = failure.source if failure.row is None else f"{failure.source}, line {failure.row}"
    return f"{where}: {failure.reason}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
