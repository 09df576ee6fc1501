"""The child process in which a file is parsed: content on standard input, one JSON object on standard output.

It may use a gigabyte and a few seconds, and may open no connection and no file outside the Python installation. Called without a kind
it reads file after file (`service.readers.parser`), each in a child of its own.
"""

import importlib
import json
import os
import resource
import signal
import sys
import sysconfig
from typing import Any, Final

MEMORY_BYTES: Final = 1 << 30
CPU_SECONDS: Final = 6
WALL_SECONDS: Final = 5
_PARSERS: Final = {
    "docx": "docx", "odt": "odfdo", "rtf": "striprtf.striprtf", "pdf": "pypdfium2", "html": "selectolax.lexbor", "vtt": "webvtt",
    "srt": "webvtt", "xlsx": "openpyxl", "eml": "selectolax.lexbor",
}  # fmt: skip
_REFUSED: Final = (
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "socket.sendto",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.fork",
)
_LIBRARIES: Final = tuple({sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), __file__.rsplit("/service/", 1)[0]})
_SYSTEM: Final = ("/proc/", "/dev/null", "/usr/share/zoneinfo", "/etc/mime.types")


def main() -> None:
    """Parse what stands on standard input as the kind named in the arguments, or file after file."""
    if len(sys.argv) == 1:
        _serve()
        return
    content = sys.stdin.buffer.read()
    sys.stdout.buffer.write(_parse(sys.argv[1], content))


def _parse(name: str, content: bytes) -> bytes:
    """Give up what a parser has no need of, for good, and parse."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    from service.readers.extract import EXTRACTORS
    from service.readers.kinds import FileKind, ReaderError

    kind = FileKind(name)
    sys.addaudithook(_refuse)
    try:
        answer: dict[str, Any] = {"text": EXTRACTORS[kind](content)}
    except ReaderError as error:
        answer = {"error": {"code": error.code, "detail": str(error), "limit": error.limit, "size": error.size}}
    except Exception:
        answer = _failed(kind)
    return json.dumps(answer).encode("utf-8", "replace")


def _serve() -> None:
    """Read `kind size`, a line feed and the content, again and again; answer with a size, a line feed and a JSON object."""
    importlib.import_module("service.readers.extract")
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while head := source.readline():
        name, size = head.decode().split()
        content = source.read(int(size))
        if name in _PARSERS:
            importlib.import_module(_PARSERS[name])  # loaded here once, every child has it
        answer = _in_child(name, content)
        sink.write(b"%d\n" % len(answer) + answer)
        sink.flush()


def _in_child(name: str, content: bytes) -> bytes:
    """Parse in a forked child, so that whatever it does ends with it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        signal.alarm(WALL_SECONDS)
        try:
            with os.fdopen(writing, "wb") as stream:
                stream.write(_parse(name, content))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        answer = stream.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) or not answer:
        timed_out = os.WIFSIGNALED(status) and os.WTERMSIG(status) in {signal.SIGALRM, signal.SIGXCPU, signal.SIGKILL}
        detail = f"the file could not be read within {WALL_SECONDS} seconds; save it anew, or as text"
        failed = {"error": {"code": "parser_timeout", "detail": detail}} if timed_out else _failed(name)
        return json.dumps(failed).encode()
    return answer


def _failed(kind: str) -> dict[str, Any]:
    detail = f"reading the file as {kind} failed; open it in its own program and save it again"
    return {"error": {"code": "damaged_file", "detail": detail}}


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event.startswith(_REFUSED):
        raise PermissionError(event)
    if event == "open" and isinstance(arguments[0], str):
        path, mode = arguments[0], arguments[1]
        if not path.startswith((*_LIBRARIES, *_SYSTEM)) or (isinstance(mode, str) and mode.strip("brt")):
            raise PermissionError(event)


if __name__ == "__main__":
    main()
