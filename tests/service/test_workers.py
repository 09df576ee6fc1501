"""Workers die, hang and are replaced; requests don't notice, or are told."""

import asyncio
import functools
import os
import shutil
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.requests import ClientDisconnect

from model.artifact import MANIFEST, TABLES, ArtifactError
from service.metrics import Metrics
from service.problems import ProblemError
from service.schemas import TagRequest
from service.settings import Settings
from service.tagging import Tagging
from service.workers import Job, JobKind, Pool, Reply
from tests.service.running import PATIENCE, Running, children, running, until

JOB = Job(JobKind.TAG, b'{"text": "Prepare the annual budget of the whole company."}')
LONG = Job(
    JobKind.TAG, TagRequest(text="We agreed to review the plan of the year. " * 9_000, include=("evidence",)).model_dump_json().encode()
)


@asynccontextmanager
async def started(artifact: Path, **settings: object) -> AsyncIterator[Pool]:
    pool = Pool(Settings(artifact=artifact, **settings))  # type: ignore[arg-type]
    try:
        await pool.start()
        yield pool
    finally:
        await pool.close()


def test_a_full_queue_refuses_at_once_and_the_others_are_answered(artifact_folder: Path) -> None:
    async def ask() -> None:
        async with started(artifact_folder, workers=1, queue_size=3) as pool:
            outcomes = await asyncio.gather(*(pool.run(JOB) for _ in range(8)), return_exceptions=True)
            refused = [o for o in outcomes if isinstance(o, ProblemError)]
            assert len(refused) == 4  # one is worked on, three wait
            assert {o.problem.code for o in refused} == {"busy"}
            assert all(o.retry_after and o.retry_after >= 1 for o in refused)
            assert [o.status for o in outcomes if not isinstance(o, BaseException)] == [200] * 4
            assert pool.state.waiting == 0

    asyncio.run(ask())


def test_who_asks_again_at_once_does_not_pass_those_who_wait(artifact_folder: Path) -> None:
    answered = []

    async def ask(pool: Pool, name: str) -> None:
        for _ in range(3):
            await pool.run(JOB)
            answered.append(name)

    async def ask_together() -> None:
        async with started(artifact_folder, workers=1) as pool:
            await asyncio.gather(*(ask(pool, name) for name in "abc"))

    asyncio.run(ask_together())
    assert answered == [*"abcabcabc"]


def test_nothing_is_done_for_who_has_left_while_waiting(artifact_folder: Path) -> None:
    def has_left() -> bool:
        return True

    async def ask() -> None:
        async with started(artifact_folder, workers=1) as pool:
            asked = [pool.run(JOB), pool.run(JOB, has_left), pool.run(JOB)]
            first, second, third = await asyncio.gather(*asked, return_exceptions=True)
            assert isinstance(second, ClientDisconnect)
            assert [reply.status for reply in (first, third) if isinstance(reply, Reply)] == [200, 200]
            assert (pool.state.idle, pool.state.waiting, pool.state.restarts) == (1, 0, {})

    asyncio.run(ask())


def test_a_request_out_of_time_frees_its_worker(artifact_folder: Path) -> None:
    async def ask() -> None:
        async with started(artifact_folder, workers=1, request_seconds=0.05) as pool:
            with pytest.raises(ProblemError) as late:
                await pool.run(LONG)
            assert late.value.problem.code == "timeout"
            assert pool.state.restarts == {"stopped": 1}
        async with started(artifact_folder, workers=1, request_seconds=20) as pool:
            task = asyncio.create_task(pool.run(LONG))
            while not pool.state.busy:
                await asyncio.sleep(0.001)
            task.cancel()
            assert (await pool.run(JOB)).status == 200
            assert pool.state.restarts == {"stopped": 1}

    asyncio.run(ask())


def test_a_worker_that_dies_costs_no_request(artifact_folder: Path) -> None:
    async def ask() -> None:
        async with started(artifact_folder, workers=2) as pool:
            task = asyncio.create_task(pool.run(LONG))
            while not pool.state.busy:
                await asyncio.sleep(0.001)
            for slot in pool._slots:
                if slot.busy:
                    assert slot.worker
                    os.kill(slot.worker.pid, signal.SIGKILL)
            assert (await task).status == 200
            while pool.state.missing:
                await asyncio.sleep(0.01)
            assert pool.state.restarts == {"died": 1}
            for slot in pool._slots:  # those that have nothing to do are replaced, too
                assert slot.worker
                os.kill(slot.worker.pid, signal.SIGKILL)
            while pool.state.restarts["died"] < 3 or pool.state.missing:
                await asyncio.sleep(0.01)
            assert {reply.status for reply in await asyncio.gather(*(pool.run(JOB) for _ in range(4)))} == {200}

    asyncio.run(ask())


