"""A Slack of our own on a free port of the loopback interface: Web API, response_url, files and uploads.

It refuses what Slack would refuse (`limits`), takes five posts at a `response_url`, hands files out to the right token only, and can be
told to fail: with a status, slowly, or by hanging up.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message as Headers
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.service.slack.limits import Json, check_message, check_view

TOKEN = "xoxb-1-2-fakebottoken"  # noqa: S105 -- of no workspace
APP_TOKEN = "xapp-1-A1-1-fakeapptoken"  # noqa: S105
OTHER_TOKEN = "xoxb-of-another-workspace"  # noqa: S105
PATIENCE = 60.0


@dataclass(frozen=True)
class Call:
    """A request that came in: the method of the Web API, or `hook`, `file`, `upload`."""

    method: str
    args: Json
    token: str | None = None
    at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Failure:
    """How to answer one request wrongly."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: Json | None = None
    wait: float = 0.0
    hang_up: bool = False


class FakeSlack:
    """What the fake knows and has seen."""

    def __init__(self) -> None:
        self.url = ""
        self._news = threading.Condition()
        self.start_over()

    def start_over(self) -> None:
        """Forget everything."""
        with self._news:
            self.calls: list[Call] = []
            self.faults: list[str] = []
            self.failures: dict[str, list[Failure]] = {}
            self.tokens = {TOKEN, APP_TOKEN}
            self.users: dict[str, Json] = {}
            self.threads: dict[str, list[Json]] = {}
            self.files: dict[str, tuple[str, bytes]] = {}
            self.described: list[Json] = []
            self.uploads: dict[str, bytes] = {}
            self.socket_url = ""
            self.not_in: set[str] = set()
            self._posts: dict[str, int] = {}

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    def hook(self, name: str) -> str:
        """A `response_url`."""
        return f"{self.url}/hook/{name}"

    def fail(self, method: str, *failures: Failure) -> None:
        """Answer the next requests for a method wrongly."""
        self.failures.setdefault(method, []).extend(failures)

    def add_file(self, name: str, content: bytes, content_type: str = "application/octet-stream") -> Json:
        """Put a file into the workspace; returns it as Slack describes it in a message."""
        self.files[f"/files-pri/{name}"] = (content_type, content)
        url = f"{self.url}/files-pri/{name}"
        return {
            "id": "F" + name.encode().hex().upper()[:10], "created": 1760000000, "name": name, "title": name, "mimetype": content_type,
            "filetype": name.rpartition(".")[2], "pretty_type": "", "user": "U0ANA", "mode": "hosted", "editable": False,
            "size": len(content), "is_external": False, "external_type": "", "is_public": False, "url_private": url,
            "url_private_download": url, "permalink": f"{self.url}/files/x", "file_access": "visible",
        }  # fmt: skip

    def of(self, method: str) -> list[Call]:
        """The requests for a method so far."""
        return [call for call in self.calls if call.method == method]

    def wait(self, method: str, count: int = 1, *, until: Callable[[Json], bool] = lambda args: True) -> list[Call]:
        """Wait for as many requests; returns them."""
        with self._news:
            came = self._news.wait_for(lambda: sum(until(c.args) for c in self.of(method)) >= count, PATIENCE)
        found = [call for call in self.of(method) if until(call.args)]
        assert came, f"{count} of {method} did not come; there were {[c.method for c in self.calls]} and {self.faults}"
        return found

    def answer(self, method: str, args: Json, token: str | None) -> Json:
        """Answer a call of the Web API."""
        self._note(Call(method, args, token))
        if method not in {"oauth.v2.access"} and token not in self.tokens:
            return {"ok": False, "error": "invalid_auth"}
        channel = str(args.get("channel", ""))
        if channel in self.not_in:
            return {"ok": False, "error": "not_in_channel"}
        if method == "users.info" and args["user"] not in self.users:
            return {"ok": False, "error": "user_not_found"}
        view = args.get("view")
        faults = check_view(view) if view else check_message(args) if method.startswith("chat.") else []
        if faults:
            self.faults += [f"{method}: {fault}" for fault in faults]
            return {"ok": False, "error": "invalid_arguments" if view else "invalid_blocks", "response_metadata": {"messages": faults}}
        return {"ok": True, **self._result(method, args)}

    def post(self, name: str, args: Json) -> tuple[int, str]:
        """Take a post at a `response_url`."""
        self._note(Call("hook", {"hook": name, **args}))
        self._posts[name] = self._posts.get(name, 0) + 1
        if self._posts[name] > 5:
            self.faults.append("hook: a sixth post")
            return 404, "used_url"
        if faults := check_message(args):
            self.faults += [f"hook: {fault}" for fault in faults]
            return 400, "invalid_blocks"
        return 200, "ok"

    def note_upload(self, name: str, content: bytes) -> None:
        """Take the content of an upload."""
        self.uploads[name] = content
        self._note(Call("upload", {"name": name}))

    def next_failure(self, method: str) -> Failure | None:
        """How the next request for a method is to fail."""
        waiting = self.failures.get(method)
        return waiting.pop(0) if waiting else None

    def note_failed(self, method: str, args: Json) -> None:
        """Remember a request that was answered wrongly."""
        if method == "hook":
            name = str(args.get("hook"))
            self._posts[name] = self._posts.get(name, 0) + 1
        self._note(Call(f"failed {method}", args))

    def _note(self, call: Call) -> None:
        with self._news:
            self.calls.append(call)
            self._news.notify_all()

    def _result(self, method: str, args: Json) -> Json:
        if method == "conversations.replies":
            return self._page(args)
        if method == "users.info":
            return {"user": self.users[args["user"]]}
        if method == "files.info":
            return {"file": next(f for f in self.described if f["id"] == args["file"])}
        found: dict[str, Json] = {
            "auth.test": {"team_id": "T0", "user_id": "UBOT", "bot_id": "BBOT", "url": "https://t.slack.com/"},
            "chat.postMessage": {"channel": "D0" if str(args.get("channel", "")).startswith("U") else args.get("channel"), "ts": "1.1"},
            "chat.postEphemeral": {"message_ts": "1.2"},
            "files.getUploadURLExternal": {"upload_url": f"{self.url}/upload/{args.get('filename')}", "file_id": "FUP"},
            "files.completeUploadExternal": {"files": [{"id": "FUP", "title": "All sentences"}]},
            "apps.connections.open": {"url": self.socket_url},
            "oauth.v2.access": {
                "app_id": "A1", "access_token": OTHER_TOKEN, "token_type": "bot", "bot_user_id": "UBOT", "scope": "commands",
                "team": {"id": "T9", "name": "Nine"}, "enterprise": None, "is_enterprise_install": False, "authed_user": {"id": "U1"},
            },
        }  # fmt: skip
        return found.get(method, {})

    def _page(self, args: Json) -> Json:
        messages = self.threads.get(f"{args['channel']}/{args['ts']}")
        if messages is None:
            return {"messages": []}
        start, limit = int(args.get("cursor") or 0), int(args["limit"])
        more = start + limit < len(messages)
        return {
            "messages": messages[start : start + limit],
            "has_more": more,
            "response_metadata": {"next_cursor": str(start + limit) if more else ""},
        }


