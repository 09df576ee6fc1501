"""Socket Mode: the app connects to Slack, so that no public address is needed."""

import signal
import threading
from collections.abc import Callable

from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler
from slack_bolt.adapter.socket_mode.internals import build_headers, send_response
from slack_bolt.request import BoltRequest
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from model.contrasts import Contrasts
from service.settings import Settings, SettingsError
from service.slack.app import SlackApp
from service.slack.config import socket_config
from service.slack.handlers import Tag
from service.slack.quiet import SILENT, code
from service.slack.reply import web_client


class _Handler(SocketModeHandler):
    """Has requests answered by our app, which knows those it has seen."""

    slack: SlackApp

    def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        request = BoltRequest(mode="socket_mode", body=req.payload or {}, headers=build_headers(req))
        with self.slack.work.acknowledging():
            send_response(client, req, self.slack.dispatch(request), 0.0)


def run(settings: Settings, tag: Tag, contrasts: Callable[[], Contrasts], ready: Callable[[], None]) -> None:
    """Connect to Slack and answer until the process is told to stop; the connection is renewed as often as it breaks.

    Args:
        settings: of the service.
        tag: tags a text as `/v1/tag` does, with evidence.
        contrasts: gives the contrasts of the loaded model.
        ready: called once connected.

    Raises:
        SettingsError: a setting is wrong or missing, or Slack refuses the app-level token.
        OSError: Slack cannot be reached.
    """
    config = socket_config(settings)
    assert config.app_token is not None  # noqa: S101 -- socket_config says so
    slack = SlackApp(config, settings, tag, contrasts)
    handler = _Handler(slack.bolt, config.app_token.get_secret_value(), logger=SILENT, web_client=web_client(config))
    handler.slack = slack
    stopped = threading.Event()
    try:
        handler.client.connect()
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: stopped.set())
        ready()
        stopped.wait()
    except SlackApiError as error:
        raise SettingsError(f"HELMKEEL_SLACK_APP_TOKEN is refused by Slack ({code(error)}); it needs connections:write") from error
    finally:
        slack.close()
        handler.client.close()
