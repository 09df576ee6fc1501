"""Logs about Slack that hold no text, no token and nobody's name.

bolt and slack_sdk log whole requests, among others on a bad signature. They get a logger that writes nothing; what an operator needs to
know is logged here: which request, what kind, how it ended, and for an error its type, Slack's own code for it and where it was raised.
"""

import logging
import traceback
from pathlib import Path
from typing import Final

from slack_sdk.errors import SlackApiError

LOG: Final = logging.getLogger("helmkeel.slack")
SILENT: Final = logging.getLogger("helmkeel.slack.libraries")
SILENT.setLevel(logging.CRITICAL + 1)
SILENT.addFilter(lambda record: False)  # holds whatever a logging configuration that is loaded later says of levels and handlers


def failure(request_id: str, kind: str, error: BaseException) -> None:
    """Log an error without its message, which may quote the request."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    LOG.error("request=%s kind=%s failed: %s at %s", request_id, kind, name(error), where)


def name(error: BaseException) -> str:
    """Name an error by its type and, where Slack refused a call, Slack's code for it."""
    if isinstance(error, SlackApiError):
        return f"SlackApiError({code(error)})"
    return type(error).__name__


def code(error: SlackApiError) -> str:
    """Return Slack's code for an error, like `not_in_channel`, or the HTTP status where there is none."""
    found = error.response.get("error")
    return found if isinstance(found, str) else f"status {error.response.status_code}"
