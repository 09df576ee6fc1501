"""`helmkeel report` and `helmkeel compare`: inputs to one file that people look at."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from model.artifact import load
from model.labels import Side
from model.layout import TextKind
from service.batch.chunks import plan
from service.batch.progress import Watch, show_failures, watching
from service.batch.request import TableOptions
from service.batch.runner import SHOWN_FAILURES, Pool, Totals, in_order, processes
from service.batch.scorers import Limits, LocalModel, ScoringError
from service.batch.sources import Selection, find, fingerprint
from service.batch.work import write_durably
from service.inputs import InputError
from service.report.data import Digest, Group, explained
from service.report.html import to_html
from service.report.markdown import to_markdown
from service.report.pdf import to_pdf
from service.report.report import Report
from service.settings import Settings

WRITERS: Final[dict[str, Callable[[Report], bytes]]] = {
    ".html": to_html, ".htm": to_html, ".pdf": to_pdf, ".md": to_markdown, ".markdown": to_markdown,
}  # fmt: skip
FAILED, USAGE, INTERRUPTED = 1, 2, 130


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What the user asked for.

    Attributes:
        groups: the inputs of each group: one for a report, two for a comparison.
        output: a .html, .pdf or .md file; None for Markdown on standard output.
        title: on top; made from the inputs if left out.
        include, exclude, kind, tables, date_column: as for `helmkeel score`; where dates stand in tables.
        jobs: processes; 0 for one a core.
        force: replace an output.
        quiet: say nothing but what failed.
    """

    groups: Sequence[Sequence[str]]
    output: str | None
    title: str | None = None
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    kind: TextKind = TextKind.AUTO
    tables: TableOptions = field(default_factory=TableOptions)
    date_column: str | None = None
    jobs: int = 1
    force: bool = False
    quiet: bool = False


def report_command(request: ReportRequest, settings: Settings, console: Console) -> int:
    """Do what was asked for, talking on the console; return the exit code."""
    output = Path(request.output) if request.output else None
    if output and output.suffix.lower() not in WRITERS:
        return _end(console, USAGE, f"{output}: unknown suffix; use .html, .pdf or .md")
    if output and output.exists() and not request.force:
        return _end(console, USAGE, f"{output}: is there already; --force replaces it")
    try:
        report = _collect(request, settings, console)
        if output:
            write_durably(output, WRITERS[output.suffix.lower()](report))
        else:
            sys.stdout.buffer.write(to_markdown(report))
    except InputError as error:
        return _end(console, USAGE, str(error))
    except ScoringError as error:
        return _end(console, FAILED, str(error))
    except OSError as error:
        return _end(console, FAILED, f"{request.output}: cannot be written ({error.strerror or error})")
    except KeyboardInterrupt:
        return _end(console, INTERRUPTED, "interrupted; nothing was written")
    failures = [failure for group in report.groups for failure in group.failures]
    show_failures(console, Totals(failed=len(failures), first_failures=failures[:SHOWN_FAILURES]), None)
    if not request.quiet and output:
        sentences = sum(group.sentences for group in report.groups)
        console.print(f"{sentences:,} sentences in {output}", highlight=False, markup=False, soft_wrap=True)
    return FAILED if failures or not all(group.entries for group in report.groups) else 0


def _collect(request: ReportRequest, settings: Settings, console: Console) -> Report:
    model = LocalModel(settings.artifact, Limits(settings.max_text_bytes, settings.max_sentences))
    leave_out = frozenset({str(Path(request.output).absolute())}) if request.output else frozenset()
    selections = [Selection(tuple(inputs), request.include, request.exclude, leave_out) for inputs in request.groups]
    size = sum(fingerprint(selection)[2] for selection in selections)
    digest = Digest(model, request.kind, request.date_column)
    with watching(console, size, quiet=request.quiet) as watch, processes(request.jobs or os.cpu_count() or 1) as pool:
        groups = [_group(selection, request, digest, pool, watch) for selection in selections]
    artifact = load(settings.artifact)
    for group in groups:
        for side in Side:
            group.telling[side] = explained(group.telling[side], model.open().tagger)
    names = " and ".join(group.name for group in groups)
    title = request.title or (f"{groups[0].name} beside {groups[1].name}" if len(groups) > 1 else f"Leadership and management in {names}")
    documents, sentences = sum(len(group.entries) for group in groups), sum(group.sentences for group in groups)
    made = f"{datetime.now(UTC):%d %B %Y}, {documents:,} documents, {sentences:,} sentences"
    return Report(title, groups, artifact.contrasts, artifact.sha256[:12], made)


def _group(selection: Selection, request: ReportRequest, digest: Digest, pool: Pool | None, watch: Watch) -> Group:
    group = Group(_name(selection.inputs))
    totals, read = Totals(), 0
    for chunk, found in in_order(digest, plan(find(selection), request.tables), set(), pool):
        if found is None:
            continue
        group.add(found)
        totals.sentences += found.sentences
        read += chunk.size
        watch(totals, read)
    return group


def _name(inputs: Sequence[str]) -> str:
    names = [Path(name).name or name for name in inputs]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _end(console: Console, code: int, message: str) -> int:
    console.print(f"helmkeel: {message}", highlight=False, markup=False, style="red", soft_wrap=True)
    return code
