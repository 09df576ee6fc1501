"""A parser process for many files: it parses nothing itself, but forks a child with the limits of `service.readers.worker` for each file.

A single file is read as safely as with a process of its own, without loading the parsers' libraries each time.
"""

import json
import subprocess
import sys
import threading
from typing import Any, Final

from service.readers.kinds import FileKind, ReaderError

_COMMAND: Final = (sys.executable, "-I", "-m", "service.readers.worker")


class Parser:
    """Extracts text from files of the kinds that need a parser, one at a time. Safe to share between threads."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __call__(self, kind: FileKind, content: bytes) -> str:
        """Return the text. Raises ReaderError as `service.readers.read_file` does."""
        with self._lock:
            answer = self._ask(kind, content)
        if "error" in answer:
            raise ReaderError(**answer["error"])
        text: str = answer["text"]
        return text

    def close(self) -> None:
        """End the process; the next file starts another."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _ask(self, kind: FileKind, content: bytes) -> dict[str, Any]:
        if self._process is None:
            self._process = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)  # noqa: S603
        assert self._process.stdin and self._process.stdout  # noqa: S101 -- both are pipes
        try:
            self._process.stdin.write(f"{kind} {len(content)}\n".encode() + content)
            self._process.stdin.flush()
            size = int(self._process.stdout.readline())
            answer: dict[str, Any] = json.loads(self._process.stdout.read(size))
        except (OSError, ValueError) as error:
            self.close()
            raise ReaderError("damaged_file", f"reading the file as {kind} failed; open it in its own program and save it again") from error
        return answer
