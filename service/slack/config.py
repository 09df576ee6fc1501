"""Which settings of Slack go together, checked before anything starts."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import SecretStr

from service.settings import Settings, SettingsError

_BOT, _APP = "HELMKEEL_SLACK_BOT_TOKEN", "HELMKEEL_SLACK_APP_TOKEN"
_SIGNING, _API = "HELMKEEL_SLACK_SIGNING_SECRET", "HELMKEEL_SLACK_API_URL"
_ID, _SECRET, _KEY = "HELMKEEL_SLACK_CLIENT_ID", "HELMKEEL_SLACK_CLIENT_SECRET", "HELMKEEL_SLACK_ENCRYPTION_KEY"
_HOW_TO_MAKE_A_KEY: Final = "; make one with: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class OAuth:
    """What installing into several workspaces needs.

    Attributes:
        encryption_keys: Fernet keys for the tokens in the database; the first encrypts, any of them decrypts.
    """

    client_id: str
    client_secret: SecretStr
    encryption_keys: tuple[SecretStr, ...]


@dataclass(frozen=True)
class SlackConfig:
    """The settings of Slack, known to fit together: one workspace has a `bot_token`, several have `oauth`."""

    api_url: str
    bot_token: SecretStr | None
    oauth: OAuth | None
    signing_secret: SecretStr | None = None
    app_token: SecretStr | None = None

    def is_of_slack(self, url: str) -> bool:
        """Whether a URL leads to the same site as the Web API, so that it may be sent a token or a text."""
        api, other = urlsplit(self.api_url), urlsplit(url)
        home, host = api.hostname or "", other.hostname or ""
        same = host == home or (home not in _LOOPBACK and host.endswith(f".{home}"))
        return same and other.scheme == api.scheme and not other.username


def http_config(settings: Settings) -> SlackConfig | None:
    """Return what `/slack/events` needs; None where Slack is off, or set up for Socket Mode alone.

    Raises:
        SettingsError: a setting is wrong, or one is missing that others need.
    """
    config = _config(settings)
    if config is None or (config.signing_secret is None and config.app_token is not None):
        return None
    if config.signing_secret is None:
        raise SettingsError(f"{_SIGNING} is missing: it tells which requests come from Slack (Basic Information, Signing Secret)")
    return config


def socket_config(settings: Settings) -> SlackConfig:
    """Return what Socket Mode needs.

    Raises:
        SettingsError: a setting is wrong or missing.
    """
    if settings.slack_app_token is None:
        raise SettingsError(f"{_APP} is missing: Socket Mode connects with it (Basic Information, App-Level Tokens, connections:write)")
    config = _config(settings)
    assert config is not None  # noqa: S101 -- there is a token
    return config


def _config(settings: Settings) -> SlackConfig | None:
    oauth = _oauth(settings)
    signing, bot, app = settings.slack_signing_secret, settings.slack_bot_token, settings.slack_app_token
    if not (oauth or signing or bot or app):
        return None
    if bot and oauth:
        raise SettingsError(f"{_BOT} and {_ID} are both set: the first is for one workspace, the second for several; unset one of them")
    if not (bot or oauth):
        raise SettingsError(f"{_BOT} is missing (OAuth & Permissions, Bot User OAuth Token); or set {_ID} to serve several workspaces")
    _expect(_BOT, bot, r"xoxb-[\w-]+", "a bot token, which starts with xoxb-")
    _expect(_APP, app, r"xapp-[\w-]+", "an app-level token, which starts with xapp-")
    _expect(_SIGNING, signing, r"[0-9A-Za-z]{20,}", "a signing secret: 32 letters and digits")
    api = urlsplit(settings.slack_api_url)
    if not api.hostname or not (api.scheme == "https" or (api.scheme == "http" and api.hostname in _LOOPBACK)):
        raise SettingsError(f"{_API} is no https address; leave it out, or write one like https://slack.com/api/")
    return SlackConfig(settings.slack_api_url.rstrip("/") + "/", bot, oauth, signing, app)


def _oauth(settings: Settings) -> OAuth | None:
    client_id, secret, key = settings.slack_client_id, settings.slack_client_secret, settings.slack_encryption_key
    named = {_ID: client_id, _SECRET: secret, _KEY: key}
    there = [name for name, value in named.items() if value]
    if not there:
        return None
    for name in named:
        if name not in there:
            raise SettingsError(f"{name} is missing: {there[0]} needs it{_HOW_TO_MAKE_A_KEY if name == _KEY else ''}")
    assert client_id and secret and key  # noqa: S101 -- looked at just now
    if not re.fullmatch(r"\d+\.\d+", client_id):
        raise SettingsError(f"{_ID} is no client id: two numbers with a point between them (Basic Information)")
    keys = tuple(SecretStr(part.strip()) for part in key.get_secret_value().split(","))
    for part in keys:
        try:
            Fernet(part.get_secret_value())
        except ValueError as error:
            raise SettingsError(f"{_KEY} is no key{_HOW_TO_MAKE_A_KEY}") from error
    return OAuth(client_id, secret, keys)


def _expect(name: str, value: SecretStr | None, pattern: str, what: str) -> None:
    if value is not None and not re.fullmatch(pattern, value.get_secret_value()):
        raise SettingsError(f"{name} is not {what}")
