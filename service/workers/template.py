"""The process that workers are forked from (`python -m service.workers.template FD SETTINGS`).

It verifies and loads the model, tags once so that nothing is left to be prepared, says so, and then forks a worker whenever it is asked.
Forking shares its memory: all workers read one copy of the model, and a new worker is there within milliseconds whatever has become of
the files on disk. The model is not mapped from its file, because a file that is overwritten while it is mapped changes the scores or
kills the process.

It does nothing while workers work, so that nothing a document holds can harm it.
"""

import gc
import json
import os
import resource
import signal
import socket
import sys
from types import TracebackType
from typing import Any, Final, NoReturn

from model.artifact import ArtifactError, load
from service.problems import failure_of
from service.settings import Settings
from service.workers.answering import Answering
from service.workers.messages import PREFIX, pack, unpack_job

_CHILD_FAILED: Final = 70


def main() -> None:
    """Load the model and serve requests for workers until the service goes away."""
    control = socket.socket(fileno=int(sys.argv[1]))
    # The service ends its processes by closing their sockets, after all requests are answered; a signal to all of them must not come first.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold texts
    sys.excepthook = _report
    try:
        settings = Settings(**json.loads(sys.argv[2]))
        answering = Answering(load(settings.artifact), settings)
    except ArtifactError as error:
        _say(control, {"error": str(error)})
        return
    answering.warm()
    gc.collect()
    gc.freeze()  # the collector would write to every page, and so undo the sharing
    _say(control, {"model": answering.about.model_dump(mode="json"), "contrasts": answering.contrasts.model_dump(mode="json")})
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, 64, 1)
        if not request:
            return
        if descriptors:
            _say(control, {"pid": _fork(control, descriptors[0], answering)})
        else:
            _stop(int(request))
            _say(control, {})


def _fork(control: socket.socket, descriptor: int, answering: Answering) -> int:
    pid = os.fork()
    if pid:
        os.close(descriptor)
        return pid
    try:
        os.setsid()  # so that whatever parses a file for this worker is killed together with it
        control.close()
        _work(socket.socket(fileno=descriptor), answering)
    except BaseException as error:
        _report(type(error), error, error.__traceback__)
    finally:
        os._exit(_CHILD_FAILED)


def _work(connection: socket.socket, answering: Answering) -> NoReturn:
    """Answer one job after another until the service closes the connection."""
    stream = connection.makefile("rb")
    while prefix := stream.read(PREFIX.size):
        header_size, body_size = PREFIX.unpack(prefix)
        reply = answering.answer(unpack_job(stream.read(header_size), stream.read(body_size)))
        try:
            connection.sendall(pack(reply))
        except OSError:  # the service is gone
            break
    os._exit(0)


def _stop(pid: int) -> None:
    """Kill a worker and what it started. Until it is waited for here, nothing else can have its number."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:  # it has not reached setsid, or is dead with all of its group
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _say(control: socket.socket, message: dict[str, Any]) -> None:
    control.sendall(json.dumps(message).encode() + b"\n")


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(json.dumps({"level": "ERROR", "event": "worker process failed", "failure": failure_of(error)}) + "\n")


if __name__ == "__main__":
    main()
