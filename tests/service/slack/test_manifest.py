"""The manifest fits the app, in both modes."""

import re

import pytest
import yaml

from service.settings import ROOT
from service.slack.app import SCOPES
from tests.service.slack.limits import Json

TEXT = (ROOT / "service" / "slack" / "manifest.yaml").read_text(encoding="utf-8")


def manifest(http: bool) -> Json:
    text = re.sub(r"^( *)# (.*) # HTTP$", r"\1\2", TEXT, flags=re.MULTILINE) if http else TEXT
    text = re.sub(r"^( *)#   (- .*) # HTTP$", r"\1  \2", text, flags=re.MULTILINE) if http else text
    found: Json = yaml.safe_load(text.replace("socket_mode_enabled: true", "socket_mode_enabled: false") if http else text)
    return found


@pytest.mark.parametrize("http", [False, True])
def test_the_manifest_names_what_the_app_listens_to(http: bool) -> None:
    found = manifest(http)
    assert sorted(found["oauth_config"]["scopes"]["bot"]) == sorted(SCOPES)
    assert "user" not in found["oauth_config"]["scopes"]
    handlers = (ROOT / "service" / "slack" / "handlers.py").read_text(encoding="utf-8")
    assert set(found["settings"]["event_subscriptions"]["bot_events"]) == set(re.findall(r'app\.event\("(\w+)"\)', handlers))
    assert {s["callback_id"] for s in found["features"]["shortcuts"]} == set(re.findall(r'app\.message_shortcut\("(\w+)"\)', handlers))
    information = found["display_information"]
    assert len(information["name"]) <= 35
    assert len(information["description"]) <= 140
    assert 174 <= len(information["long_description"]) <= 4000
    for shortcut in found["features"]["shortcuts"]:
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["description"]) <= 150


def test_addresses_are_there_for_http_alone() -> None:
    socket, http = manifest(False), manifest(True)
    assert "example.org" not in yaml.safe_dump(socket)
    events = "https://helmkeel.example.org/slack/events"
    assert http["features"]["slash_commands"][0]["url"] == events
    assert http["settings"]["event_subscriptions"]["request_url"] == http["settings"]["interactivity"]["request_url"] == events
    assert http["oauth_config"]["redirect_urls"] == ["https://helmkeel.example.org/slack/oauth_redirect"]
    assert (socket["settings"]["socket_mode_enabled"], http["settings"]["socket_mode_enabled"]) == (True, False)
