"""One peer in one process: `python -m benchmarks.peers.worker fit|predict JOB.json FOLDER RESULT.json`.

Imports nothing of the project but this package, so that a Python that has torch can run it too.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Final

import numpy as np

from benchmarks.peers.protocol import Flags, Materials, Peer

REPEATS: Final = 3
SECONDS: Final = 2.0
"""About how long one timed run takes: a slow peer is timed on fewer sentences."""
FEWEST: Final = 200


def fit(peer: Peer, job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Train and save."""
    peer.fit(job["texts"], np.array(job["targets"], dtype=bool))
    peer.save(folder)
    return {}


def predict(peer: Peer, job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Load, tag the sentences to be judged, and time it on others."""
    peer.load(folder)
    flags, rate = timed(peer, job["texts"])
    sample = job["timed"][: max(FEWEST, int(rate * SECONDS))]
    rates = [timed(peer, sample)[1] for _ in range(REPEATS)]
    return {"flags": flags.tolist(), "sentences_a_second": max(rates), "peak_bytes": peak_bytes()}


def timed(peer: Peer, texts: Sequence[str]) -> tuple[Flags, float]:
    """Return the tags, and sentences a second."""
    started = time.perf_counter()
    flags = peer.predict(texts)
    return flags, len(texts) / (time.perf_counter() - started)


def peak_bytes() -> int:
    """Return the most memory this process ever held; `ru_maxrss` would count the parent's as well (Linux keeps it over exec)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def main() -> None:
    """Run one step."""
    step, job_path, folder, result_path = sys.argv[1:]
    job = json.loads(Path(job_path).read_text(encoding="utf-8"))
    peer: Peer = resolve_name(f"benchmarks.peers.{job['factory']}")(Materials(job["encoder"], job["statements"]))
    result = {"fit": fit, "predict": predict}[step](peer, job, Path(folder))
    Path(result_path).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
