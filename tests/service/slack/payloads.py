"""Payloads as Slack sends them, and its signature."""

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from urllib.parse import urlencode

import httpx

from tests.service.slack.limits import Json

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"  # noqa: S105 -- the example of Slack's documentation
USER, NAME, TEAM, CHANNEL = "U0ANA", "ana", "T0", "C0GENERAL"
FORM = "application/x-www-form-urlencoded"
_numbers = itertools.count(1)


def signature(body: bytes, stamp: str, secret: str = SECRET) -> str:
    """Sign a body as Slack does."""
    return "v0=" + hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def send(client: httpx.Client, body: bytes, **headers: str) -> httpx.Response:
    """Post a signed request to the service."""
    stamp, content_type = str(int(time.time())), FORM if not body.startswith((b"{", b"[")) else "application/json"
    signed = {"content-type": content_type, "x-slack-request-timestamp": stamp, "x-slack-signature": signature(body, stamp)}
    return client.post("/slack/events", content=body, headers=signed | {name.replace("_", "-"): value for name, value in headers.items()})


async def send_at_once(port: int, bodies: list[bytes]) -> list[float]:
    """Send all requests at the same moment, over bare connections as a client of any comfort would be measured with them.

    Returns how many seconds each acknowledgement took, in order of size.
    """
    stamp = str(int(time.time()))
    requests = [
        f"POST /slack/events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {FORM}\r\ncontent-length: {len(body)}\r\n"
        f"x-slack-request-timestamp: {stamp}\r\nx-slack-signature: {signature(body, stamp)}\r\n\r\n".encode()
        + body
        for body in bodies
    ]
    start = asyncio.Event()

    async def one(request: bytes) -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await start.wait()
        began = time.monotonic()
        writer.write(request)
        status = await reader.readline()
        took = time.monotonic() - began
        writer.close()
        if b" 200 " not in status:
            raise RuntimeError(status.decode())
        return took

    tasks = [asyncio.create_task(one(request)) for request in requests]
    await asyncio.sleep(1)
    start.set()
    return sorted(await asyncio.gather(*tasks))


def command(text: str, response_url: str, **fields: str) -> bytes:
    """`/helmkeel TEXT`."""
    form = {
        "token": "gIkuvaNzQIHg97ATvDxqgjtO", "team_id": TEAM, "team_domain": "example", "channel_id": CHANNEL, "channel_name": "general",
        "user_id": USER, "user_name": NAME, "command": "/helmkeel", "text": text, "api_app_id": "A1", "is_enterprise_install": "false",
        "response_url": response_url, "trigger_id": trigger(),
    }  # fmt: skip
    return urlencode(form | fields).encode()


def shortcut(callback_id: str, message: Json, response_url: str) -> bytes:
    """An entry of a message's menu."""
    return _payload({
        "type": "message_action", "token": "x", "action_ts": "1760000000.1", "callback_id": callback_id, "trigger_id": trigger(),
        "response_url": response_url, "message_ts": message["ts"], "message": message,
    })  # fmt: skip


def click(
    action_id: str, value: str, *, response_url: str | None = None, view: Json | None = None, block_id: str = "b", **more: str
) -> bytes:
    """A button, in an ephemeral message or in a window."""
    action = {
        "action_id": action_id, "block_id": block_id, "text": {"type": "plain_text", "text": "x", "emoji": False}, "value": value,
        "type": "button", "action_ts": "1760000000.2",
    }  # fmt: skip
    payload: Json = {"type": "block_actions", "api_app_id": "A1", "token": "x", "trigger_id": trigger(), "actions": [action]}
    if view is not None:
        kept = {key: view[key] for key in ("type", "private_metadata", "callback_id", "blocks", "title")}
        payload |= {"container": {"type": "view", "view_id": "V0"}, "view": {"id": "V0", "hash": "h0", "state": {"values": {}}, **kept}}
        del payload["actions"][0]["text"]["emoji"]
    else:
        container = {"type": "message", "message_ts": "1760000000.3", "channel_id": CHANNEL, "is_ephemeral": True, **more}
        payload |= {"container": container, "response_url": response_url}
    return _payload(payload, channel=view is None)


def event(content: Json, **fields: object) -> bytes:
    """An event of the Events API."""
    return json.dumps({
        "token": "x", "team_id": TEAM, "api_app_id": "A1", "event": content, "type": "event_callback", "event_id": f"Ev{next(_numbers)}",
        "event_time": 1760000000, "is_ext_shared_channel": False, "event_context": "4-x",
        "authorizations": [{"enterprise_id": None, "team_id": TEAM, "user_id": "UBOT", "is_bot": True, "is_enterprise_install": False}],
        **fields,
    }).encode()  # fmt: skip


def mention(text: str, ts: str = "1760000000.000900", **fields: object) -> bytes:
    """`@helmkeel` in a message."""
    content = {"type": "app_mention", "user": USER, "text": text, "ts": ts, "channel": CHANNEL, "event_ts": ts, "client_msg_id": "c"}
    return event(content | fields)


def message(text: str, ts: str = "1760000000.000100", user: str = USER, **fields: object) -> Json:
    """A message of somebody."""
    return {"type": "message", "user": user, "text": text, "ts": ts, "team": TEAM, "client_msg_id": "c", **fields}


def trigger() -> str:
    """A new `trigger_id`."""
    return f"{next(_numbers)}.1760000000.x"


def _payload(payload: Json, *, channel: bool = True) -> bytes:
    payload |= {
        "team": {"id": TEAM, "domain": "example"}, "enterprise": None, "is_enterprise_install": False,
        "user": {"id": USER, "username": NAME, "name": NAME, "team_id": TEAM},
    }  # fmt: skip
    if channel:
        payload["channel"] = {"id": CHANNEL, "name": "general"}
    return urlencode({"payload": json.dumps(payload)}).encode()
