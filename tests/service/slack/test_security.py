"""Who may speak to the app, and what stops the start."""

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from fastapi import FastAPI
from pydantic import SecretStr

from service.app import create_app
from service.settings import Settings, SettingsError
from service.slack.app import verified
from service.slack.config import http_config, socket_config
from tests.service.slack import payloads as p
from tests.service.slack.fake import APP_TOKEN, TOKEN, Failure, FakeSlack

NOW = 1_760_000_000.0
BODY = p.command("Plan the secretword budget.", "https://hooks.slack.com/commands/1")
GOOD = p.signature(BODY, "1760000000")


@pytest.mark.parametrize("stamp", ["1760000000", "1760000299", "1759999701"])
def test_a_signature_holds_for_five_minutes(stamp: str) -> None:
    assert verified(p.SECRET, BODY, {"x-slack-request-timestamp": stamp, "x-slack-signature": p.signature(BODY, stamp)}, NOW)


FORGERIES: dict[str, dict[str, str]] = {
    "no headers": {},
    "no time": {"x-slack-signature": GOOD},
    "no signature": {"x-slack-request-timestamp": "1760000000"},
    "empty": {"x-slack-request-timestamp": "", "x-slack-signature": ""},
    "stale": {"x-slack-request-timestamp": "1759999600", "x-slack-signature": p.signature(BODY, "1759999600")},
    "from the future": {"x-slack-request-timestamp": "1760000400", "x-slack-signature": p.signature(BODY, "1760000400")},
    "no number": {"x-slack-request-timestamp": "now", "x-slack-signature": p.signature(BODY, "now")},
    "a fraction": {"x-slack-request-timestamp": "1760000000.0", "x-slack-signature": p.signature(BODY, "1760000000.0")},
    "signed": {"x-slack-request-timestamp": "+1760000000", "x-slack-signature": p.signature(BODY, "+1760000000")},
    "underscored": {"x-slack-request-timestamp": "1_760_000_000", "x-slack-signature": p.signature(BODY, "1_760_000_000")},
    "superscript": {"x-slack-request-timestamp": "176000000\u00b2", "x-slack-signature": GOOD},
    "endless": {"x-slack-request-timestamp": "1" * 5000, "x-slack-signature": GOOD},
    "another body": {"x-slack-request-timestamp": "1760000000", "x-slack-signature": p.signature(BODY + b" ", "1760000000")},
    "another secret": {"x-slack-request-timestamp": "1760000000", "x-slack-signature": p.signature(BODY, "1760000000", "0" * 32)},
    "another version": {"x-slack-request-timestamp": "1760000000", "x-slack-signature": GOOD.replace("v0", "v1")},
    "not ASCII": {"x-slack-request-timestamp": "1760000000", "x-slack-signature": "v0=\u00e9"},
}


@pytest.mark.parametrize("headers", FORGERIES.values(), ids=FORGERIES)
def test_nothing_else_is_taken_for_slacks(headers: dict[str, str]) -> None:
    assert not verified(p.SECRET, BODY, headers, NOW)


@pytest.mark.parametrize("headers", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_request_is_401_and_leaves_no_trace(
    service: httpx.Client, slack: FakeSlack, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    response = service.post("/slack/events", content=BODY, headers=[(b"content-type", p.FORM.encode()), *raw])
    assert response.status_code == 401
    assert response.json()["code"] == "invalid_signature"
    assert "secretword" not in response.text + caplog.text
    assert slack.calls == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b"\xff\xfe",
        b"payload=",
        b"payload=%7B",
        b"payload=[]",
        b'{"event": []}',
        b'{"event": "x"}',
        b"a" * 10_000,
    ],
)
def test_a_signed_body_that_is_no_payload_is_refused(service: httpx.Client, body: bytes) -> None:
    assert p.send(service, body).status_code in {400, 404}


def test_a_body_over_the_limit_is_refused_before_it_is_looked_at(service: httpx.Client) -> None:
    assert p.send(service, b"text=" + b"x" * 5_000_000).status_code == 413


