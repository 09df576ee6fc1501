"""Whether threads or processes should tag: the same documents through both, with nothing else around them."""

import json
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache

from model.artifact import load
from service.settings import Settings
from service.workers.answering import Answering
from service.workers.messages import Job, JobKind

REPEATS = 3


def run(texts: list[str]) -> str:
    """Measure and return a Markdown table."""
    requests = [json.dumps({"text": text}).encode() for text in texts]
    fork = multiprocessing.get_context("fork")
    answering()  # loaded once; the processes are forked from this one
    kinds: dict[str, Callable[[int], Executor]] = {
        "threads": ThreadPoolExecutor,
        "processes": lambda n: ProcessPoolExecutor(n, mp_context=fork),
    }
    rows = []
    for name, make in kinds.items():
        for count in (1, 2):
            with make(count) as executor:
                list(executor.map(tag, requests[: 4 * count]))
                best = min(timed(executor, requests) for _ in range(REPEATS))
            rows.append(f"| {count} {name} | {len(requests) / best:,.0f} |\n")
    return "| workers | documents/s |\n| --- | ---: |\n" + "".join(rows)


def timed(executor: Executor, requests: list[bytes]) -> float:
    """Return the seconds all requests take."""
    started = time.perf_counter()
    list(executor.map(tag, requests))
    return time.perf_counter() - started


@cache
def answering() -> Answering:
    """Return the model, loaded once in this process and those forked from it."""
    made = Answering(load(Settings().artifact), Settings())
    made.warm()
    return made


def tag(request: bytes) -> int:
    """Tag a document as a worker does."""
    return len(answering().answer(Job(JobKind.TAG, request)).body)
