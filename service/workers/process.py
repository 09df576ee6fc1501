"""The service's ends of its processes: the template that holds a model, and the workers forked from it."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Final

from model.artifact import ArtifactError
from model.contrasts import Contrasts
from service.schemas import ModelAnswer
from service.settings import Settings
from service.workers.messages import PREFIX, Job, Reply, pack, unpack_reply

_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 5.0
_BUFFER: Final = 1 << 20
_ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # a process with threads cannot safely be forked
_PASSED_ON: Final = {
    "artifact", "max_text_bytes", "max_sentences", "max_documents", "max_batch_sentences", "max_body_bytes", "max_file_bytes",
    "request_seconds",
}  # fmt: skip


@dataclass(slots=True)
class Worker:
    """A worker process and the connection to it."""

    pid: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    template: "Template"

    async def run(self, job: Job) -> Reply:
        """Send a job and wait for the reply. Raises ConnectionError or EOFError where the worker dies."""
        self.writer.write(pack(job))
        await self.writer.drain()
        header, body = PREFIX.unpack(await self.reader.readexactly(PREFIX.size))
        return unpack_reply(await self.reader.readexactly(header), await self.reader.readexactly(body))

    @property
    def gone(self) -> bool:
        """Whether the worker has ended."""
        return self.reader.at_eof()


class Template:
    """The process that holds a verified model, and gives workers."""

    def __init__(self, process: "subprocess.Popen[bytes]", control: socket.socket) -> None:
        self.process = process
        self._control = control
        self._replies = control.makefile("rb")
        self._lock = asyncio.Lock()
        self.model: ModelAnswer
        self.contrasts: Contrasts

    @classmethod
    async def start(cls, settings: Settings) -> "Template":
        """Start the process and wait until the model is loaded and warm. Raises ArtifactError where it cannot be used."""
        ours, theirs = socket.socketpair()
        ours.settimeout(_START_SECONDS)
        arguments = [str(theirs.fileno()), settings.model_dump_json(include=_PASSED_ON)]
        with theirs:
            process = await asyncio.to_thread(
                subprocess.Popen,
                [sys.executable, "-I", "-m", "service.workers.template", *arguments],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env=os.environ | _ONE_THREAD,
            )
        template = cls(process, ours)
        try:
            ready = await asyncio.to_thread(template._read)
            template.model = ModelAnswer.model_validate(ready["model"])
            template.contrasts = Contrasts.model_validate(ready["contrasts"])
        except BaseException:
            template.close()
            raise
        return template

    async def fork(self) -> Worker:
        """Make a worker. Raises OSError where the process is gone."""
        ours, theirs = socket.socketpair()
        with theirs:
            async with self._lock:
                answer = await asyncio.to_thread(self._ask, b"fork", [theirs.fileno()])
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=_BUFFER)
        return Worker(answer["pid"], reader, writer, self)

    async def stop(self, worker: Worker) -> None:
        """Kill a worker."""
        worker.writer.close()
        with contextlib.suppress(OSError):
            await worker.writer.wait_closed()
        with contextlib.suppress(OSError):
            async with self._lock:
                await asyncio.to_thread(self._ask, str(worker.pid).encode(), [])

    def close(self) -> None:
        """End the process and, as their connections close, its workers."""
        self._replies.close()
        self._control.close()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _ask(self, request: bytes, descriptors: list[int]) -> dict[str, Any]:
        socket.send_fds(self._control, [request], descriptors)
        return self._read()

    def _read(self) -> dict[str, Any]:
        line = self._replies.readline()
        if not line:
            raise ConnectionResetError("the template process has ended; what it wrote before says why")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ArtifactError(answer["error"])
        return answer
