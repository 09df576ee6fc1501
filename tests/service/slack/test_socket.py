"""Socket Mode, as `helmkeel slack` in a process of its own against a websocket server."""

import json
import queue
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from tests.service.command import Command
from tests.service.slack import payloads as p
from tests.service.slack.fake import APP_TOKEN, TOKEN, FakeSlack
from tests.service.slack.limits import Json
from tests.service.slack.test_scenarios import TEXT, shown

PATIENCE = 60


class Socket:
    """The other end of Socket Mode: sends envelopes and keeps what comes back."""

    def __init__(self) -> None:
        self.acknowledged: queue.Queue[Json] = queue.Queue()
        self.connections: queue.Queue[ServerConnection] = queue.Queue()

    def serve(self, connection: ServerConnection) -> None:
        connection.send(json.dumps({"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A1"}}))
        self.connections.put(connection)
        try:
            for message in connection:
                self.acknowledged.put(json.loads(message))
        except ConnectionClosed:
            pass


def envelope(kind: str, payload: Json, number: str, **fields: object) -> str:
    return json.dumps(
        {"envelope_id": number, "type": kind, "accepts_response_payload": kind == "slash_commands", "payload": payload, **fields}
    )


def form(body: bytes) -> Json:
    fields: Json = dict(parse_qsl(body.decode()))
    found: Json = json.loads(fields["payload"]) if "payload" in fields else fields
    return found


@pytest.fixture
def socket(slack: FakeSlack) -> Iterator[Socket]:
    other = Socket()
    server: Server
    with serve(other.serve, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        slack.socket_url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/link"
        yield other
        server.shutdown()
        thread.join()


@pytest.fixture
def app(slack: FakeSlack, tmp_path: Path) -> dict[str, str]:
    return {
        "database": f"sqlite:///{tmp_path / 'kept.db'}",
        "slack_app_token": APP_TOKEN,
        "slack_bot_token": TOKEN,
        "slack_api_url": slack.api_url,
    }


def test_the_command_answers_over_the_socket_and_connects_again(
    slack: FakeSlack, socket: Socket, helmkeel: Command, app: dict[str, str]
) -> None:
    process = helmkeel.given(**app).start("slack")
    try:
        connection = socket.connections.get(timeout=PATIENCE)
        connection.send(envelope("slash_commands", form(p.command(TEXT, slack.hook("one"))), "e1"))
        assert socket.acknowledged.get(timeout=PATIENCE) == {"envelope_id": "e1"}
        assert "Supervise" in shown(slack.wait("hook")[-1].args)

        connection.send(envelope("slash_commands", form(p.command("help", slack.hook("two"))), "e2"))
        answer = socket.acknowledged.get(timeout=PATIENCE)
        assert answer["envelope_id"] == "e2"
        assert "/helmkeel" in shown(answer["payload"])

        mention = json.loads(p.mention("<@UBOT> Prepare the annual budget."))
        for attempt in range(2):
            fields = {"retry_attempt": attempt, "retry_reason": "timeout"} if attempt else {}
            connection.send(envelope("events_api", mention, f"m{attempt}", **fields))
            assert socket.acknowledged.get(timeout=PATIENCE) == {"envelope_id": f"m{attempt}"}
        slack.wait("chat.postEphemeral")

        connection.send(json.dumps({"type": "disconnect", "reason": "refresh_requested", "debug_info": {}}))
        again = socket.connections.get(timeout=PATIENCE)
        shortcut = form(p.shortcut("tag_message", p.message("Approve the leave of the clerks."), slack.hook("three")))
        again.send(envelope("interactive", shortcut, "e3"))
        assert socket.acknowledged.get(timeout=PATIENCE) == {"envelope_id": "e3"}
        slack.wait("hook", 2)
        assert len(slack.of("chat.postEphemeral")) == 1
        assert {call.token for call in slack.of("apps.connections.open")} == {APP_TOKEN}
        process.send_signal(signal.SIGTERM)
        out, talk = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert out == b""
    assert b"Connected to Slack" in talk
    assert b"Supervise" not in talk
    assert b"xoxb" not in talk + out


@pytest.mark.parametrize(
    ("change", "message", "code"),
    [
        ({"slack_app_token": ""}, "HELMKEEL_SLACK_APP_TOKEN is missing", 2),
        ({"slack_app_token": "xapp-other"}, "HELMKEEL_SLACK_APP_TOKEN is refused by Slack (invalid_auth)", 2),
        ({"slack_api_url": "http://127.0.0.1:9/"}, "Slack cannot be reached", 1),
    ],
)
def test_what_keeps_it_from_connecting_is_said(
    slack: FakeSlack, helmkeel: Command, app: dict[str, str], change: dict[str, str], message: str, code: int
) -> None:
    done = helmkeel.given(**(app | change)).here("slack")
    assert message in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
    assert done.returncode == code


def test_serve_names_the_setting_that_is_wrong(helmkeel: Command, app: dict[str, str]) -> None:
    done = helmkeel.given(**(app | {"slack_signing_secret": "short"})).apart("serve", "--port", "0")
    assert "HELMKEEL_SLACK_SIGNING_SECRET is not" in done.stderr.decode()
    assert "Serving" not in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
    assert done.returncode == 2
