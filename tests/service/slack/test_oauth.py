"""Several workspaces: installing, keeping the token, being removed."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from model.labels import Label
from service.app import create_app
from service.database import connect
from service.feedback import FeedbackStore, UnknownLabelError
from service.settings import Settings, SettingsError
from tests.conftest import serving
from tests.service.slack import payloads as p
from tests.service.slack.fake import OTHER_TOKEN, Failure, FakeSlack
from tests.service.slack.test_scenarios import TEXT, shown


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("several") / "kept.db"


@pytest.fixture(scope="module")
def several(workspace: FakeSlack, artifact_folder: Path, kept: Path) -> Settings:
    return Settings(
        artifact=artifact_folder,
        workers=1,
        database=SecretStr(f"sqlite:///{kept}"),
        slack_signing_secret=SecretStr(p.SECRET),
        slack_client_id="111.222",
        slack_client_secret=SecretStr("c" * 32),
        slack_encryption_key=SecretStr(Fernet.generate_key().decode()),
        slack_api_url=workspace.api_url,
    )


@pytest.fixture(scope="module")
def url(several: Settings) -> Iterator[str]:
    with serving(several) as url:
        yield url


@pytest.fixture
def client(url: str, kept: Path, slack: FakeSlack) -> Iterator[httpx.Client]:
    """The service, which nobody has installed."""
    slack.tokens = {OTHER_TOKEN}
    with httpx.Client(base_url=url, timeout=60) as client:
        yield client
    with contextlib.closing(sqlite3.connect(kept)) as database, database:
        database.execute("delete from slack_installations")


@pytest.fixture
def alone(several: Settings, tmp_path: Path) -> Settings:
    """The settings, with a database of a test's own."""
    return several.model_copy(update={"database": SecretStr(f"sqlite:///{tmp_path / 'kept.db'}")})


def install(client: httpx.Client, state: str | None = None, code: str = "c0de") -> httpx.Response:
    page = client.get("/slack/install")
    issued = page.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert f"state={issued}" in page.text
    cookie = f"slack-app-oauth-state={state or issued}"  # by hand: it is for https alone
    return client.get("/slack/oauth_redirect", params={"code": code, "state": state or issued}, headers={"cookie": cookie})


def test_a_workspace_installs_and_is_answered_with_its_own_token(client: httpx.Client, slack: FakeSlack, kept: Path) -> None:
    before = p.send(client, p.command(TEXT, slack.hook("early"), team_id="T9"))
    assert "not installed in this workspace" in before.text
    assert p.send(client, p.mention("<@UBOT> hello there you", team_id="T9")).status_code == 200
    page = client.get("/slack/install").text
    assert all(scope in page for scope in ("chat%3Awrite", "commands", "users%3Aread")) or "chat:write" in page
    assert install(client).status_code == 200
    (exchange,) = slack.of("oauth.v2.access")
    assert exchange.args["code"] == "c0de"
    p.send(client, p.command(TEXT, slack.hook("one"), team_id="T9"))
    assert "Supervise" in shown(slack.wait("hook")[-1].args)
    p.send(client, p.mention("<@UBOT> Prepare the annual budget.").replace(b'"T0"', b'"T9"'))
    (call,) = slack.wait("chat.postEphemeral")
    assert call.token == OTHER_TOKEN
    assert OTHER_TOKEN.encode() not in kept.read_bytes()
    assert "not installed" in p.send(client, p.command(TEXT, slack.hook("two"), team_id="T8")).text


def test_an_installation_needs_the_browser_that_began_it_and_ends_once(client: httpx.Client, slack: FakeSlack) -> None:
    assert install(client, state="forged").status_code == 401
    assert client.get("/slack/oauth_redirect", params={"code": "x", "state": "y"}).status_code == 400
    assert client.get("/slack/oauth_redirect", params={"error": "access_denied"}).status_code == 200
    page = client.get("/slack/install")
    state = page.headers["set-cookie"].partition("=")[2].partition(";")[0]
    asked = {"params": {"code": "x", "state": state}, "headers": {"cookie": f"slack-app-oauth-state={state}"}}
    assert client.get("/slack/oauth_redirect", **asked).status_code == 200  # type: ignore[arg-type]
    assert client.get("/slack/oauth_redirect", **asked).status_code == 401  # type: ignore[arg-type]
    slack.fail("oauth.v2.access", Failure(200, body={"ok": False, "error": "invalid_code"}))
    assert install(client).status_code == 401


