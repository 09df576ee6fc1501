"""Ways to answer: the `response_url` of a click or command, or a message of the app's own. Private unless told otherwise."""

import threading
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, Final, Protocol

from slack_sdk import WebClient
from slack_sdk.http_retry import HttpRequest, HttpResponse, RateLimitErrorRetryHandler, RetryState
from slack_sdk.http_retry.builtin_handlers import ConnectionErrorRetryHandler, ServerErrorRetryHandler
from slack_sdk.webhook import WebhookClient, WebhookResponse

from service.slack.blocks import Message, rich, word
from service.slack.config import SlackConfig
from service.slack.quiet import LOG, SILENT, failure
from service.slack.work import Work

POSTS: Final = 5
"""Posts that Slack takes at a `response_url`."""
LIFETIME: Final = 30 * 60.0
"""Seconds for which it takes them."""
BACK_OFF: Final = (1.0, 5.0, 30.0, 180.0)
"""Seconds before each new try."""
SECONDS: Final = 10
"""How long one call may take."""
_LONGEST_WAIT: Final = 60
_LOST: Final = "Slack did not take the answer for the channel: nothing was shared. Please try again in a minute."
_NOT_SHARED: Final = Message(_LOST, [rich(word(_LOST))])


class _RateLimit(RateLimitErrorRetryHandler):
    """Waits as long as Slack asks, unless that is very long."""

    def _can_retry(
        self, *, state: RetryState, request: HttpRequest, response: HttpResponse | None = None, error: Exception | None = None
    ) -> bool:
        return response is not None and response.status_code == HTTPStatus.TOO_MANY_REQUESTS and _asked_wait(response) <= _LONGEST_WAIT


def web_client(config: SlackConfig, token: str | None = None, *, retries: int = 2) -> WebClient:
    """Return a client of the Web API that tries again after refusals that pass, and logs nothing."""
    handlers = [ConnectionErrorRetryHandler(retries), ServerErrorRetryHandler(retries), _RateLimit(retries)]
    return WebClient(token=token, base_url=config.api_url, timeout=SECONDS, logger=SILENT, retry_handlers=handlers if retries else [])


class Reply(Protocol):
    """Where answers to one request go."""

    def send(self, message: Message, *, replace: bool = False, in_channel: bool = False) -> None:
        """Send a message to the user alone, or to everybody; in place of the message that was clicked on, or as a new one.

        Raises:
            SlackApiError, OSError: Slack did not take it, and there is no way left.
        """


class ResponseUrl:
    """Posts to a `response_url`, and again later while it lives; what it never takes goes to `otherwise`."""

    def __init__(self, url: str, request_id: str, work: Work, otherwise: Callable[[Message], None], thread: str | None = None) -> None:
        self._url = url
        self._request_id = request_id
        self._work = work
        self._otherwise = otherwise
        self._thread = thread
        self._ends = time.monotonic() + LIFETIME
        self._posts = 0
        self._lock = threading.Lock()

    def send(self, message: Message, *, replace: bool = False, in_channel: bool = False) -> None:
        """See `Reply.send`; raises nothing, as the last try may come long after."""
        body = {"text": message.text, "blocks": message.blocks, "replace_original": replace, "unfurl_links": False, "unfurl_media": False}
        body["response_type"] = "in_channel" if in_channel else "ephemeral"
        if in_channel and self._thread:
            body["thread_ts"] = self._thread
        self._try(_NOT_SHARED if in_channel else message, body, 0)

    def _try(self, message: Message, body: dict[str, Any], failures: int) -> None:
        """Post a body; where that fails for good, `message` goes the other way."""
        with self._lock:
            left = self._posts < POSTS and time.monotonic() < self._ends
            self._posts += left
        if not left:
            self._give_up(message, "no posts left")
            return
        try:
            response = WebhookClient(self._url, timeout=SECONDS, logger=SILENT, retry_handlers=[]).send_dict(body)
        except (OSError, HTTPException) as error:  # no connection, a dropped one, no answer in time, or half an answer
            self._again(message, body, failures, 0.0, type(error).__name__)
            return
        if response.status_code == HTTPStatus.OK:
            return
        reason = f"status {response.status_code}"
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS or response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._again(message, body, failures, _asked_wait(response), reason)
        else:
            self._give_up(message, reason)

    def _again(self, message: Message, body: dict[str, Any], failures: int, asked: float, reason: str) -> None:
        wait = max(BACK_OFF[min(failures, len(BACK_OFF) - 1)], asked)
        if self._posts >= POSTS or time.monotonic() + wait >= self._ends:
            self._give_up(message, reason)
            return
        LOG.warning("request=%s response_url failed (%s), again in %.0f s", self._request_id, reason, wait)
        self._work.later(wait, partial(self._try, message, body, failures + 1))

    def _give_up(self, message: Message, reason: str) -> None:
        LOG.error("request=%s response_url gave up (%s)", self._request_id, reason)
        try:
            self._otherwise(message)
        except Exception as error:
            failure(self._request_id, "otherwise", error)


class Ephemeral:
    """Posts as the app, in the channel where it was called, to one person or to all."""

    def __init__(self, client: WebClient, channel: str, user: str, thread: str | None) -> None:
        self._client = client
        self._channel = channel
        self._user = user
        self._thread = thread

    def send(self, message: Message, *, replace: bool = False, in_channel: bool = False) -> None:
        """See `Reply.send`; there is no message to replace."""
        if in_channel:
            self._client.chat_postMessage(
                channel=self._channel,
                thread_ts=self._thread,
                text=message.text,
                blocks=message.blocks,
                unfurl_links=False,
                unfurl_media=False,
            )
        else:
            self._client.chat_postEphemeral(
                channel=self._channel, user=self._user, thread_ts=self._thread, text=message.text, blocks=message.blocks
            )


class Direct:
    """Posts as the app, in the conversation of one person with it."""

    def __init__(self, client: WebClient, user: str) -> None:
        self._client = client
        self._user = user

    def send(self, message: Message, *, replace: bool = False, in_channel: bool = False) -> None:
        """See `Reply.send`; the person is the only reader."""
        self._client.chat_postMessage(channel=self._user, text=message.text, blocks=message.blocks, unfurl_links=False, unfurl_media=False)


def _asked_wait(response: HttpResponse | WebhookResponse) -> float:
    """Return how many seconds Slack asks to wait."""
    for name, value in response.headers.items():
        if name.lower() == "retry-after":
            first = value[0] if isinstance(value, list) else value
            return float(first) if str(first).isdigit() else 0.0
    return 0.0
