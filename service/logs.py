"""Log lines in JSON on standard error, made so that no text can get into them.

The service's own loggers (`helmkeel.*`) say only what they are given in fields. Of other libraries, only warnings and errors are passed on,
as the plain template of the message: what would be filled in might be a user's. Exceptions are logged as their type and the places they
passed, without their message, for the same reason.
"""

import asyncio
import logging
import sys
from types import TracebackType
from typing import Any, Final

from pythonjsonlogger.orjson import OrjsonFormatter

from service.problems import failure_of

OURS: Final = "helmkeel"
_Exception = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class _Formatter(OrjsonFormatter):
    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger", "message": "event", "exc_info": "failure"},
            timestamp="time",
        )

    def format(self, record: logging.LogRecord) -> str:
        if not record.name.startswith(OURS):
            record = logging.makeLogRecord(
                {
                    "name": record.name, "levelno": record.levelno, "levelname": record.levelname, "created": record.created,
                    "msg": str(record.msg).replace("%", "%%"), "args": None, "exc_info": record.exc_info,
                }
            )  # fmt: skip
        return super().format(record)

    def formatException(self, ei: _Exception) -> str:  # noqa: N802 -- the name of the library
        return failure_of(ei[1]) if ei[1] else ""


def configure(level: str) -> None:
    """Send all log lines of the process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(level.upper())


def watch(loop: asyncio.AbstractEventLoop) -> None:
    """Log what fails in a loop with nobody waiting for it; what asyncio itself would log quotes the exception."""

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        logging.getLogger(f"{OURS}.loop").error("background failure", extra={"failure": failure_of(error) if error else None})

    loop.set_exception_handler(handle)
