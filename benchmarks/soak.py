"""`make soak`: five minutes of mixed load (SOAK_SECONDS=3600 for an hour), and whether memory stays flat; exit 1 if not."""

import os
import sys
import threading
import time
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Final

import httpx

from benchmarks.faults.running import serving
from service.settings import ROOT

SECONDS: Final = int(os.environ.get("SOAK_SECONDS", "300"))
GROWTH: Final = 1.1
"""Allowed from the second quarter to the last; the first is for warming up."""


def main() -> None:
    """Ask in every way, and watch the memory of all processes."""
    stop = threading.Event()
    statuses: dict[int, int] = {}
    samples: list[int] = []
    with serving() as service:
        threads = [threading.Thread(target=ask, args=(service.url, stop, statuses)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(40):
            time.sleep(SECONDS / 40)
            samples.append(sum(map(memory, descendants(os.getpid()))))
        stop.set()
        for thread in threads:
            thread.join()
    before, after = median(samples[10:20]), median(samples[30:])
    print(
        f"{SECONDS} s, answers by status {statuses}; memory {before / 1000:.0f} MB in the second quarter, {after / 1000:.0f} MB in the last"
    )
    sys.exit(0 if after <= GROWTH * before and set(statuses) <= {200, 422, 429} else 1)


def ask(url: str, stop: threading.Event, statuses: dict[int, int]) -> None:
    """Send texts, batches, files and nonsense until told to stop."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").iterdir())]
    with httpx.Client(base_url=url, timeout=60) as client:
        for number, text in enumerate(cycle(texts)):
            if stop.is_set():
                return
            # Words never seen before, so that what remembers them fills up.
            unique = f"{text}\nWe met as group w{number}x{threading.get_ident()}."
            for answer in (
                client.post("/v1/tag", json={"text": unique, "include": ["evidence"]}),
                client.post("/v1/tag/batch", json={"documents": [{"text": unique}] * 5}),
                client.post("/v1/tag/file", files={"file": ("a.html", f"<html><body><p>{unique}</p></body></html>")}),
                client.post("/v1/tag", json={"nonsense": unique}),
                client.get("/metrics"),
            ):
                statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1


def descendants(pid: int) -> list[int]:
    """Return all processes under one."""
    children = [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]
    return [*children, *(deeper for child in children for deeper in descendants(child))]


def memory(pid: int) -> int:
    """Return the share of a process in the memory it uses, in kB."""
    try:
        return int(Path(f"/proc/{pid}/smaps_rollup").read_text().split("Pss:")[1].split()[0])
    except (OSError, IndexError):
        return 0


if __name__ == "__main__":
    main()
