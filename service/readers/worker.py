"""The child process in which a file is parsed: content on standard input, one JSON object on standard output.

It may use a gigabyte and a few seconds, and may open no connection and no file outside the Python installation.
"""

import json
import resource
import sys
import sysconfig
from typing import Any, Final

MEMORY_BYTES: Final = 1 << 30
CPU_SECONDS: Final = 6
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
    """Parse what stands on standard input as the kind named in the arguments."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    content = sys.stdin.buffer.read()

    from service.readers.extract import EXTRACTORS
    from service.readers.kinds import FileKind, ReaderError

    kind = FileKind(sys.argv[1])
    sys.addaudithook(_refuse)
    try:
        answer: dict[str, Any] = {"text": EXTRACTORS[kind](content)}
    except ReaderError as error:
        answer = {"error": {"code": error.code, "detail": str(error), "limit": error.limit, "size": error.size}}
    except Exception:
        detail = f"reading the file as {kind} failed; open it in its own program and save it again"
        answer = {"error": {"code": "damaged_file", "detail": detail}}
    sys.stdout.buffer.write(json.dumps(answer).encode("utf-8", "replace"))


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event.startswith(_REFUSED):
        raise PermissionError(event)
    if event == "open" and isinstance(arguments[0], str):
        path, mode = arguments[0], arguments[1]
        if not path.startswith((*_LIBRARIES, *_SYSTEM)) or (isinstance(mode, str) and mode.strip("brt")):
            raise PermissionError(event)


if __name__ == "__main__":
    main()
