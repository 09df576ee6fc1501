"""The Slack app: bolt over our handlers, and the routes it has in the service."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

from anyio import CapacityLimiter, to_thread
from cachetools import TTLCache
from fastapi import FastAPI, Request, Response
from slack_bolt import App, BoltRequest, BoltResponse
from slack_bolt.adapter.starlette.handler import to_starlette_response
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context import BoltContext
from slack_bolt.oauth import OAuthFlow
from slack_bolt.oauth.oauth_settings import OAuthSettings
from slack_sdk.errors import SlackApiError

from model.contrasts import Contrasts
from service.database import connect
from service.errors import respond
from service.feedback import FeedbackStore
from service.problems import Code, ProblemError
from service.settings import Settings, SettingsError
from service.slack.config import SlackConfig
from service.slack.handlers import Handlers, Tag
from service.slack.quiet import LOG, SILENT, code, failure
from service.slack.reply import web_client
from service.slack.store import STATE_SECONDS, Installations, States
from service.slack.work import Work

SCOPES: Final = (
    "app_mentions:read", "channels:history", "chat:write", "commands", "files:read", "files:write", "groups:history", "im:history",
    "mpim:history", "users:read",
)  # fmt: skip
WINDOW: Final = 5 * 60
"""Seconds that a request's time stamp may be off."""
_THREADS: Final = 40  # requests that are being acknowledged; each takes a few milliseconds
_SEEN_SECONDS: Final = 3600
_REFUSED_TOKENS: Final = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "org_login_required"}
)
_NOT_INSTALLED: Final = "Helmkeel is not installed in this workspace any more. An administrator can install it again."


class SlackApp:
    """The app over a service's own tagging, for HTTP and Socket Mode alike.

    Attributes:
        bolt: dispatches requests that are known to be Slack's.
        oauth: installs into workspaces; None where there is one workspace with a token of its own.
        work: what is done after acknowledgements.
    """

    def __init__(self, config: SlackConfig, settings: Settings, tag: Tag, contrasts: Callable[[], Contrasts]) -> None:
        """Check the token and open the database.

        Raises:
            SettingsError: Slack refuses the token, or the database cannot be used.
        """
        self._config = config
        if config.bot_token:
            _check(config, config.bot_token.get_secret_value())
        self._engine = engine = connect(settings)
        self._installations = Installations(engine, config.oauth) if config.oauth else None
        self.work = Work()
        self._seen: TTLCache[str, bool] = TTLCache(maxsize=100_000, ttl=_SEEN_SECONDS)
        self._lock = threading.Lock()
        self.bolt = App(
            name="silent",  # of loggers that bolt silences for its listeners; must be no parent of ours
            logger=SILENT,
            client=web_client(config),
            authorize=lambda enterprise_id, team_id, context: self._authorize(enterprise_id, team_id, context),
            request_verification_enabled=False,  # done on the raw body, before bolt
            process_before_response=True,  # our listeners only acknowledge, and need no threads of bolt's
        )
        self.bolt.use(self._once)
        self.bolt.error(_failed)
        handlers = Handlers(
            config, tag, contrasts, FeedbackStore(engine), self.work, max_file_bytes=settings.max_file_bytes, forget=self._forget
        )
        handlers.register(self.bolt)
        self.oauth: OAuthFlow | None = None
        if config.oauth:
            self.oauth = OAuthFlow(
                client=web_client(config),
                logger=SILENT,
                settings=OAuthSettings(
                    client_id=config.oauth.client_id,
                    client_secret=config.oauth.client_secret.get_secret_value(),
                    scopes=list(SCOPES),
                    user_scopes=[],
                    installation_store=self._installations,
                    installation_store_bot_only=True,
                    state_store=States(engine),
                    state_expiration_seconds=STATE_SECONDS,
                    install_path="/slack/install",
                    redirect_uri_path="/slack/oauth_redirect",
                    logger=SILENT,
                ),
            )

    def close(self) -> None:
        """Finish the work that waits, and let the database go."""
        self.work.close()
        self._engine.dispose()

    def _authorize(self, enterprise_id: str | None, team_id: str | None, context: BoltContext) -> AuthorizeResult:
        """Find the bot token of a workspace; without one the request is answered by `_once`."""
        if self._config.bot_token:
            return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=self._config.bot_token.get_secret_value())
        assert self._installations is not None  # noqa: S101 -- the configuration has one or the other
        bot = self._installations.find_bot(
            enterprise_id=enterprise_id, team_id=team_id, is_enterprise_install=bool(context.is_enterprise_install)
        )
        if bot is None:
            return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)
        return AuthorizeResult(
            enterprise_id=enterprise_id, team_id=team_id, bot_token=bot.bot_token, bot_id=bot.bot_id, bot_user_id=bot.bot_user_id
        )

    def _once(self, body: dict[str, Any], context: BoltContext, next_: Callable[[], None]) -> BoltResponse | None:
        """Answer what was seen before with a bare acknowledgement: Slack sends again what it believes lost."""
        event = body.get("event") or {}
        if not context.bot_token and event.get("type") not in {"app_uninstalled", "tokens_revoked"}:
            return BoltResponse(status=200, body=_NOT_INSTALLED if "command" in body else "")
        key = body.get("event_id") or body.get("trigger_id")
        if key:
            with self._lock:
                if key in self._seen:
                    return BoltResponse(status=200, body="")
                self._seen[key] = True
        next_()
        return None

    def dispatch(self, request: BoltRequest) -> BoltResponse:
        """Have a request acknowledged; one that was turned away may come again."""
        response = self.bolt.dispatch(request)
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            key = request.body.get("event_id") or request.body.get("trigger_id")
            with self._lock:
                self._seen.pop(key or "", None)
        return response

    def _forget(self, enterprise_id: str | None, team_id: str | None) -> None:
        if self._installations:
            self._installations.delete_bot(enterprise_id=enterprise_id, team_id=team_id)


