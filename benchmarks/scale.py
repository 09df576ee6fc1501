"""What a million sentences cost on a cluster, and what that makes for a billion documents: `make scale` writes benchmarks/scale.md."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dask.dataframe as dd
import pyarrow as pa
import pyarrow.parquet as pq
from distributed import Client

from service.batch.frames import score_frame
from service.settings import Settings
from training.corpus import read_corpus

BIN = Path(sys.executable).parent
FILES, FILE_ROWS = 8, 50_000
DOCUMENT_SENTENCES = 60
BILLION = 1_000_000_000


def main() -> None:
    """Measure, print and write."""
    sentences = [example.text for example in read_corpus(Settings().data / "corpus")]
    with tempfile.TemporaryDirectory(prefix="helmkeel-scale-") as name:
        folder = Path(name)
        (folder / "in").mkdir()
        for number in range(FILES):
            texts = [sentences[(number * FILE_ROWS + i) % len(sentences)] for i in range(FILE_ROWS)]
            pq.write_table(pa.table({"id": range(FILE_ROWS), "text": texts}), folder / "in" / f"{number}.parquet")
        result = "\n".join(_report(folder))
    (Path(__file__).parent / "scale.md").write_text(result, encoding="utf-8")
    print(result)


def _report(folder: Path) -> Iterator[str]:
    rows, size = FILES * FILE_ROWS, sum(path.stat().st_size for path in (folder / "in").iterdir())
    seconds = {workers: _cluster(folder, workers) for workers in (1, 2)}
    frames = _frames(folder)
    written = sum(path.stat().st_size for path in (folder / "out").iterdir())
    yield "# Scale\n\nWritten by `make scale`.\n"
    yield f"{rows:,} sentences in {FILES} Parquet files to a folder of Parquet files, `--unit sentence`, on a Dask cluster of this machine"
    yield f"({os.cpu_count()} cores), command started to output complete:\n"
    yield "| workers | seconds | sentences a second | worker seconds for a million sentences |"
    yield "| ---: | ---: | ---: | ---: |"
    for workers, spent in seconds.items():
        yield f"| {workers} | {spent:.1f} | {rows / spent:,.0f} | {spent * workers / rows * 1e6:.0f} |"
    yield f"\nTwo workers are {seconds[1] / seconds[2]:.2f} times as fast as one. The same data through `dask.dataframe`"
    yield f"(`read_parquet`, `map_partitions(score_frame)`, `to_parquet`) on two workers: {frames:.1f} s.\n"
    cost = seconds[2] * 2 / rows
    sentences = BILLION * DOCUMENT_SENTENCES
    hours = sentences * cost / 3600
    rate = (size + written) / rows / cost / 1e6
    yield f"A billion documents of {DOCUMENT_SENTENCES} sentences, already cut, are {sentences / 1e9:.0f} billion sentences:"
    yield f"{hours:,.0f} worker hours, {hours / 1000:.1f} hours on 1,000 workers. They read {sentences * size / rows / 1e12:.1f} TB"
    yield f"and write {sentences * written / rows / 1e12:.1f} TB, {rate:.2f} MB a second for each worker and"
    yield f"{rate:.2f} GB a second for 1,000, which a parallel file system gives. The scheduler is next: a task"
    yield f"for each 8,192 rows makes {sentences / 8192 / 1e6:.1f} million tasks; a scheduler that hands out 1,000 a second needs"
    yield f"{sentences / 8192 / 1000 / 3600:.1f} hours for them, so such a data set is split over several runs.\n"


def _cluster(folder: Path, workers: int) -> float:
    with _dask(folder, workers) as address:
        options = ["--unit", "sentence", "--cluster", address, "-q", "--force"]
        command = [str(BIN / "helmkeel"), "score", str(folder / "in"), "-o", f"{folder}/out/", *options]
        started = time.perf_counter()
        subprocess.run(command, check=True)
        return time.perf_counter() - started


def _frames(folder: Path) -> float:
    with _dask(folder, 2) as address, Client(address) as client:  # type: ignore[no-untyped-call]
        client.wait_for_workers(2)
        started = time.perf_counter()
        frame = dd.read_parquet(folder / "in")
        frame.map_partitions(score_frame, meta=score_frame(frame._meta)).drop(columns=["text"]).to_parquet(folder / "frames")
        return time.perf_counter() - started


@contextmanager
def _dask(folder: Path, workers: int) -> Iterator[str]:
    """Run a scheduler and workers as processes of their own, and give the address."""
    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    scheduler = [BIN / "dask", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file]
    running = [subprocess.Popen(scheduler, **quiet)]  # type: ignore[call-overload]
    try:
        while not (file.exists() and file.read_text().endswith("}")):
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        worker = [BIN / "dask", "worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
        running += [subprocess.Popen(worker, **quiet) for _ in range(workers)]  # type: ignore[call-overload]
        with Client(address) as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(workers)
        yield address
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
