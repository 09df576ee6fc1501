"""Checks an installation from end to end, and says what to do about what is wrong."""

import asyncio
import os
import resource
import shutil
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from rich.console import Console

from model.artifact import ArtifactError, load
from service.auth import Keys, KeysError
from service.problems import ProblemError
from service.readers import ReaderError, read_file
from service.schemas import TagRequest
from service.settings import Settings
from service.traces import Tracing, TracingError
from service.workers import Job, JobKind, Pool

_ENOUGH_FILES: Final = 4096
_ENOUGH_DISK: Final = 200_000_000
_HTML: Final = b"<!doctype html><html><body><p>We plan the budget.</p></body></html>"


class Verdict(StrEnum):
    """What a check found."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check: what was found, and where that is not well, what to do."""

    verdict: Verdict
    what: str
    found: str
    remedy: str = ""

    @property
    def failed(self) -> bool:
        """Whether the service cannot work like this."""
        return self.verdict is Verdict.FAILED


def examine(settings: Settings) -> list[Finding]:
    """Run all checks."""
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _python,
        _model,
        _workers,
        _parsers,
        _access,
        _address,
        _traces,
        _machine,
    )
    return [finding for check in checks for finding in check(settings)]


def show_findings(findings: list[Finding]) -> None:
    """Print the findings, a line each, and under it what to do."""
    styles = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "bold red"}
    console = Console(soft_wrap=True)
    for finding in findings:
        console.print(f"[{styles[finding.verdict]}]{finding.verdict:<8}[/] ", end="")
        console.print(f"{finding.what}: {finding.found}", highlight=False, markup=False)
        if finding.remedy:
            console.print(f"         {finding.remedy}", highlight=False, markup=False)


def _python(settings: Settings) -> Iterator[Finding]:
    yield Finding(Verdict.OK, "Python", f"{sys.version.split()[0]} in {sys.prefix}")


def _model(settings: Settings) -> Iterator[Finding]:
    try:
        artifact = load(settings.artifact)
    except ArtifactError as error:
        yield Finding(Verdict.FAILED, "model", str(error), "`helmkeel serve` and `helmkeel train` make one where there is none")
        return
    yield Finding(Verdict.OK, "model", f"{artifact.manifest.version}, sha256 {artifact.sha256[:12]}, in {settings.artifact}")
    for name, trained in artifact.manifest.libraries.items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            continue
        if installed != trained:
            remedy = "Scores do not depend on it; training again would give another model hash"
            yield Finding(Verdict.WARNING, "library", f"{name} {installed}; the model was trained with {trained}", remedy)


def _workers(settings: Settings) -> Iterator[Finding]:
    async def try_out() -> str | None:
        pool = Pool(settings.model_copy(update={"workers": 1}))
        try:
            await pool.start()
            body = TagRequest(text="We plan the annual budget and monitor it.").model_dump_json().encode()
            return (await pool.run(Job(JobKind.TAG, body))).code
        except ProblemError as error:
            return error.problem.code
        finally:
            await pool.close()

    try:
        refused = asyncio.run(try_out())
    except (ArtifactError, OSError) as error:
        yield Finding(Verdict.FAILED, "workers", f"none could be started ({error})", "The lines above, and what it wrote here, say why")
        return
    if refused:
        remedy = "HELMKEEL_REQUEST_SECONDS may be too short; else the lines above say why"
        yield Finding(Verdict.FAILED, "workers", f"one started and did not tag ({refused})", remedy)
        return
    yield Finding(Verdict.OK, "workers", f"one started and tagged; {settings.workers} will serve")
    cores = len(os.sched_getaffinity(0))
    if settings.workers > cores:
        remedy = f"HELMKEEL_WORKERS={cores} is enough: tagging does nothing but compute"
        yield Finding(Verdict.WARNING, "workers", f"{settings.workers} on {cores} cores", remedy)


def _parsers(settings: Settings) -> Iterator[Finding]:
    try:
        read_file(_HTML, "check.html")
    except ReaderError as error:
        yield Finding(Verdict.FAILED, "files", f"cannot be parsed ({error})", "The process for parsing needs 1 GB of address space")
        return
    yield Finding(Verdict.OK, "files", "are parsed in a process of their own")


def _access(settings: Settings) -> Iterator[Finding]:
    try:
        keys = Keys.load(settings)
    except KeysError as error:
        yield Finding(Verdict.FAILED, "API keys", str(error), "`helmkeel key NAME` prints a good line")
        return
    path = settings.api_keys_file
    if path and path.stat().st_mode & stat.S_IWOTH:
        yield Finding(Verdict.WARNING, "API keys", f"everybody may write to {path}", f"chmod o-w {path}")
    if keys:
        yield Finding(Verdict.OK, "API keys", f"{len(keys)}")
    elif settings.on_loopback:
        yield Finding(Verdict.OK, "API keys", "none; only this machine can reach the service")
    elif settings.allow_anonymous:
        remedy = "Right only where a proxy or a firewall decides who may ask"
        yield Finding(Verdict.WARNING, "API keys", f"none, and everybody who reaches {settings.host} may ask", remedy)
    else:
        remedy = "`helmkeel key NAME >> keys`, then HELMKEEL_API_KEYS_FILE=keys"
        yield Finding(Verdict.FAILED, "API keys", f"none; the service will not start on {settings.host}", remedy)


def _address(settings: Settings) -> Iterator[Finding]:
    try:
        with socket.create_server((settings.host, settings.port)):
            pass
    except OSError as error:
        remedy = "Fine if it is the service that listens there; else choose another with HELMKEEL_PORT"
        yield Finding(Verdict.WARNING, "address", f"{settings.host}:{settings.port} cannot be used now ({error.strerror})", remedy)
        return
    yield Finding(Verdict.OK, "address", f"{settings.host}:{settings.port} is free")


def _traces(settings: Settings) -> Iterator[Finding]:
    if settings.otlp_endpoint:
        try:
            Tracing(settings.otlp_endpoint).close()
        except TracingError as error:
            yield Finding(Verdict.FAILED, "traces", str(error))
            return
        yield Finding(Verdict.OK, "traces", f"go to {settings.otlp_endpoint}")


def _machine(settings: Settings) -> Iterator[Finding]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < _ENOUGH_FILES:
        yield Finding(Verdict.WARNING, "open files", f"at most {hard}", "Each connection is one; raise the limit (LimitNOFILE in systemd)")
    else:
        yield Finding(Verdict.OK, "open files", f"at most {hard}")
    folder = settings.artifact.parent
    if folder.exists() and (free := shutil.disk_usage(folder).free) < _ENOUGH_DISK:
        yield Finding(Verdict.WARNING, "disk", f"{free:,} bytes free for {settings.artifact}", "Serving needs none; training needs 200 MB")
