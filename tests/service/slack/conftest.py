"""A fake Slack, and the real service set up for it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from service.settings import Settings
from tests.conftest import serving
from tests.service.slack.fake import TOKEN, FakeSlack, fake_slack
from tests.service.slack.payloads import SECRET


@pytest.fixture(scope="session")
def workspace() -> Iterator[FakeSlack]:
    with fake_slack() as slack:
        yield slack


@pytest.fixture(scope="session")
def settings(workspace: FakeSlack, artifact_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        artifact=artifact_folder,
        database=SecretStr(f"sqlite:///{tmp_path_factory.mktemp('kept') / 'kept.db'}"),
        slack_signing_secret=SecretStr(SECRET),
        slack_bot_token=SecretStr(TOKEN),
        slack_api_url=workspace.api_url,
    )


@pytest.fixture(scope="session")
def running(settings: Settings, workspace: FakeSlack) -> Iterator[httpx.Client]:
    workspace.start_over()
    with serving(settings) as base_url, httpx.Client(base_url=base_url, timeout=60) as client:
        yield client


@pytest.fixture
def slack(workspace: FakeSlack) -> Iterator[FakeSlack]:
    """The fake, with nothing in it from other tests; what it finds wrong with a message fails the test."""
    workspace.start_over()
    yield workspace
    assert workspace.faults == []


@pytest.fixture
def service(running: httpx.Client, slack: FakeSlack) -> httpx.Client:
    return running
