"""`make benchmark-http`: throughput and latency through HTTP, of the service and of two other ways to serve the model, in one run.

Needs wrk (Debian package). SECONDS and CONNECTIONS in the environment change how long and with how many connections.
"""

import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.serving import workers
from benchmarks.serving.watch import Health, processor_seconds
from model.artifact import load
from model.segment import segment
from service.settings import ROOT, Settings
from training.corpus import read_corpus

SECONDS: Final = int(os.environ.get("SECONDS", "15"))
CONNECTIONS: Final = tuple(map(int, os.environ.get("CONNECTIONS", "1 16 64 256").split()))
CREWS: Final = (1, 2, 3)
"""Numbers of workers to compare."""
TIMEOUT: Final = 30
DOCUMENTS: Final = 250
SENTENCES: Final = 40
BIN: Final = Path(sys.executable).parent
HERE: Final = Path(__file__).parent


def main() -> None:
    """Measure, print and write."""
    if not shutil.which("wrk"):
        sys.exit("wrk is missing: apt-get install wrk")
    texts = documents()
    sentences = sum(len(segment(text).sentences) for text in texts) / len(texts)
    with tempfile.TemporaryDirectory() as folder:
        ours = bodies(Path(folder, "ours"), [{"text": text} for text in texts])
        theirs = bodies(Path(folder, "theirs"), [{"dataframe_records": [{"text": text}]} for text in texts])
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        rows, crews = "", ""
        environment = {"HELMKEEL_PORT": str(port)}
        with running([str(BIN / "helmkeel"), "serve", "--workers", "2"], environment, f"{url}/readyz") as pid:
            rows += measured("Helmkeel", pid, f"{url}/v1/tag", ours, sentences, CONNECTIONS)
            with Health(url, ("/healthz", "/readyz")) as health:
                measured("Helmkeel, asked for its health beside it", pid, f"{url}/v1/tag", ours, sentences, (16,))
            statuses = answers(url)
        for count in CREWS:
            with running([str(BIN / "helmkeel"), "serve", "--workers", str(count)], environment, f"{url}/readyz") as pid:
                crews += measured(f"Helmkeel, {count} workers", pid, f"{url}/v1/tag", ours, sentences, (16,))
        command = [str(BIN / "uvicorn"), "benchmarks.serving.minimal:app", "--workers", "2", "--port", str(port), "--log-level", "warning"]
        with running([*command, "--no-access-log"], {}, f"{url}/readyz") as pid:
            rows += measured("a minimal FastAPI route", pid, f"{url}/v1/tag", ours, sentences, CONNECTIONS)
        model = mlflow_model(Path(folder, "model"))
        command = [str(BIN / "mlflow"), "models", "serve", "--model-uri", str(model), "--env-manager", "local"]
        environment = {
            "PYTHONPATH": str(ROOT),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        }
        with running([*command, "--workers", "2", "--port", str(port)], environment, f"{url}/ping") as pid:
            rows += measured("MLflow, unfolded model", pid, f"{url}/invocations", theirs, sentences, CONNECTIONS)
    head = (
        "| served by | connections | sentences/s | p50 ms | p95 ms | p99 ms | CPU ms each | answered | refused | broken |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
    )
    load_average = os.getloadavg()[1]
    result = (
        "# Under load\n\nWritten by `make benchmark-http`: documents of the corpus with"
        f" {sentences:.1f} sentences each, {SECONDS} s for each row, client and service on the same machine.\n"
        "`refused` are answers that are not 200 (of Helmkeel: 429 because the queue is full), `broken` are connections that failed or\n"
        f"waited over {TIMEOUT} s; latencies are of all answers; `CPU ms each` is the server's processor time by its 200s.\n\n"
        f"Machine: {platform.machine()}, {processor()}, {len(os.sched_getaffinity(0))} cores, load average during the run"
        f" {load_average:.1f}, Python {platform.python_version()}. Model {load(Settings().artifact).sha256[:12]}.\n\n"
        f"{head}{rows}\n"
        f"Helmkeel's own count of these answers by status: {statuses} (499: wrk hung up at the end of a run).\n\n"
        "While it tagged for 16 connections, 99 of 100 answers of `/healthz` took at most"
        f" {health.slowest('/healthz'):.1f} ms, of `/readyz` {health.slowest('/readyz'):.1f} ms.\n\n"
        f"## How many workers\n\n{head}{crews}\n## Threads or processes\n\n{workers.run(texts)}"
    )
    (ROOT / "benchmarks" / "http.md").write_text(result, encoding="utf-8")
    print(result)