def test_the_template_process_is_replaced(artifact_folder: Path) -> None:
    async def ask() -> None:
        async with started(artifact_folder, workers=2) as pool:
            first = pool._template
            assert first
            first.process.kill()
            assert (await pool.run(JOB)).status == 200
            while pool._template is first:
                await asyncio.sleep(0.05)
            assert (await pool.run(JOB)).status == 200

    asyncio.run(ask())


def test_processes_end_with_the_pool(artifact_folder: Path) -> None:
    async def ask() -> list[int]:
        async with started(artifact_folder, workers=2) as pool:
            assert pool._template
            template = pool._template.process.pid
            workers = children(template)
            assert len(workers) == 2
            return [template, *workers]

    for pid in asyncio.run(ask()):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_workers_share_the_model(artifact_folder: Path) -> None:
    def private(pid: int) -> int:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private"))

    async def ask() -> None:
        async with started(artifact_folder, workers=4) as pool:
            await asyncio.gather(*(pool.run(JOB) for _ in range(8)))
            assert pool._template
            template = pool._template.process.pid
            resident = int(Path(f"/proc/{template}/status").read_text().split("VmRSS:")[1].split()[0])
            for worker in children(template):
                assert private(worker) < resident / 3

    asyncio.run(ask())


def test_other_code_tags_through_the_pool(artifact_folder: Path) -> None:
    async def ask() -> None:
        pool = Pool(Settings(artifact=artifact_folder, workers=1))
        tagging = Tagging(pool, Metrics(pool))
        with pytest.raises(ProblemError, match="No model"):
            await tagging.tag(TagRequest(text="x"))
        await pool.start()
        try:
            assert (await tagging.tag(TagRequest(text="Prepare the annual budget.", id="7"))).id == "7"
            read = await tagging.tag_file(b"# Plan\n\nPrepare the annual budget.", "plan.md")
            assert read.source
            assert (read.source.name, read.counts.management) == ("plan.md", 1)
            with pytest.raises(ProblemError) as refused:
                await tagging.tag_file(b"\x00\x01\x02" * 100, "x.bin")
            assert refused.value.problem.code == "unsupported_kind"
        finally:
            await pool.close()

    asyncio.run(ask())


def test_a_model_that_cannot_be_used_stops_the_start_and_not_the_service(artifact_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "artifact"
    shutil.copytree(artifact_folder, folder)

    async def ask() -> None:
        async with started(folder, workers=2) as pool:
            sha256 = pool.model and pool.model.sha256
            (folder / TABLES).write_bytes(b"garbage")
            with pytest.raises(ArtifactError, match="does not match its hash"):
                await pool.reload()
            for slot in pool._slots:  # new workers come from the model in memory, whatever lies on the disk
                assert slot.worker
                os.kill(slot.worker.pid, signal.SIGKILL)
            assert (await pool.run(JOB)).status == 200
            assert pool.model
            assert pool.model.sha256 == sha256

    asyncio.run(ask())
    with pytest.raises(ArtifactError, match="does not match its hash"):
        asyncio.run(Pool(Settings(artifact=folder)).start())


@pytest.fixture(scope="module")
def service(artifact_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Path]]:
    folder = tmp_path_factory.mktemp("running") / "artifact"
    shutil.copytree(artifact_folder, folder)
    with running(folder, "--workers", "2") as service:
        yield service, folder


def is_replaced(service: Running, killed: int) -> bool:
    workers = service.workers()
    return killed not in workers and len(workers) == 2


def keep_asking(url: str, stop: threading.Event) -> list[int | str]:
    found: list[int | str] = []
    with httpx.Client(base_url=url, timeout=60) as client:
        while not stop.is_set():
            try:
                found.append(client.post("/v1/tag", json={"text": "We plan the annual budget and coach the team. " * 20}).status_code)
            except httpx.TransportError as error:
                found.append(type(error).__name__)
    return found


