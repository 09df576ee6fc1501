"""`helmkeel score`: inputs to one output, with everything that can happen on the way."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import orjson
from rich.console import Console

from model.artifact import load
from service.batch.chunks import plan
from service.batch.outputs import OutputKind, output_kind, part_suffix, write_output
from service.batch.progress import show_failures, show_summary, watching
from service.batch.request import Request, RowKind
from service.batch.runner import Job, Pool, Totals, processes, run
from service.batch.scorers import Limits, LocalModel, ScorerSource, ScoringError
from service.batch.sources import Selection, find, fingerprint
from service.batch.work import (
    WorkError,
    done_parts,
    is_resumable,
    load_summary,
    open_work,
    part_path,
    remove_work,
    replacing,
    work_folder,
)
from service.inputs import STDIN, InputError
from service.schemas import Unit
from service.settings import Settings

ERRORS: Final = ".errors.jsonl"
FAILED, USAGE, INTERRUPTED = 1, 2, 130


class UsageError(ValueError):
    """The options do not fit together, or the output is in the way; the message says what to try."""


Workers = Callable[[], AbstractContextManager[Pool | None]]


def score_command(request: Request, settings: Settings, console: Console) -> int:
    """Do what `helmkeel score` was asked for, talking on the console; return the exit code."""
    try:
        scorer, workers = _who(request, settings)
        totals = score(request, scorer, workers, console)
    except (UsageError, InputError, WorkError) as error:
        return _end(console, USAGE, str(error))
    except ScoringError as error:
        return _end(console, FAILED, f"{error}{_hint(request)}")
    except BrokenPipeError:  # who read standard output has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 -- else Python would fail again when it ends
        return FAILED
    except OSError as error:
        return _end(console, FAILED, f"{request.output}: cannot be written ({error.strerror or error}){_hint(request)}")
    except KeyboardInterrupt:
        return _end(console, INTERRUPTED, f"interrupted{_hint(request)}")
    return FAILED if totals.failed else 0


def _who(request: Request, settings: Settings) -> tuple[ScorerSource, Workers]:
    """Say who tags, and where."""
    limits = Limits(settings.max_text_bytes, settings.max_sentences)
    if request.cluster:
        if request.via:
            raise UsageError("--cluster brings the model to its workers, --via asks a service; choose one")
        try:
            from service.batch.cluster import WorkerModel, cluster
        except ImportError as error:
            raise UsageError("--cluster needs Dask; install the extra `cluster` (pip install .[cluster])") from error
        address = request.cluster
        return WorkerModel(load(settings.artifact).sha256), lambda: cluster(address, settings.artifact, limits)
    jobs = request.jobs or os.cpu_count() or 1
    if request.via:
        from service.batch.remote import RemoteService

        key = settings.api_key.get_secret_value() if settings.api_key else None
        return RemoteService(request.via, key), lambda: processes(jobs)
    return LocalModel(settings.artifact, limits), lambda: processes(jobs)


def _end(console: Console, code: int, message: str) -> int:
    console.print(f"helmkeel: {message}", highlight=False, markup=False, style="red", soft_wrap=True)
    return code


def _hint(request: Request) -> str:
    """Say how to go on, where something is there to go on with."""
    if request.output == STDIN or not is_resumable(work_folder(Path(request.output))) or STDIN in request.inputs:
        return ""
    return "; what is done is kept, --resume goes on with it"


def score(request: Request, scorer: ScorerSource, workers: Workers, console: Console) -> Totals:
    """Score everything and write the output.

    Args:
        request: what the user asked for.
        scorer: where workers get their scorer.
        workers: starts them.
        console: standard error.

    Raises:
        UsageError: options that do not fit together, an output that is there already, an interrupted run that is not to be resumed.
        InputError: an input does not exist.
        WorkError: the interrupted run was another one.
        ScoringError: nothing can be scored any more.
        OSError: the output cannot be written.
    """
    kind = _checked(request)
    if request.output == STDIN:
        with tempfile.TemporaryDirectory(prefix="helmkeel-") as temporary:
            return _score(request, kind, scorer, workers, console, Path(temporary))
    output = Path(request.output)
    folder = work_folder(output)
    if output.exists() and not request.force and not (request.resume and is_resumable(folder)):
        if request.resume:
            console.print(f"{output} is complete; there is nothing to go on with", highlight=False, markup=False, soft_wrap=True)
            return _finished(output)
        raise UsageError(f"{output}: is there already; --force replaces it")
    if is_resumable(folder) and not request.resume and not request.force:
        raise UsageError(f"{folder}: an interrupted run is there; --resume goes on with it, --force starts afresh")
    found, _, _ = fingerprint(_selection(request))
    with open_work(folder, _identity(request, kind, scorer, found), resume=request.resume):
        totals = _score(request, kind, scorer, workers, console, folder)
        remove_work(folder)
    return totals


def _score(request: Request, kind: OutputKind, scorer: ScorerSource, workers: Workers, console: Console, folder: Path) -> Totals:
    """Do the work in a folder, put the parts together, and say what became of it."""
    selection = _selection(request)
    _, _, size = fingerprint(selection)
    to_stdout = request.output == STDIN
    job = Job(scorer, request.rows, request.unit, request.kind, part_suffix(kind), folder.absolute())
    totals, parts, read = Totals(), 0, 0
    started = time.monotonic()
    with watching(console, size, quiet=request.quiet) as watch, workers() as pool:
        for chunk, summary in run(job, plan(find(selection), request.tables), done_parts(folder, job.suffix), pool):
            totals.add(summary)
            parts += 1
            read += chunk.size
            watch(totals, read)
            if to_stdout:
                _print_part(part_path(folder, chunk.index, job.suffix))
    if not to_stdout:
        output = Path(request.output)
        about = {"model": scorer.model(), "helmkeel": version("helmkeel")}
        _write_failures(folder, parts, totals, output)
        write_output(kind, folder, parts, output, about, request.rows)
    if not request.quiet:
        show_summary(console, totals, time.monotonic() - started)
    show_failures(console, totals, None if to_stdout else f"{request.output.rstrip('/')}{ERRORS}")
    return totals


def _checked(request: Request) -> OutputKind:
    """Refuse options that do not fit together; return what the output is."""
    if request.unit is Unit.SENTENCE and request.rows is RowKind.DOCUMENTS:
        raise UsageError("--unit sentence makes a row of each sentence; leave out --rows documents")
    if request.resume and request.force:
        raise UsageError("--resume goes on with an interrupted run, --force starts afresh; choose one")
    if request.inputs.count(STDIN) > 1:
        raise UsageError("- stands for standard input, which can be read only once")
    if request.resume and (STDIN in request.inputs or request.output == STDIN):
        raise UsageError("--resume needs files: standard input cannot be read again, standard output not be gone on with")
    if request.output == STDIN:
        return OutputKind.JSONL
    kind = output_kind(request.output)
    if kind is None:
        detail = "unknown suffix; use .jsonl, .csv, .parquet, .sqlite, or / at the end for a folder of Parquet files"
        raise UsageError(f"{request.output}: {detail}")
    if kind is OutputKind.DATASET and Path(request.output).is_dir() and not _is_dataset(Path(request.output)):
        raise UsageError(f"{request.output}: is a folder with other things in it; name a new one")
    if not Path(request.output).absolute().parent.is_dir():
        raise FileNotFoundError(2, "there is no such folder", str(Path(request.output).parent))
    return kind


def _is_dataset(folder: Path) -> bool:
    return all(path.name.startswith("part-") and path.suffix == ".parquet" for path in folder.iterdir())


def _selection(request: Request) -> Selection:
    output = Path(request.output).absolute()
    own = (output, work_folder(output), output.with_name(output.name + ERRORS))
    return Selection(
        tuple(request.inputs), tuple(request.include), tuple(request.exclude), frozenset(str(path) for path in own), request.stdin_name
    )


def _identity(request: Request, kind: OutputKind, scorer: ScorerSource, inputs: str) -> dict[str, Any]:
    """All that decides the rows: a run is gone on with only where none of it has changed."""
    return {
        "version": version("helmkeel"),
        "model": scorer.model(),
        "inputs": inputs,
        "output": kind,
        "rows": request.rows,
        "unit": request.unit,
        "kind": request.kind,
        "text column": request.tables.text_column,
        "id column": request.tables.id_column,
    }


def _print_part(path: Path) -> None:
    with path.open("rb") as part:
        shutil.copyfileobj(part, sys.stdout.buffer)
    sys.stdout.buffer.flush()
    path.unlink()


def _write_failures(folder: Path, parts: int, totals: Totals, output: Path) -> None:
    """Write all failures beside the output; where nothing failed, no such file is left from an earlier run."""
    path = output.with_name(output.name + ERRORS)
    if not totals.failed:
        path.unlink(missing_ok=True)
        return
    with replacing(path) as stream:
        for index in range(parts):
            for failure in load_summary(folder, index).failures:
                stream.write(orjson.dumps(failure, option=orjson.OPT_APPEND_NEWLINE))


def _finished(output: Path) -> Totals:
    """Tell of a run that was complete: only whether something had failed."""
    path = output.with_name(output.name + ERRORS)
    if not path.is_file():
        return Totals()
    with path.open("rb") as stream:
        return Totals(failed=sum(1 for _ in stream))