def documents() -> list[str]:
    """Return texts of 40 corpus sentences each, one on a line."""
    sentences = [example.text for example in read_corpus(Settings().data / "corpus")][: DOCUMENTS * SENTENCES]
    return ["\n".join(sentences[i : i + SENTENCES]) for i in range(0, len(sentences), SENTENCES)]


def bodies(path: Path, requests: list[dict[str, Any]]) -> Path:
    """Write request bodies, one on a line."""
    path.write_text("\n".join(map(json.dumps, requests)), encoding="utf-8")
    return path


@contextmanager
def running(command: list[str], environment: dict[str, str], ready: str) -> Iterator[int]:
    """Run a server until the block ends; yields its process number."""
    process = subprocess.Popen(
        command, env=os.environ | environment, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 180
        while True:
            try:
                if httpx.get(ready, timeout=2).status_code == httpx.codes.OK:
                    break
            except httpx.TransportError:
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{command[0]} did not start")
            time.sleep(0.2)
        yield process.pid
    finally:
        os.killpg(process.pid, 15)
        process.wait()
        time.sleep(2)


def measured(name: str, pid: int, url: str, body: Path, sentences: float, connections: tuple[int, ...]) -> str:
    """Return a table row for each number of connections; `pid` is the process that runs the server."""
    rows = ""
    for number in connections:
        wrk(number, 2, url, body)  # to warm up
        before = processor_seconds(pid)
        found = wrk(number, SECONDS, url, body)
        answered = found["requests"] - found["refused"]
        rate = answered * sentences / found["seconds"]
        each = 1000 * (processor_seconds(pid) - before) / max(1, answered)
        latencies = (found[percentile] for percentile in ("p50", "p95", "p99"))
        cells = (name, number, f"{rate:,.0f}", *latencies, f"{each:.1f}", answered, found["refused"], found["broken"])
        row = f"| {' | '.join(map(str, cells))} |\n"
        print(row, end="", flush=True)
        rows += row
    return rows


def wrk(connections: int, seconds: int, url: str, body: Path) -> dict[str, Any]:
    """Run it, and return what load.lua prints."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", f"{TIMEOUT}s", "-s", str(HERE / "load.lua"), url]
    done = subprocess.run(command, env=os.environ | {"BODIES": str(body)}, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def answers(url: str) -> dict[str, int]:
    """Return how often the service answered /v1/tag with each status."""
    text = httpx.get(f"{url}/metrics", timeout=TIMEOUT).text
    found = re.findall(r'^helmkeel_requests_total\{method="POST",route="/v1/tag",status="(\d+)"\} (\S+)$', text, re.MULTILINE)
    return {status: int(float(count)) for status, count in found}


def mlflow_model(path: Path) -> Path:
    """Fit what is folded for our service on the corpus, and save it as MLflow does."""
    import joblib
    import mlflow.pyfunc

    from training.build import build
    from training.config import load_config
    from training.embedding import load_embedding
    from training.fit import fit
    from training.student import load_student

    data, config = Settings().data, load_config()
    embedding = load_embedding(data / "embedding")
    student = load_student(data / "student", embedding.words)
    file = path.with_suffix(".joblib")
    joblib.dump(fit(build(data, config.data.near_duplicate).rows, config, embedding, student), file)
    mlflow.pyfunc.save_model(path, python_model=str(HERE / "unfolded.py"), artifacts={"fitted": str(file)}, pip_requirements=[])
    return path


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def processor() -> str:
    """Name the processor."""
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.processor()


if __name__ == "__main__":
    main()