def test_the_signature_is_of_the_raw_body(service: httpx.Client, slack: FakeSlack) -> None:
    body = p.command("Plan the budget of the team.", slack.hook("one"))
    stamp = str(int(time.time()))
    same = body.replace(b"+", b"%20")  # the same form, spelt otherwise
    assert same != body
    headers = {"content-type": p.FORM, "x-slack-request-timestamp": stamp, "x-slack-signature": p.signature(body, stamp)}
    assert service.post("/slack/events", content=same, headers=headers).status_code == 401


def test_slack_may_check_the_address_and_the_certificate(service: httpx.Client, slack: FakeSlack) -> None:
    body = json.dumps(
        {"token": "x", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", "type": "url_verification"}
    ).encode()
    assert p.send(service, body).json()["challenge"].startswith("3eZbrw1aBm2r")
    assert service.post("/slack/events", content=body).status_code == 401
    check = service.post("/slack/events", content=b"ssl_check=1&token=x", headers={"content-type": p.FORM})
    assert (check.status_code, check.content) == (200, b"")
    assert p.send(service, b"ssl_check=1&token=x").status_code == 200
    command = p.command("Plan the budget.", slack.hook("one"))
    assert service.post("/slack/events", content=command + b"&ssl_check=1", headers={"content-type": p.FORM}).status_code in {200, 401}
    assert slack.calls == []


def test_a_reply_is_never_sent_elsewhere(service: httpx.Client, slack: FakeSlack) -> None:
    p.send(service, p.command("Plan the budget of the team.", "https://evil.example/hook"))
    (call,) = slack.wait("chat.postMessage")
    assert call.args["channel"] == p.USER


@pytest.mark.parametrize(
    ("api", "url", "ours"),
    [
        ("https://slack.com/api/", "https://files.slack.com/files-pri/T-F/x", True),
        ("https://slack.com/api/", "https://hooks.slack.com/commands/1/2", True),
        ("https://slack.com/api/", "http://files.slack.com/x", False),
        ("https://slack.com/api/", "https://evilslack.com/x", False),
        ("https://slack.com/api/", "https://slack.com.evil.example/x", False),
        ("https://slack.com/api/", "https://slack.com@evil.example/x", False),
        ("https://slack.com/api/", "https://evil@files.slack.com/x", False),
        ("https://slack.com/api/", "", False),
        ("https://slack-gov.com/api/", "https://files.slack-gov.com/x", True),
        ("http://127.0.0.1:1/api/", "http://127.0.0.1:1/hook/x", True),
        ("http://127.0.0.1:1/api/", "http://x.127.0.0.1/x", False),
    ],
)
def test_which_addresses_are_of_slack(api: str, url: str, ours: bool) -> None:
    config = http_config(Settings(**(HTTP | {"slack_api_url": api})))
    assert config is not None
    assert config.is_of_slack(url) is ours


KEY = Fernet.generate_key().decode()
HTTP: dict[str, Any] = {"slack_signing_secret": SecretStr(p.SECRET), "slack_bot_token": SecretStr(TOKEN)}
OAUTH: dict[str, Any] = {
    "slack_signing_secret": SecretStr(p.SECRET),
    "slack_client_id": "111.222",
    "slack_client_secret": SecretStr("s" * 32),
    "slack_encryption_key": SecretStr(KEY),
}
SOCKET: dict[str, Any] = {"slack_app_token": SecretStr(APP_TOKEN), "slack_bot_token": SecretStr(TOKEN)}


@pytest.mark.parametrize("given", [HTTP, OAUTH, SOCKET | HTTP])
def test_settings_that_go_together(given: dict[str, Any]) -> None:
    assert http_config(Settings(**given)) is not None


def test_slack_is_off_without_its_settings_and_for_socket_mode_alone() -> None:
    assert http_config(Settings()) is None
    assert http_config(Settings(**SOCKET)) is None
    assert socket_config(Settings(**SOCKET)).app_token is not None
    assert socket_config(Settings(**OAUTH, slack_app_token=SecretStr(APP_TOKEN))).oauth is not None


@pytest.mark.parametrize(
    ("given", "check", "variable"),
    [
        ({"slack_signing_secret": HTTP["slack_signing_secret"]}, http_config, "HELMKEEL_SLACK_BOT_TOKEN is missing"),
        ({"slack_bot_token": HTTP["slack_bot_token"]}, http_config, "HELMKEEL_SLACK_SIGNING_SECRET is missing"),
        (HTTP | OAUTH, http_config, "HELMKEEL_SLACK_BOT_TOKEN and HELMKEEL_SLACK_CLIENT_ID"),
        (HTTP | {"slack_bot_token": SecretStr("xoxp-secretvalue")}, http_config, "HELMKEEL_SLACK_BOT_TOKEN is not"),
        (HTTP | {"slack_signing_secret": SecretStr("secret value")}, http_config, "HELMKEEL_SLACK_SIGNING_SECRET is not"),
        (HTTP | {"slack_api_url": "http://secretvalue.example/"}, http_config, "HELMKEEL_SLACK_API_URL is no"),
        (OAUTH | {"slack_client_secret": None}, http_config, "HELMKEEL_SLACK_CLIENT_SECRET is missing"),
        (OAUTH | {"slack_client_id": None}, http_config, "HELMKEEL_SLACK_CLIENT_ID is missing"),
        (OAUTH | {"slack_client_id": "secretvalue"}, http_config, "HELMKEEL_SLACK_CLIENT_ID is no"),
        (OAUTH | {"slack_encryption_key": None}, http_config, "HELMKEEL_SLACK_ENCRYPTION_KEY is missing"),
        (OAUTH | {"slack_encryption_key": SecretStr("secretvalue")}, http_config, "HELMKEEL_SLACK_ENCRYPTION_KEY is no key"),
        (HTTP, socket_config, "HELMKEEL_SLACK_APP_TOKEN is missing"),
        (SOCKET | {"slack_app_token": SecretStr("xoxb-secretvalue")}, socket_config, "HELMKEEL_SLACK_APP_TOKEN is not"),
        ({"slack_app_token": SOCKET["slack_app_token"]}, socket_config, "HELMKEEL_SLACK_BOT_TOKEN is missing"),
    ],
)
def test_a_wrong_setting_is_named_and_not_shown(given: dict[str, Any], check: Callable[[Settings], object], variable: str) -> None:
    with pytest.raises(SettingsError, match=variable) as error:
        check(Settings(**given))
    assert "secret value" not in str(error.value)
    assert "secretvalue" not in str(error.value)


def test_settings_come_from_the_environment_and_an_empty_one_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELMKEEL_SLACK_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("HELMKEEL_SLACK_SIGNING_SECRET", "")
    settings = Settings()
    assert settings.slack_bot_token is not None
    assert settings.slack_signing_secret is None
    assert TOKEN not in repr(settings)


def test_a_token_that_slack_refuses_stops_the_start(slack: FakeSlack, tmp_path: Path) -> None:
    database = SecretStr(f"sqlite:///{tmp_path / 'kept.db'}")
    settings = Settings(**HTTP, slack_api_url=slack.api_url, database=database)
    slack.tokens.clear()
    with pytest.raises(SettingsError, match=r"HELMKEEL_SLACK_BOT_TOKEN is refused by Slack \(invalid_auth\)"):
        create_app(settings)


def test_a_slack_that_does_not_answer_does_not_stop_the_start(slack: FakeSlack, tmp_path: Path) -> None:
    database = SecretStr(f"sqlite:///{tmp_path / 'kept.db'}")
    slack.fail("auth.test", Failure(500), Failure(hang_up=True))
    for _ in range(2):
        assert isinstance(create_app(Settings(**HTTP, slack_api_url=slack.api_url, database=database)), FastAPI)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "is no SQLAlchemy URL"),
        ("nodialect://secretvalue", "is no SQLAlchemy URL"),
        ("sqlite:////no/such/folder/x.db", "cannot be opened"),
        ("postgresql+psycopg2://secretvalue/x", "needs the driver psycopg2"),
    ],
)
def test_a_database_that_cannot_be_used_stops_the_start(slack: FakeSlack, url: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as error:
        create_app(Settings(**HTTP, slack_api_url=slack.api_url, database=SecretStr(url)))
    assert "secretvalue" not in str(error.value)