def test_the_model_is_changed_and_workers_are_killed_without_a_failed_request(service: tuple[Running, Path]) -> None:
    running_service, folder = service
    stop = threading.Event()
    with ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(keep_asking, running_service.url, stop) for _ in range(4)]
        try:
            for _ in range(3):
                killed = running_service.workers()[0]
                os.kill(killed, signal.SIGKILL)
                until(functools.partial(is_replaced, running_service, killed), running_service)
            answer = httpx.post(f"{running_service.url}/v1/admin/reload", timeout=60)
            assert answer.status_code == 200
            tables = (folder / TABLES).read_bytes()
            (folder / TABLES).write_bytes(tables[:-1] + b"\x00\x00")
            refused = httpx.post(f"{running_service.url}/v1/admin/reload", timeout=60)
            assert (refused.status_code, refused.json()["code"]) == (409, "reload_failed")
            (folder / TABLES).write_bytes(tables)
            running_service.process.send_signal(signal.SIGHUP)
            until(lambda: len(running_service.lines("model reloaded")) == 2, running_service)
            until(lambda: len(running_service.workers()) == 2, running_service)
        finally:
            stop.set()
        statuses = [status for future in asking for status in future.result()]
    assert set(statuses) == {200}
    assert len(statuses) > 20
    assert (folder / MANIFEST).exists()


def test_health_answers_while_all_workers_are_busy(service: tuple[Running, Path]) -> None:
    text = "We agreed to review the plan of the year. " * 9_000
    with ThreadPoolExecutor(6) as threads, httpx.Client(base_url=service[0].url, timeout=60) as client:
        futures = [threads.submit(httpx.post, f"{service[0].url}/v1/tag", json={"text": text}, timeout=60) for _ in range(6)]
        asked = 0
        while not all(future.done() for future in futures):
            assert client.get("/healthz").status_code == 200
            asked += 1
        assert [future.result().status_code for future in futures] == [200] * 6
    assert asked > 6  # a service that works on the event loop would have answered between the documents only


def test_who_finds_the_queue_full_is_refused_on_a_connection_that_stays(artifact_folder: Path) -> None:
    body = {"text": "We plan the annual budget. " * 20_000}
    with running(artifact_folder, "--workers", "1", queue_size="1") as service, ThreadPoolExecutor(2) as threads:
        (worker,) = service.workers()
        os.kill(worker, signal.SIGSTOP)  # the worker has one document, another waits
        with httpx.Client(base_url=service.url, timeout=60) as client:
            waiting = [threads.submit(httpx.post, f"{service.url}/v1/tag", json={"text": "We plan."}, timeout=60) for _ in range(2)]
            until(lambda: "helmkeel_queue_depth 1.0" in client.get("/metrics").text, service)
            for _ in range(3):
                refused = client.post("/v1/tag", json=body)
                assert (refused.status_code, refused.json()["code"]) == (429, "busy")
                assert int(refused.headers["retry-after"]) >= 1
                assert "connection" not in refused.headers
            assert client.get("/healthz").status_code == 200
            os.kill(worker, signal.SIGCONT)
            assert [future.result().status_code for future in waiting] == [200, 200]
            assert client.post("/v1/tag", json={"text": "We plan."}).status_code == 200
            assert 'route="/v1/tag",status="429"} 3.0' in client.get("/metrics").text


def test_sigterm_answers_what_has_come_and_ends(artifact_folder: Path) -> None:
    with running(artifact_folder, "--workers", "1") as service, ThreadPoolExecutor(3) as threads:
        workers = service.workers()
        text = "We agreed to review the plan of the year. " * 9_000
        futures = [threads.submit(httpx.post, f"{service.url}/v1/tag", json={"text": text}, timeout=60) for _ in range(3)]
        metrics = f"{service.url}/metrics"
        until(lambda: 'helmkeel_workers{state="busy"} 1' in httpx.get(metrics).text and "queue_depth 2" in httpx.get(metrics).text, service)
        assert service.stop() == 0
        assert [future.result().status_code for future in futures] == [200] * 3
        deadline = time.monotonic() + PATIENCE
        while any(Path(f"/proc/{pid}").exists() for pid in workers):
            assert time.monotonic() < deadline
            time.sleep(0.01)
