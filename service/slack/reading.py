"""What Slack gives, as text to tag: messages with Slack's mark-up undone, whole threads, and attached files."""

import html
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final

from cachetools import TTLCache
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from service.readers import FileText, read_file
from service.slack.blocks import number
from service.slack.config import SlackConfig

MESSAGES: Final = 1000
"""Messages of a thread that are read; a longer one is cut with a note."""
_PAGE: Final = 200
_SECONDS: Final = 20
_ENTITY = re.compile(r"<([^<>\n]*)>")


class Refusal(Exception):  # noqa: N818 -- no error of the program's: what to tell the user
    """Why something cannot be done, for the user; quotes nothing of a text."""


@dataclass(frozen=True)
class Turn:
    """One message of a thread, and who wrote it."""

    speaker: str
    text: str


@dataclass(frozen=True)
class Thread:
    """The messages of people in a thread, in order, and what the reader should know of what was left out."""

    turns: list[Turn]
    notes: tuple[str, ...]


def plain(text: str, names: Mapping[str, str] | None = None) -> str:
    """Undo Slack's mark-up of links, mentions and the three characters it escapes; `names` are those of users that are known."""

    def shown(match: re.Match[str]) -> str:
        target, _, label = match[1].partition("|")
        if target.startswith("@"):
            return f"@{label or (names or {}).get(target[1:], 'someone')}"
        if target.startswith("#"):
            return f"#{label or 'channel'}"
        if target.startswith("!"):
            return label or f"@{target[1:].partition('^')[0]}"
        return label or target.removeprefix("mailto:")

    return html.unescape(_ENTITY.sub(shown, text))


def message_text(message: Mapping[str, Any], names: Mapping[str, str] | None = None) -> str:
    """Return the text of a message, and of messages that were forwarded in it."""
    forwarded = [a.get("text") or "" for a in message.get("attachments") or () if a.get("is_msg_unfurl") or a.get("is_share")]
    return "\n\n".join(plain(text, names) for text in (message.get("text") or "", *forwarded) if text.strip())


class Names:
    """What users are called, remembered for an hour."""

    def __init__(self) -> None:
        self._known: TTLCache[tuple[str, str], str | None] = TTLCache(maxsize=10_000, ttl=3600)
        self._lock = threading.Lock()

    def of(self, client: WebClient, team: str, users: Iterable[str]) -> dict[str, str]:
        """Name users; those whose names cannot be had are numbered, and equal names are told apart."""
        names: dict[str, str] = {}
        for user in dict.fromkeys(users):
            name = self._name(client, team, user) or f"Member {len(names) + 1}"
            same = sum(other.partition(" (")[0] == name for other in names.values())
            names[user] = f"{name} ({same + 1})" if same else name
        return names

    def _name(self, client: WebClient, team: str, user: str) -> str | None:
        with self._lock:
            if (team, user) in self._known:
                return self._known[team, user]
        try:
            found = client.users_info(user=user)["user"]
        except SlackApiError:
            return None
        profile = found.get("profile") or {}
        name: str | None = profile.get("display_name") or profile.get("real_name") or found.get("real_name") or found.get("name")
        with self._lock:
            self._known[team, user] = name
        return name


def read_thread(client: WebClient, names: Names, team: str, channel: str, root: str, *, without: str | None = None) -> Thread:
    """Fetch a thread, page by page, with the names of those who wrote in it.

    Args:
        client: with the token of the workspace.
        names: tells what users are called.
        team: the workspace, as users are known by it.
        channel: where the thread is.
        root: time stamp of its first message.
        without: time stamp of a message to leave out: the one that called the app.

    Raises:
        SlackApiError: the app may not read the channel, or there is no such thread.
    """
    messages: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = client.conversations_replies(channel=channel, ts=root, limit=_PAGE, cursor=cursor)
        found: list[dict[str, Any]] = page.get("messages") or []
        messages += found
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor or not found or len(messages) >= MESSAGES:
            break
    people = [m for m in messages[:MESSAGES] if m.get("ts") != without and m.get("user") and not m.get("bot_id")]
    called = names.of(client, team, (m["user"] for m in people))
    turns = [Turn(called[m["user"]], text) for m in people if (text := message_text(m, called))]
    notes = [f"The thread is long: only its first {MESSAGES:,} messages were read."] if cursor or len(messages) > MESSAGES else []
    bots = sum(bool(m.get("bot_id")) for m in messages)
    files = sum(len(m.get("files") or ()) for m in people)
    notes += [f"Left out: {number(bots, 'message')} of apps."] if bots else []
    notes += [f"Left out: {number(files, 'attached file')}; tag their messages one by one."] if files else []
    return Thread(turns, tuple(notes))


def read_attachment(client: WebClient, file: Mapping[str, Any], config: SlackConfig, limit: int) -> tuple[str, FileText]:
    """Fetch a file that is attached to a message, and read it; return its name and text.

    Raises:
        Refusal: the file is gone, too large, not in Slack, or the app may not read it.
        ReaderError: it is of no kind that can be read.
        SlackApiError: Slack refuses to tell about it.
    """
    if file.get("file_access") == "check_file_info" or not file.get("url_private"):
        file = client.files_info(file=file["id"])["file"]
    name = str(file.get("name") or file.get("title") or "file")
    if file.get("mode") in {"tombstone", "hidden_by_limit"}:
        raise Refusal("The file is no longer in Slack.")
    url = str(file.get("url_private_download") or file.get("url_private") or "")
    if file.get("is_external") or not config.is_of_slack(url):
        raise Refusal("The file lies outside Slack, where Helmkeel does not go: download it and attach it to a message.")
    if int(file.get("size") or 0) > limit:
        raise Refusal(_too_large(limit))
    return name, read_file(_download(url, str(client.token), limit, str(file.get("filetype"))), name)


def _download(url: str, token: str, limit: int, filetype: str) -> bytes:
    """Fetch a file without ever following a redirect: the token is for Slack alone."""
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {token}"})  # noqa: S310 -- an address of Slack's
    content = bytearray()
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=_SECONDS) as response:
            if response.headers.get_content_type() == "text/html" and filetype not in {"html", "htm"}:
                raise Refusal("Slack asked to sign in instead of handing out the file: the app may not read files (files:read).")
            while part := response.read(65536):
                content += part
                if len(content) > limit:
                    raise Refusal(_too_large(limit))
    except urllib.error.HTTPError as error:
        error.close()
        raise Refusal(f"Slack did not hand out the file (status {error.code}). May the app read files (files:read)?") from error
    except (OSError, HTTPException) as error:
        raise Refusal("The file could not be fetched from Slack; please try again in a moment.") from error
    return bytes(content)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        """Refuse, so that the redirect becomes an error."""


def _too_large(limit: int) -> str:
    return f"The file is larger than {limit:,} bytes; send it in parts."
