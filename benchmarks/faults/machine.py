"""What may go wrong on the machine while the service runs."""

import functools
import os
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import httpx

from benchmarks.faults.running import BODY, PATIENCE, Service, load, serving, until

KILLS: Final = 10
DAY: Final = 86_400
JUMPS: Final = ("+2d", "-2d", "+0")
"""Of the wall clock, as libfaketime has them."""


def killed_workers() -> tuple[bool, str]:
    """Kill a worker, ten times, while documents come."""
    with serving() as service:
        count = len(service.workers())
        with load(service) as outcomes:
            for _ in range(KILLS):
                killed = service.workers()[0]
                os.kill(killed, signal.SIGKILL)
                until(functools.partial(is_replaced, service, killed, count))
                time.sleep(0.5)
        until(lambda: service.metric('helmkeel_workers{state="missing"}') == 0)
        died, back = service.metric('helmkeel_worker_restarts_total{reason="died"}'), len(service.workers())
    good = set(outcomes) == {200} and died == KILLS and back == count
    return good, f"{KILLS} killed, {died:.0f} replaced, {back} of {count} there; answers {dict(outcomes)}"


def is_replaced(service: Service, killed: int, count: int) -> bool:
    """Whether there are as many workers as there were, without one of them."""
    workers = service.workers()
    return killed not in workers and len(workers) == count


def full_disk() -> tuple[bool, str]:
    """Serve where no file can be made longer by a byte."""
    with serving("prlimit", "--fsize=0") as service:
        html = f"<html><body><p>{BODY['text']}</p></body></html>" + "<!-- -->" * 200_000
        statuses = [
            httpx.post(f"{service.url}/v1/tag", json=BODY, timeout=PATIENCE).status_code,
            httpx.post(f"{service.url}/v1/tag/file", files={"file": ("a.html", html)}, timeout=PATIENCE).status_code,
            httpx.post(f"{service.url}/v1/admin/reload", timeout=PATIENCE).status_code,
        ]
    return statuses == [200] * 3, f"text, upload of {len(html):,} bytes, reload: {statuses}"


def spoiled_artifact() -> tuple[bool, str]:
    """Overwrite every file of the artifact while documents come, kill a worker, and ask for a reload."""
    with serving() as service:
        before = httpx.get(f"{service.url}/v1/model", timeout=PATIENCE).json()["sha256"]
        with load(service) as outcomes:
            for file in service.artifact.iterdir():
                file.write_bytes(b"garbage")
            os.kill(service.workers()[0], signal.SIGKILL)
            refused = httpx.post(f"{service.url}/v1/admin/reload", timeout=PATIENCE)
            time.sleep(1)
        after = httpx.get(f"{service.url}/v1/model", timeout=PATIENCE).json()["sha256"]
    code = refused.json()["code"]
    good = set(outcomes) == {200} and (refused.status_code, code) == (409, "reload_failed") and before == after
    return good, f"reload: {refused.status_code} {code}, the model stays; answers {dict(outcomes)}"


def clock_jump() -> tuple[bool, str]:
    """Set the clock of the service two days forward, two days back, and right again, while documents come."""
    libraries = sorted(Path("/usr/lib").glob("**/faketime/libfaketimeMT.so.1"))
    if not libraries:
        return False, "libfaketime is missing: apt-get install faketime"
    with tempfile.TemporaryDirectory() as folder:
        clock = Path(folder, "clock")
        clock.write_text("+0")
        environment = {
            "LD_PRELOAD": str(libraries[0]),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # setting a clock leaves the monotonic one alone
        }
        with serving(**environment) as service, load(service) as outcomes, ThreadPoolExecutor(1) as thread:
            long = thread.submit(httpx.post, f"{service.url}/v1/tag", json={"text": f"{BODY['text']}\n" * 9_000}, timeout=PATIENCE)
            seen = [days_off(service) for jump in JUMPS if clock.write_text(jump)]
            answered = long.result().status_code
        clock.write_text("+0")
        with serving(**environment, HELMKEEL_RATE_LIMIT="2") as service:
            limited = [tag(service) for _ in range(3)]
            clock.write_text("+2d")
            limited.append(tag(service))
            clock.write_text("-2d")
            late = httpx.post(f"{service.url}/v1/tag", json=BODY, timeout=PATIENCE)
            wait = int(late.headers.get("retry-after", "0"))
    good = set(outcomes) == {200} and answered == 200 and seen == [2, -2, 0] and limited == [200, 200, 429, 429] and 0 < wait <= 30
    return good, (
        f"the clock is seen {seen} days off; answers {dict(outcomes)}, one that takes long {answered};"
        f" two requests a minute, asked for four times and once more: {limited}, retry after {wait} s"
    )


def days_off(service: Service) -> int:
    """Return by how many days the clock of the service differs from ours."""
    time.sleep(3)  # the Date header is made anew each second
    date = parsedate_to_datetime(httpx.get(f"{service.url}/healthz", timeout=PATIENCE).headers["date"])
    return round((date.timestamp() - time.time()) / DAY)


def tag(service: Service) -> int:
    """Tag a text; return the status."""
    return httpx.post(f"{service.url}/v1/tag", json=BODY, timeout=PATIENCE).status_code
