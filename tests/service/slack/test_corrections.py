"""The buttons under a sentence."""

import sqlite3
from pathlib import Path

import httpx
import pytest

from service.settings import Settings
from tests.service.slack import payloads as p
from tests.service.slack.fake import Failure, FakeSlack
from tests.service.slack.test_scenarios import answered, quotes, shown, values


@pytest.fixture
def database(settings: Settings) -> Path:
    return Path(settings.database.get_secret_value().removeprefix("sqlite:///"))


def rows(database: Path, reference: str) -> list[tuple[str, str, str]]:
    connection = sqlite3.connect(database)
    found = connection.execute("select text, label, given from corrections where reference = ? order by id", (reference,)).fetchall()
    connection.close()
    return found


def label_of_the_model(service: httpx.Client, text: str) -> str:
    label: str = service.post("/v1/tag", json={"text": text}).json()["sentences"][0]["label"]
    return label


@pytest.mark.parametrize("label", ["leadership", "management", "neither"])
def test_a_correction_is_kept_and_thanked_for_in_place(service: httpx.Client, slack: FakeSlack, database: Path, label: str) -> None:
    answer = answered(service, slack, "Prepare the annual budget.\nWe are in Leeds today.")
    value = values(answer["blocks"], f"correct:{label}")[1]
    p.send(service, p.click(f"correct:{label}", value, response_url=slack.hook("click")))
    (call,) = slack.wait("hook", until=lambda args: args["hook"] == "click")
    assert call.args["replace_original"] is True
    assert call.args["response_type"] == "ephemeral"
    assert f"Kept as a correction: {label}" in shown(call.args)
    assert quotes(call.args["blocks"]) == quotes(answer["blocks"])
    assert values(call.args["blocks"], f"correct:{label}") == [values(answer["blocks"], f"correct:{label}")[0]]
    assert rows(database, value) == [("We are in Leeds today.", label, label_of_the_model(service, "We are in Leeds today."))]


def test_a_correction_in_the_window_redraws_its_page(service: httpx.Client, slack: FakeSlack, database: Path) -> None:
    answer = answered(service, slack, "\n".join(f"Approve the budget of team number {n} this week." for n in range(45)))
    (held,) = values(answer["blocks"], "show_all")
    p.send(service, p.click("show_all", held, response_url=slack.hook("click")))
    view = slack.wait("views.open")[-1].args["view"]
    p.send(service, p.click("page:last", values(view["blocks"], "page:last")[0], view=view))
    view = slack.wait("views.update")[-1].args["view"]
    value = values(view["blocks"], "correct:leadership")[-1]
    p.send(service, p.click("correct:leadership", value, view=view))
    redrawn = slack.wait("views.update", 2)[-1].args["view"]
    assert [text for _, text, _ in quotes(redrawn["blocks"])] == [text for _, text, _ in quotes(view["blocks"])]
    assert "Kept as a correction: leadership" in shown(redrawn)
    text = "Approve the budget of team number 44 this week."
    assert rows(database, value) == [(text, "leadership", label_of_the_model(service, text))]


@pytest.mark.parametrize("label", ["boss", "", "LEADERSHIP"])
def test_an_unknown_label_is_refused(service: httpx.Client, slack: FakeSlack, database: Path, label: str) -> None:
    value = values(answered(service, slack, "Prepare the annual budget.")["blocks"], "correct:neither")[0]
    p.send(service, p.click(f"correct:{label}", value, response_url=slack.hook("click")))
    assert "The label is none of" in shown(slack.wait("hook", 2)[-1].args)
    assert rows(database, value) == []


@pytest.mark.parametrize("value", ["", ":", "x", "x:1", "{held}:99", "{held}:-1", "{held}:x", "{held}:²", "{held}"])
def test_a_value_that_names_no_sentence_is_refused(service: httpx.Client, slack: FakeSlack, value: str) -> None:
    held = values(answered(service, slack, "Prepare the annual budget.")["blocks"], "share")[0]
    p.send(service, p.click("correct:neither", value.replace("{held}", held), response_url=slack.hook("click")))
    assert "no longer kept" in shown(slack.wait("hook", 2)[-1].args)


def test_the_same_click_sent_twice_is_kept_once(service: httpx.Client, slack: FakeSlack, database: Path) -> None:
    value = values(answered(service, slack, "Prepare the annual budget.")["blocks"], "correct:neither")[0]
    body = p.click("correct:neither", value, response_url=slack.hook("click"))
    for _ in range(3):
        p.send(service, body)
    slack.wait("hook", 2)
    assert len(rows(database, value)) == 1


def test_a_thank_you_that_cannot_be_shown_does_not_lose_the_correction(service: httpx.Client, slack: FakeSlack, database: Path) -> None:
    value = values(answered(service, slack, "Prepare the annual budget.")["blocks"], "correct:neither")[0]
    slack.fail("hook", Failure(404))
    p.send(service, p.click("correct:neither", value, response_url=slack.hook("click")))
    slack.wait("chat.postEphemeral")
    assert len(rows(database, value)) == 1