def add_routes(app: FastAPI, config: SlackConfig, settings: Settings, tag: Tag, contrasts: Callable[[], Contrasts]) -> None:
    """Add the routes of Slack to a service (`service.slack.serving.mount`). Raises SettingsError as `SlackApp` does."""
    assert config.signing_secret is not None  # noqa: S101 -- http_config says so
    secret = config.signing_secret.get_secret_value()
    slack = SlackApp(config, settings, tag, contrasts)
    limiter = CapacityLimiter(_THREADS)

    async def events(request: Request) -> Response:
        body = await request.body()
        if _is_ssl_check(body):
            return Response()
        if not verified(secret, body, request.headers, time.time()):
            detail = "The request does not carry a valid signature of Slack's, or is older than five minutes"
            return respond(ProblemError(Code.INVALID_SIGNATURE, detail), request.scope)
        try:
            parsed = BoltRequest(body=_as_json(body, request.headers.get("content-type", "")), headers=dict(request.headers))
        except (ValueError, TypeError, AttributeError, KeyError):
            detail = "The body is no payload of Slack's"
            return respond(ProblemError(Code.INVALID_PAYLOAD, detail), request.scope)
        with slack.work.acknowledging():
            return to_starlette_response(await to_thread.run_sync(slack.dispatch, parsed, limiter=limiter))

    app.add_api_route("/slack/events", events, methods=["POST"], include_in_schema=False)
    if slack.oauth:
        _add_oauth(app, slack.oauth, limiter)
    _stop_with(app, slack)


def verified(secret: str, body: bytes, headers: Mapping[str, str], now: float) -> bool:
    """Whether a request is signed by Slack and no older than five minutes (https://docs.slack.dev/authentication/verifying-requests-from-slack).

    Works on bytes throughout: whatever stands in a header or body, the answer is yes or no.
    """
    stamp, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12) or abs(now - int(stamp)) > WINDOW:
        return False
    expected = "v0=" + hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))


def _add_oauth(app: FastAPI, flow: OAuthFlow, limiter: CapacityLimiter) -> None:
    async def install(request: Request) -> Response:
        return await handled(request, flow.handle_installation)

    async def redirect(request: Request) -> Response:
        return await handled(request, flow.handle_callback)

    async def handled(request: Request, handle: Callable[[BoltRequest], BoltResponse]) -> Response:
        parsed = BoltRequest(body="", query=request.url.query, headers=dict(request.headers))
        return to_starlette_response(await to_thread.run_sync(handle, parsed, limiter=limiter))

    app.add_api_route("/slack/install", install, methods=["GET"], include_in_schema=False)
    app.add_api_route("/slack/oauth_redirect", redirect, methods=["GET"], include_in_schema=False)


def _stop_with(app: FastAPI, slack: SlackApp) -> None:
    """Finish the work of Slack before the service stops, while its model is still loaded."""
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        async with inner(app) as state:
            yield state
            await to_thread.run_sync(slack.close)

    app.router.lifespan_context = lifespan


def _is_ssl_check(body: bytes) -> bool:
    """Whether Slack only looks at the certificate; nothing is done then, so no signature is needed."""
    return b"ssl_check=1" in body[:1000].split(b"&")


def _as_json(body: bytes, content_type: str) -> str:
    """Return a payload as JSON. bolt reads forms too, but loses a command whose text holds the word `payload`."""
    text = body.decode()
    if not content_type.startswith("application/json"):
        form = dict(parse_qsl(text, keep_blank_values=True))
        text = form["payload"] if "payload" in form else json.dumps(form)
    payload = json.loads(text)
    if not isinstance(payload, dict) or not isinstance(payload.get("event", {}), dict):
        raise TypeError
    return json.dumps(payload)


def _failed(error: Exception) -> BoltResponse:
    failure("-", "dispatch", error)
    return BoltResponse(status=500, body="")


def _check(config: SlackConfig, token: str) -> None:
    """Stop the start on a token that Slack refuses; where Slack cannot be asked, go on."""
    try:
        web_client(config, token, retries=0).auth_test()
    except SlackApiError as error:
        if code(error) in _REFUSED_TOKENS:
            raise SettingsError(
                f"HELMKEEL_SLACK_BOT_TOKEN is refused by Slack ({code(error)}); copy the one of OAuth & Permissions"
            ) from error
        LOG.warning("Slack did not check the token (%s); going on", code(error))
    except OSError as error:
        LOG.warning("Slack could not be reached to check the token (%s); going on", type(error).__name__)
