"""`helmkeel doctor`: what each check says where all is well, and what it tells the user to do where it is not."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from model.artifact import MANIFEST, TABLES
from service import doctor
from service.auth import Scope, new_key
from service.doctor import Finding, Verdict
from service.settings import Settings
from tests.service.command import Command
from tests.service.running import HELMKEEL, free_port

EVERYWHERE = "0.0.0.0"  # noqa: S104 -- nothing listens there
Check = Callable[[Settings], Iterator[Finding]]


@pytest.fixture
def spoilt(artifact_folder: Path, tmp_path: Path) -> Path:
    """A copy of the model for a test to spoil."""
    return Path(shutil.copytree(artifact_folder, tmp_path / "spoilt"))


def verdicts(shown: bytes) -> dict[str, list[str]]:
    """The verdicts of each thing that was looked at."""
    found: dict[str, list[str]] = {}
    for verdict, what in re.findall(r"^(ok|warning|failed) +([\w ]+): ", shown.decode(), re.MULTILINE):
        found.setdefault(what, []).append(verdict)
    return found


def test_where_all_is_well_it_says_so_and_ends_with_0(helmkeel: Command) -> None:
    done = helmkeel.given(port=str(free_port()), workers="1", otlp_endpoint="http://127.0.0.1:9").here("doctor")
    assert done.returncode == 0
    looked_at = {"Python", "model", "workers", "files", "API keys", "address", "traces", "open files"}
    assert {what: "failed" in found for what, found in verdicts(done.stdout).items() if what in looked_at} == dict.fromkeys(
        looked_at, False
    )
    assert verdicts(done.stdout)["workers"] == ["ok"]
    assert "one started and tagged; 1 will serve" in done.stdout.decode()


def test_what_is_broken_is_named_with_a_remedy_and_ends_with_1(helmkeel: Command, tmp_path: Path) -> None:
    done = helmkeel.given(artifact=str(tmp_path / "none"), host=EVERYWHERE, port=str(free_port())).here("doctor")
    assert done.returncode == 1
    found = verdicts(done.stdout)
    assert (found["model"], found["workers"], found["API keys"], found["files"]) == (["failed"], ["failed"], ["failed"], ["ok"])
    lines = done.stdout.decode().splitlines()
    for what in ("model", "workers", "API keys"):
        (at,) = (n for n, line in enumerate(lines) if line.startswith(f"failed   {what}: "))
        assert re.match(r" {9}\S", lines[at + 1])


def test_a_wrong_setting_is_named_before_anything_is_looked_at(helmkeel: Command) -> None:
    done = helmkeel.given(workers="0").here("doctor")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"HELMKEEL_WORKERS" in done.stderr


def test_a_damaged_model(spoilt: Path) -> None:
    (spoilt / TABLES).write_bytes(b"garbage")
    (finding,) = doctor._model(Settings(artifact=spoilt))
    assert finding.failed
    assert f"{TABLES}: does not match its hash" in finding.found
    assert "helmkeel train" in finding.found + finding.remedy


def test_a_model_of_other_libraries(spoilt: Path) -> None:
    manifest = json.loads((spoilt / MANIFEST).read_text())
    manifest["libraries"] |= {"numpy": "0.1", "a-library-nobody-has": "1"}
    (spoilt / MANIFEST).write_text(json.dumps(manifest))
    model, library = doctor._model(Settings(artifact=spoilt))
    assert (model.verdict, library.verdict) == (Verdict.OK, Verdict.WARNING)
    assert library.found == f"numpy {np.__version__}; the model was trained with 0.1"
    assert "training again" in library.remedy


def test_more_workers_than_cores(artifact_folder: Path) -> None:
    cores = len(os.sched_getaffinity(0))
    started, many = doctor._workers(Settings(artifact=artifact_folder, workers=256))
    assert (started.verdict, many.verdict) == (Verdict.OK, Verdict.WARNING)
    assert many.found == f"256 on {cores} cores"
    assert f"HELMKEEL_WORKERS={cores} " in many.remedy


def test_a_time_in_which_nothing_can_be_tagged(artifact_folder: Path) -> None:
    (finding,) = doctor._workers(Settings(artifact=artifact_folder, request_seconds=1e-6))
    assert finding.failed
    assert "did not tag (timeout)" in finding.found
    assert "HELMKEEL_REQUEST_SECONDS" in finding.remedy


def test_files_that_cannot_be_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.readers.read.TIMEOUT_SECONDS", 0.0)
    (finding,) = doctor._parsers(Settings())
    assert finding.failed
    assert "1 GB of address space" in finding.remedy


@pytest.mark.parametrize(
    ("settings", "verdict", "found", "remedy"),
    [
        ({}, Verdict.OK, "none; only this machine", ""),
        ({"host": EVERYWHERE}, Verdict.FAILED, f"will not start on {EVERYWHERE}", "HELMKEEL_API_KEYS_FILE=keys"),
        ({"host": EVERYWHERE, "allow_anonymous": True}, Verdict.WARNING, "may ask", "a proxy or a firewall"),
        ({"host": EVERYWHERE, "api_keys": new_key("a", [Scope.TAG])[1]}, Verdict.OK, "1", ""),
        ({"api_keys": "secretword"}, Verdict.FAILED, "HELMKEEL_API_KEYS, line 1", "helmkeel key NAME"),
        ({"api_keys_file": "missing"}, Verdict.FAILED, "missing: cannot be read", "helmkeel key NAME"),
    ],
)
def test_who_may_ask(settings: dict[str, object], verdict: Verdict, found: str, remedy: str) -> None:
    (finding,) = doctor._access(Settings(**settings))  # type: ignore[arg-type]
    assert finding.verdict is verdict
    assert found in finding.found
    assert remedy in finding.remedy
    assert bool(finding.remedy) is bool(remedy)
    assert "secretword" not in finding.found


def test_keys_that_everybody_may_change(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(new_key("a", [Scope.TAG])[1])
    path.chmod(0o666)
    loose, keys = doctor._access(Settings(api_keys_file=path))
    assert (loose.verdict, keys.verdict) == (Verdict.WARNING, Verdict.OK)
    assert loose.remedy == f"chmod o-w {path}"
    path.chmod(0o640)
    assert [finding.verdict for finding in doctor._access(Settings(api_keys_file=path))] == [Verdict.OK]


def test_an_address_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        (finding,) = doctor._address(Settings(port=other.getsockname()[1]))
    assert finding.verdict is Verdict.WARNING
    assert "HELMKEEL_PORT" in finding.remedy
    (finding,) = doctor._address(Settings(port=free_port()))
    assert finding.verdict is Verdict.OK


def test_traces_without_their_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(doctor._traces(Settings())) == []
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    (finding,) = doctor._traces(Settings(otlp_endpoint="http://127.0.0.1:9"))
    assert finding.failed
    assert "pip install" in finding.found


def test_few_open_files(helmkeel: Command) -> None:
    """In a process of its own: a limit that was lowered cannot always be raised again."""
    limited = ["sh", "-c", f"ulimit -n 1000; exec {HELMKEEL} doctor"]
    done = subprocess.run(limited, capture_output=True, cwd=helmkeel.folder, env=helmkeel.given(workers="1").environment, check=False)
    assert verdicts(done.stdout)["open files"] == ["warning"]
    assert b"LimitNOFILE" in done.stdout


def test_a_disk_that_is_nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(10**9, 10**9 - 1000, 1000))
    _, disk = doctor._machine(Settings())
    assert disk.verdict is Verdict.WARNING
    assert "1,000 bytes free" in disk.found
    assert "training needs 200 MB" in disk.remedy