class _Handler(BaseHTTPRequestHandler):
    slack: FakeSlack

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("content-length") or 0)))

    def _serve(self, body: bytes) -> None:
        path = urlsplit(self.path).path
        kind, _, name = path.strip("/").partition("/")
        method = name if kind == "api" else {"hook": "hook", "files-pri": "file", "upload": "upload"}.get(kind, "?")
        args = _args(self.headers, body) if method not in {"file", "upload"} else {}
        if method == "hook":
            args["hook"] = name
        failure = self.slack.next_failure(method)
        if failure and self._fail(failure, method, args):
            return
        token = (self.headers.get("authorization") or "").removeprefix("Bearer ") or args.pop("token", None)
        if method == "hook":
            args.pop("hook")
            status, text = self.slack.post(name, args)
            self._respond(status, text.encode(), "text/plain")
        elif method == "file":
            self._file(path, token)
        elif method == "upload":
            self.slack.note_upload(name, body)
            self._respond(200, b"OK", "text/plain")
        else:
            self._respond(200, json.dumps(self.slack.answer(method, args, token)).encode(), "application/json")

    def _file(self, path: str, token: str | None) -> None:
        content_type, content = self.slack.files.get(path, ("", b""))
        if token not in self.slack.tokens:  # as Slack does: a page to sign in, with status 200
            self._respond(200, b"<!doctype html><title>Sign in</title>", "text/html; charset=utf-8")
        elif not content_type:
            self._respond(404, b"", "text/plain")
        else:
            self._respond(200, content, content_type)

    def _fail(self, failure: Failure, method: str, args: Json) -> bool:
        time.sleep(failure.wait)
        if failure.hang_up:
            self.slack.note_failed(method, args)
            self.close_connection = True
            return True
        if failure.status != 200 or failure.body is not None:
            self.slack.note_failed(method, args)
            body = failure.body if failure.body is not None else {"ok": False, "error": "fatal_error"}
            self._respond(failure.status, json.dumps(body).encode(), "application/json", failure.headers)
            return True
        return False

    def _respond(self, status: int, body: bytes, content_type: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        try:
            self.send_response(status)
            for name, value in (("content-type", content_type), ("content-length", str(len(body))), *headers):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # the service did not wait for it
            self.close_connection = True


def _args(headers: Headers, body: bytes) -> Json:
    if "json" in (headers.get("content-type") or ""):
        found: Json = json.loads(body)
        return found
    form: dict[str, Any] = dict(parse_qsl(body.decode()))
    return {name: json.loads(value) if name in {"blocks", "view", "files"} else value for name, value in form.items()}


@contextmanager
def fake_slack() -> Iterator[FakeSlack]:
    """Run a fake Slack."""
    slack = FakeSlack()
    handler = type("Handler", (_Handler,), {"slack": slack})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    slack.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield slack
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
