"""`helmkeel score` through a service, on a cluster, and in the hands of other engines."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.batch.frames import score_frame, score_in_pandas
from service.settings import ROOT
from tests.service import documents as made
from tests.service.command import Command
from tests.service.test_batch import make_many, rows_of, score

__all__ = ["score"]  # a fixture
DASK = Path(sys.executable).with_name("dask")


def test_a_service_gives_the_same_rows(score: Command, tmp_path: Path, client: httpx.Client) -> None:
    (tmp_path / "call.vtt").write_bytes(made.VTT)
    make_many(tmp_path / "in.jsonl", 450)
    for jobs, *arguments in (
        ("1", ROOT / "examples", "call.vtt", "in.jsonl"),
        ("2", ROOT / "examples", "call.vtt", "in.jsonl", "--rows", "documents"),
        ("1", "in.jsonl", "--unit", "sentence"),
    ):
        assert score.here(*arguments, "-o", "here.jsonl", "--force").returncode == 1  # a row is damaged
        assert score.here(*arguments, "-o", "there.jsonl", "--force", "--via", str(client.base_url), "--jobs", jobs).returncode == 1
        assert (tmp_path / "there.jsonl").read_bytes() == (tmp_path / "here.jsonl").read_bytes()
        assert (tmp_path / "there.jsonl.errors.jsonl").read_bytes() == (tmp_path / "here.jsonl.errors.jsonl").read_bytes()


def test_a_service_names_the_document_it_refuses(score: Command, tmp_path: Path, client: httpx.Client) -> None:
    texts = ["Plan the rota for June.", "x " * 600_000, "Plan the rota. " * 10_001, "Build trust there."]
    (tmp_path / "in.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    assert score.here("in.jsonl", "-o", "out.jsonl", "--via", str(client.base_url)).returncode == 1
    assert [f["row"] for f in rows_of(tmp_path / "out.jsonl.errors.jsonl")] == [2, 3]
    assert [r["id"] for r in rows_of(tmp_path / "out.jsonl")] == [1, 4]


def test_a_service_that_is_not_there_is_named(score: Command, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "Plan the rota for June."}')
    done = score.here("in.jsonl", "-o", "out.jsonl", "--via", "not-an-address")
    assert done.returncode == 1
    assert b"the service cannot be reached" in done.stderr
    assert not (tmp_path / "out.jsonl").exists()


@contextmanager
def dask(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"dask-{arguments[0]}-{time.monotonic_ns()}.log").open("wb") as log:
        process = subprocess.Popen([DASK, *arguments], stdout=log, stderr=log, start_new_session=True, cwd=folder)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    file = tmp_path / "scheduler.json"
    with dask(tmp_path, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)) as process:
        while not (file.exists() and file.read_text().endswith("}")):
            assert process.poll() is None
            time.sleep(0.05)
        yield json.loads(file.read_text())["address"]


def worker(folder: Path, address: str, name: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return dask(folder, "worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny", "--name", name)


def test_a_cluster_that_loses_a_worker_writes_every_row_once(score: Command, tmp_path: Path, scheduler: str) -> None:
    texts = [line for line in (ROOT / "examples" / "minutes.md").read_text(encoding="utf-8").splitlines() if line.strip()]
    (tmp_path / "in").mkdir()
    for number in range(6):
        many = [texts[i % len(texts)] for i in range(8000)]
        pq.write_table(pa.table({"id": range(8000 * number, 8000 * (number + 1)), "text": many}), tmp_path / "in" / f"{number}.parquet")
    assert score.here("in", "-o", "here.parquet", "--unit", "sentence").returncode == 0
    with worker(tmp_path, scheduler, "one") as lost, worker(tmp_path, scheduler, "two"):
        process = score.start("in", "-o", "there.parquet", "--unit", "sentence", "--cluster", scheduler)
        while not list(tmp_path.glob("there.parquet.partial/part-*.json")):
            assert process.poll() is None
            time.sleep(0.01)
        os.killpg(lost.pid, signal.SIGKILL)
        _, message = process.communicate(timeout=300)
        assert process.returncode == 0, message
    assert (tmp_path / "there.parquet").read_bytes() == (tmp_path / "here.parquet").read_bytes()
    assert pq.read_table(tmp_path / "there.parquet").column("id").to_pylist() == list(range(48_000))


def test_a_cluster_that_is_not_there_is_named(score: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.batch.cluster._CONNECT_SECONDS", 1)
    (tmp_path / "in.jsonl").write_text('{"text": "Plan the rota for June."}')
    done = score.here("in.jsonl", "-o", "out.jsonl", "--cluster", "tcp://127.0.0.1:1")
    assert done.returncode == 1
    assert b"no Dask scheduler answers" in done.stderr


def test_frames_get_the_rows_of_the_command(score: Command, tmp_path: Path, artifact_folder: Path) -> None:
    texts = ["Prepare the annual budget.", None, "Build trust with the crews."]
    frame = pd.DataFrame({"text": texts, "key": [7, 8, 9]}, index=[3, 1, 2])
    (tmp_path / "in.jsonl").write_text("\n".join(json.dumps({"text": t}) for t in texts if t))
    score.here("in.jsonl", "-o", "out.jsonl", "--unit", "sentence")
    expected = rows_of(tmp_path / "out.jsonl")
    scored = score_frame(frame, artifact=artifact_folder)
    assert scored.index.tolist() == [3, 1, 2]
    assert [None if pd.isna(label) else label for label in scored["label"]] == [expected[0]["label"], None, expected[1]["label"]]
    assert scored["leadership"].dropna().tolist() == [row["scores"]["leadership"] for row in expected]
    assert scored["dimension"].dropna().tolist() == [row["dimension"] for row in expected]
    first, second = score_in_pandas(artifact=artifact_folder)(iter([frame, frame.iloc[:0]]))
    pd.testing.assert_frame_equal(first, scored)
    assert second.columns.tolist() == scored.columns.tolist()