@pytest.mark.parametrize("event", [{"type": "app_uninstalled"}, {"type": "tokens_revoked", "tokens": {"bot": ["UBOT"], "oauth": []}}])
def test_a_workspace_that_removes_the_app_is_forgotten(client: httpx.Client, kept: Path, event: dict[str, object]) -> None:
    install(client)
    assert p.send(client, p.event(event).replace(b'"T0"', b'"T9"')).status_code == 200
    assert "not installed" in p.send(client, p.command(TEXT, "https://slack.com/x", team_id="T9")).text
    with sqlite3.connect(kept) as connection:
        assert connection.execute("select count(*) from slack_installations").fetchone() == (0,)
    connection.close()


def test_an_installation_of_a_whole_organisation_serves_its_workspaces(client: httpx.Client, slack: FakeSlack) -> None:
    answer = {
        "ok": True, "app_id": "A1", "access_token": OTHER_TOKEN, "token_type": "bot", "bot_user_id": "UBOT", "scope": "commands",
        "team": None, "enterprise": {"id": "E1", "name": "Org"}, "is_enterprise_install": True, "authed_user": {"id": "U1"},
    }  # fmt: skip
    slack.fail("oauth.v2.access", Failure(200, body=answer))
    assert install(client).status_code == 200
    p.send(client, p.command(TEXT, slack.hook("one"), team_id="T5", enterprise_id="E1", is_enterprise_install="true"))
    slack.wait("hook")
    p.send(client, p.command(TEXT, slack.hook("two"), team_id="T6", enterprise_id="E1", is_enterprise_install="false"))
    slack.wait("hook", 2)
    assert "not installed" in p.send(client, p.command(TEXT, slack.hook("x"), team_id="T5", enterprise_id="E2")).text


def test_keys_can_be_changed_and_a_wrong_one_stops_the_start(client: httpx.Client, several: Settings) -> None:
    install(client)
    assert several.slack_encryption_key is not None
    old, new = several.slack_encryption_key.get_secret_value(), Fernet.generate_key().decode()
    create_app(several.model_copy(update={"slack_encryption_key": SecretStr(f"{new},{old}")}))
    with pytest.raises(SettingsError, match="HELMKEEL_SLACK_ENCRYPTION_KEY does not open"):
        create_app(several.model_copy(update={"slack_encryption_key": SecretStr(new)}))


def test_a_single_workspace_has_nothing_to_install(service: httpx.Client) -> None:
    assert service.get("/slack/install").status_code == 404


def test_another_layout_of_the_database_stops_the_start(alone: Settings, slack: FakeSlack) -> None:
    create_app(alone)
    engine = create_engine(alone.database.get_secret_value())
    with engine.begin() as connection:
        connection.execute(text("update schema_version set version = 99 where part = 'feedback'"))
    engine.dispose()
    with pytest.raises(SettingsError, match="holds version 99 of the tables of feedback, this release reads 1"):
        create_app(alone)


def test_feedback_keeps_what_was_sent_and_refuses_unknown_labels(alone: Settings, tmp_path: Path) -> None:
    store = FeedbackStore(connect(alone))
    given = {"text": "Plan 🙂 <@U1>", "given": Label.NEITHER, "model_sha256": "a" * 64, "source": "slack", "reference": "x:1"}
    store.add(label="management", **given)  # type: ignore[arg-type]
    for label in ("boss", "", "Management", "management "):
        with pytest.raises(UnknownLabelError, match="none of leadership, management, mixed, neither"):
            store.add(label=label, **given)  # type: ignore[arg-type]
    connection = sqlite3.connect(tmp_path / "kept.db")
    rows = connection.execute("select source, reference, text, label, given, model_sha256 from corrections").fetchall()
    assert rows == [("slack", "x:1", "Plan 🙂 <@U1>", "management", "neither", "a" * 64)]
    assert connection.execute("select version from schema_version where part = 'feedback'").fetchone() == (1,)
    assert [row[1] for row in connection.execute("pragma table_info(corrections)")] == [
        "id", "received", "source", "reference", "text", "label", "given", "model_sha256",
    ]  # fmt: skip
    connection.close()
