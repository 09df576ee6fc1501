"""What people do in Slack, as signed requests to the running service, and what they then see."""

import csv
import io
import json
import logging
import time
from pathlib import Path

import httpx
import pytest

from model.contrasts import Contrasts
from service.settings import ROOT, Settings
from tests.service import documents as made
from tests.service.slack import payloads as p
from tests.service.slack.fake import PATIENCE, TOKEN, Failure, FakeSlack
from tests.service.slack.limits import Json, texts

NAMED: list[str] = []
TEXT = "Supervise six clerks and approve their leave.\nBuild trust across the departments.\nWe are in Leeds today."


def shown(message: Json) -> str:
    return "\n".join("".join(texts(block)) for block in message["blocks"])


def quotes(blocks: list[Json]) -> list[tuple[str, str, list[str]]]:
    """The sentences of an answer: label, text, words in bold."""
    found = []
    for block in blocks:
        parts = {part["type"]: part["elements"] for part in block["elements"]} if block["type"] == "rich_text" else {}
        if quote := parts.get("rich_text_quote"):
            label = parts["rich_text_section"][1]["text"]
            found.append((label, "".join(e["text"] for e in quote), [e["text"] for e in quote if e.get("style", {}).get("bold")]))
    return found


def values(blocks: list[Json], action_id: str) -> list[str]:
    return [e["value"] for b in blocks if b["type"] == "actions" for e in b["elements"] if e["action_id"] == action_id]


def answered(service: httpx.Client, slack: FakeSlack, text: str, name: str = "one") -> Json:
    """Send a command; return the answer."""
    assert p.send(service, p.command(text, slack.hook(name))).status_code == 200
    return slack.wait("hook", until=lambda args: args["hook"] == name)[-1].args


def test_a_command_is_answered_in_private_with_the_tags_of_the_api(service: httpx.Client, slack: FakeSlack) -> None:
    response = p.send(service, p.command(TEXT, slack.hook("one")))
    assert (response.status_code, response.text) == (200, "")
    (call,) = slack.wait("hook")
    assert call.args["response_type"] == "ephemeral"
    assert call.args["unfurl_links"] is call.args["unfurl_media"] is False
    expected = service.post("/v1/tag", json={"text": TEXT, "include": ["evidence"]}).json()
    found = quotes(call.args["blocks"])
    assert [(label.lower(), text) for label, text, _ in found] == [(s["label"], s["text"]) for s in expected["sentences"]]
    for (_, _, bold), sentence in zip(found, expected["sentences"], strict=True):
        assert bool(bold) is (sentence["label"] != "neither")
        assert set(bold) <= {e["text"] for e in sentence["evidence"]}
    assert expected["model"]["sha256"][:8] in shown(call.args)


def test_the_contrast_is_in_the_words_of_the_document(service: httpx.Client, slack: FakeSlack) -> None:
    message = shown(answered(service, slack, "Prepare the annual budget and the staffing plan for each of the teams."))
    contrasts = Contrasts.model_validate(service.get("/v1/contrasts").json())
    assert any(
        contrast.leadership.statements[0].text in message and contrast.management.statements[0].text in message
        for contrast in contrasts.contrasts
    )


@pytest.mark.parametrize("text", ["", "  ", "help", "HELP"])
def test_a_command_without_text_explains_itself_at_once(service: httpx.Client, slack: FakeSlack, text: str) -> None:
    answer = p.send(service, p.command(text, slack.hook("one"))).json()
    assert answer["response_type"] == "ephemeral"
    assert "/helmkeel" in shown(answer)


def test_a_text_with_the_word_payload_is_no_payload(service: httpx.Client, slack: FakeSlack) -> None:
    ((_, text, _),) = quotes(answered(service, slack, "Reduce the payload=heavy budget of the team & its plan")["blocks"])
    assert text == "Reduce the payload=heavy budget of the team & its plan"


def test_what_is_too_short_or_in_another_language_is_told(service: httpx.Client, slack: FakeSlack) -> None:
    assert "no sentence of three words" in shown(answered(service, slack, "Budget"))
    french = "Le directeur prépare le budget de l'année prochaine. Il surveille les dépenses du service et contrôle le calendrier."
    assert "it reads English" in shown(answered(service, slack, french, "two"))


def test_the_shortcut_tags_a_message_with_its_markup_undone(service: httpx.Client, slack: FakeSlack) -> None:
    text = "<@U0BOB> please *prepare* the &lt;draft&gt; budget for <#C1|finance> &amp; <https://example.org/plan|the plan> <!here>"
    p.send(service, p.shortcut("tag_message", p.message(text), slack.hook("one")))
    (call,) = slack.wait("hook")
    ((_, text, _),) = quotes(call.args["blocks"])
    assert text == "@someone please *prepare* the <draft> budget for #finance & the plan @here"


def test_the_shortcut_tags_the_files_of_a_message(service: httpx.Client, slack: FakeSlack) -> None:
    files = [slack.add_file("plan.docx", made.ALL_KINDS["docx"]()), slack.add_file("picture.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")]
    p.send(service, p.shortcut("tag_message", p.message("Approve the leave of the clerks.", files=files), slack.hook("one")))
    message, document, refusal = (call.args for call in slack.wait("hook", 3))
    assert [call.token for call in slack.of("hook")] == [None] * 3
    assert "Approve the leave" in shown(message)
    assert "plan.docx" in shown(document)
    expected = service.post("/v1/tag/file", files={"file": ("plan.docx", made.ALL_KINDS["docx"]())}).json()
    assert f"{expected['counts']['sentences']} sentences" in shown(document)
    assert "none of the kinds" in shown(refusal)
    assert "Request " in shown(refusal)


@pytest.mark.parametrize("kind", sorted(made.ALL_KINDS))
def test_every_kind_of_file_is_read(service: httpx.Client, slack: FakeSlack, kind: str) -> None:
    content = made.ALL_KINDS[kind]()
    p.send(service, p.shortcut("tag_message", p.message("", files=[slack.add_file(f"it.{kind}", content)]), slack.hook("one")))
    (call,) = slack.wait("hook")
    expected = service.post("/v1/tag/file", files={"file": (f"it.{kind}", content)}).json()
    assert call.args["text"].startswith(("Leadership", "Management", "Mixed", "Neither", "Too little"))
    assert f" {expected['counts']['sentences']} sentences: " in call.args["text"]


def test_more_files_than_there_are_posts_are_named(service: httpx.Client, slack: FakeSlack) -> None:
    files = [slack.add_file(f"{n}.txt", b"Plan the budget of the team.") for n in range(6)]
    p.send(service, p.shortcut("tag_message", p.message("", files=files), slack.hook("one")))
    assert "3 more files" in shown(slack.wait("hook", 4)[-1].args)


def test_a_file_is_fetched_with_the_token_from_slack_alone(service: httpx.Client, slack: FakeSlack) -> None:
    outside = slack.add_file("a.txt", b"Plan the budget.") | {"url_private_download": "https://evil.example/a.txt"}
    p.send(service, p.shortcut("tag_message", p.message("", files=[outside]), slack.hook("one")))
    assert "outside Slack" in shown(slack.wait("hook")[-1].args)
    huge = slack.add_file("b.txt", b"x") | {"size": 10_000_001}
    p.send(service, p.shortcut("tag_message", p.message("", files=[huge]), slack.hook("two")))
    assert "larger than 10,000,000 bytes" in shown(slack.wait("hook", 2)[-1].args)
    lying = slack.add_file("c.txt", b"x" * 10_000_001) | {"size": 1}
    p.send(service, p.shortcut("tag_message", p.message("", files=[lying]), slack.hook("three")))
    assert "larger than 10,000,000 bytes" in shown(slack.wait("hook", 3)[-1].args)


def test_a_file_the_app_may_not_read_is_told(service: httpx.Client, slack: FakeSlack) -> None:
    file = slack.add_file("a.txt", b"Plan the budget.")
    slack.fail("file", Failure(403), Failure(hang_up=True), Failure(302, (("location", "https://evil.example/"),)))
    slack.tokens.clear()
    for number, expected in enumerate(("status 403", "could not be fetched", "status 302", "asked to sign in"), start=1):
        p.send(service, p.shortcut("tag_message", p.message("", files=[file]), slack.hook(str(number))))
        assert expected in shown(slack.wait("hook", number)[-1].args)


def thread(slack: FakeSlack, extra: int = 0) -> str:
    """Put a thread into the channel, by people nobody has seen before; returns its time stamp."""
    root = "1760000000.000100"
    ana, bob = (f"U{len(NAMED)}{name}" for name in ("ANA", "BOB"))
    NAMED.extend([ana, bob])
    slack.users = {
        ana: {"id": ana, "profile": {"display_name": "Ana", "real_name": "Ana Lima"}},
        bob: {"id": bob, "profile": {"display_name": "", "real_name": "Bob *O'Neil*"}},
    }
    messages = [
        p.message("Prepare the annual budget and report the figures to the board each month.", root, ana, thread_ts=root),
        p.message("Let's win people over to a new direction.\n• listen to what they hope for", "1760000000.000200", bob, thread_ts=root),
        p.message("```\nx = plan()\n", "1760000000.000300", ana, thread_ts=root),
        p.message(f"<@{bob}> coach them to find their own answers", "1760000000.000400", "U0GONE", thread_ts=root),
        p.message("Build passed", "1760000000.000500", "UAPP", bot_id="B9", subtype="bot_message", thread_ts=root),
        *(p.message("Approve the leave of the six clerks.", f"1760000001.{n:06}", ana, thread_ts=root) for n in range(extra)),
        p.message("<@UBOT>", "1760000000.000900", ana, thread_ts=root),
    ]
    slack.threads[f"{p.CHANNEL}/{root}"] = messages
    return root


def test_the_shortcut_tags_a_thread_with_shares_per_speaker(service: httpx.Client, slack: FakeSlack) -> None:
    root = thread(slack)
    reply = p.message("x", "1760000000.000200", "U0BOB", thread_ts=root)
    p.send(service, p.shortcut("tag_thread", reply, slack.hook("one")))
    (call,) = slack.wait("hook")
    message = shown(call.args)
    for name, number in (("Ana", 0), ("Bob *O'Neil*", 1)):
        said = service.post("/v1/tag", json={"text": slack.threads[f"{p.CHANNEL}/{root}"][number]["text"]}).json()
        leadership, management = (f"{said['shares'][side]:.0%} {side}" for side in ("leadership", "management"))
        assert f"{name}: {leadership}, {management} of {said['counts']['sentences']}" in message
    assert "Member 3" in message
    assert "Left out: 1 message of apps" in message
    assert "@Bob *O'Neil* coach them to find their own answers" in [text for _, text, _ in quotes(call.args["blocks"])]
    assert {c.args["user"] for c in slack.of("users.info")} == {*NAMED[-2:], "U0GONE"}
    p.send(service, p.shortcut("tag_thread", reply, slack.hook("two")))
    slack.wait("hook", 2)
    assert len(slack.of("users.info")) == 4  # names are remembered, but for the one that could not be had


def test_a_long_thread_is_read_page_by_page_and_cut_with_a_note(service: httpx.Client, slack: FakeSlack) -> None:
    root = thread(slack, extra=1100)
    slack.fail("conversations.replies", Failure(429, (("retry-after", "0"),)))
    p.send(service, p.mention("<@UBOT>", thread_ts=root))
    (call,) = slack.wait("chat.postEphemeral")
    assert len(slack.of("conversations.replies")) == 5
    assert "only its first 1,000 messages" in shown(call.args)


def test_a_mention_in_a_thread_is_answered_there_to_one_person(service: httpx.Client, slack: FakeSlack) -> None:
    root = thread(slack)
    assert p.send(service, p.mention("<@UBOT> what do you think?", thread_ts=root)).status_code == 200
    (call,) = slack.wait("chat.postEphemeral")
    assert (call.args["channel"], call.args["user"], call.args["thread_ts"]) == (p.CHANNEL, p.USER, root)
    assert "Thread of 4 messages" in shown(call.args)
    assert not slack.of("chat.postMessage")


def test_a_mention_elsewhere_tags_what_it_comes_with(service: httpx.Client, slack: FakeSlack) -> None:
    p.send(service, p.mention("<@UBOT> Prepare the annual budget."))
    (call,) = slack.wait("chat.postEphemeral")
    assert [text for _, text, _ in quotes(call.args["blocks"])] == ["Prepare the annual budget."]
    assert "thread_ts" not in call.args
    file = slack.add_file("notes.md", (ROOT / "examples" / "minutes.md").read_bytes())
    p.send(service, p.mention("<@UBOT>", files=[file]))
    assert "notes.md" in shown(slack.wait("chat.postEphemeral", 2)[-1].args)
    p.send(service, p.mention("<@UBOT>"))
    assert "no text and no file" in shown(slack.wait("chat.postEphemeral", 3)[-1].args)


def test_a_mention_by_an_app_is_not_answered(service: httpx.Client, slack: FakeSlack) -> None:
    assert p.send(service, p.mention("<@UBOT> Plan the budget now.", bot_id="B9")).status_code == 200
    answered(service, slack, TEXT)
    assert not slack.of("chat.postEphemeral")


def test_a_channel_the_app_is_not_in_is_told(service: httpx.Client, slack: FakeSlack) -> None:
    slack.not_in.add(p.CHANNEL)
    p.send(service, p.shortcut("tag_thread", p.message("x"), slack.hook("one")))
    assert "/invite" in shown(slack.wait("hook")[-1].args)


def test_the_home_tab_explains_the_tags(service: httpx.Client, slack: FakeSlack) -> None:
    opened: Json = {"type": "app_home_opened", "user": p.USER, "channel": "D0", "tab": "home", "event_ts": "1.1"}
    p.send(service, p.event(opened))
    p.send(service, p.event(opened | {"tab": "messages"}))
    (call,) = slack.wait("views.publish")
    told = shown(call.args["view"])
    for contrast in service.get("/v1/contrasts").json()["contrasts"]:
        for side in ("leadership", "management"):
            assert all(statement["text"] in told for statement in contrast[side]["statements"])


def test_all_sentences_are_shown_page_by_page(service: httpx.Client, slack: FakeSlack) -> None:
    sentences = [f"Approve the budget of team number {n} by the end of the week." for n in range(45)]
    answer = answered(service, slack, "\n".join(sentences))
    (held,) = values(answer["blocks"], "show_all")
    assert "Show all 45" in shown(answer)
    p.send(service, p.click("show_all", held, response_url=slack.hook("click")))
    view = slack.wait("views.open")[-1].args["view"]
    seen = [text for _, text, _ in quotes(view["blocks"])]
    for turn in (1, 2):
        (to,) = values(view["blocks"], "page:next")
        p.send(service, p.click("page:next", to, view=view))
        call = slack.wait("views.update", turn)[-1]
        assert (call.args["view_id"], call.args["hash"]) == ("V0", "h0")
        view = call.args["view"]
        seen += [text for _, text, _ in quotes(view["blocks"])]
    assert seen == sentences
    assert values(view["blocks"], "page:next") == []
    assert values(view["blocks"], "page:first") == ["0"]


def test_the_table_goes_to_the_person_alone_and_holds_everything(service: httpx.Client, slack: FakeSlack) -> None:
    text = "\n".join(
        [*(f"Approve the budget of team number {n} this week." for n in range(30)), "\n=1+1 is what the plan of the team says"]
    )
    (held,) = values(answered(service, slack, text)["blocks"], "csv")
    p.send(service, p.click("csv", held, response_url=slack.hook("click")))
    slack.wait("hook", until=lambda args: args["hook"] == "click")
    assert [c.args["channel"] for c in slack.of("chat.postMessage")] == [p.USER]
    assert [c.args["channel_id"] for c in slack.of("files.completeUploadExternal")] == ["D0"]
    rows = list(csv.DictReader(io.StringIO(slack.uploads["helmkeel.csv"].decode("utf-8-sig"), newline="")))
    expected = service.post("/v1/tag", json={"text": text}).json()["sentences"]
    assert [(r["label"], float(r["leadership"]), int(r["start"])) for r in rows] == [
        (s["label"], s["scores"]["leadership"], s["start"]) for s in expected
    ]
    assert [r["text"] for r in rows][-1] == "'=1+1 is what the plan of the team says"


def test_sharing_posts_the_answer_for_all_without_buttons(service: httpx.Client, slack: FakeSlack) -> None:
    (held,) = values(answered(service, slack, TEXT)["blocks"], "share")
    p.send(service, p.click("share", held, response_url=slack.hook("click"), thread_ts="1760000000.000100"))
    (call,) = slack.wait("hook", until=lambda args: args["hook"] == "click")
    assert call.args["response_type"] == "in_channel"
    assert call.args["replace_original"] is False
    assert call.args["thread_ts"] == "1760000000.000100"
    assert not [block for block in call.args["blocks"] if block["type"] == "actions"]
    assert "Shared by ana" in shown(call.args)


def test_a_click_by_somebody_else_or_too_late_is_answered_politely(service: httpx.Client, slack: FakeSlack) -> None:
    (held,) = values(answered(service, slack, TEXT)["blocks"], "share")
    stranger = p.click("share", held, response_url=slack.hook("click")).replace(b"U0ANA", b"U0EVE")
    p.send(service, stranger)
    assert "no longer kept" in shown(slack.wait("hook", 2)[-1].args)
    p.send(service, p.click("show_all", "unknown", response_url=slack.hook("other")))
    assert "no longer kept" in shown(slack.wait("hook", 3)[-1].args)
    assert not slack.of("views.open")


def test_too_large_a_document_is_refused_in_words(service: httpx.Client, slack: FakeSlack) -> None:
    file = slack.add_file("long.txt", b"We met today. " * 10_001)
    p.send(service, p.shortcut("tag_message", p.message("", files=[file]), slack.hook("one")))
    assert "The document has 10001 sentences, the limit is 10000; send it in parts" in shown(slack.wait("hook")[-1].args)


def test_no_text_stands_in_a_log(service: httpx.Client, slack: FakeSlack, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "xylophonebudget"  # noqa: S105 -- a word to look for
    message = p.message(f"Plan the {secret} now.", files=[slack.add_file(f"{secret}.txt", secret.encode())])
    p.send(service, p.command(f"Plan the {secret} of the team.", slack.hook("one")))
    service.post("/slack/events", content=p.command(secret, slack.hook("x")), headers={"x-slack-signature": secret})
    p.send(service, p.shortcut("tag_message", message, slack.hook("two")))
    p.send(service, p.command(secret, slack.hook("three"), command=f"/{secret}"))
    p.send(service, p.click(f"unknown:{secret}", secret, response_url=slack.hook("four")))
    p.send(service, p.event({"type": "unknown", "text": secret}))
    p.send(service, json.dumps([secret]).encode())
    slack.fail("views.open", Failure(200, body={"ok": False, "error": "fatal_error", "detail": secret}))
    p.send(service, p.click("csv", "no", response_url=slack.hook("five")))
    slack.wait("hook", 5)
    deadline = time.monotonic() + PATIENCE
    while caplog.text.count(" done") < 3:
        assert time.monotonic() < deadline, caplog.text
        time.sleep(0.01)
    logged = caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    assert secret not in logged
    assert TOKEN not in logged
    assert "kind=command done" in caplog.text


def test_no_text_is_left_on_disk_unless_it_was_sent_to_be_kept(service: httpx.Client, slack: FakeSlack, settings: Settings) -> None:
    folder = Path(settings.database.get_secret_value().removeprefix("sqlite:///")).parent
    answer = answered(service, slack, "Plan the xylophonebudget of the team this week.\nTrust the marimbapeople to find their own way.")
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"xylophonebudget" not in kept
    (_, second) = values(answer["blocks"], "correct:neither")
    p.send(service, p.click("correct:neither", second, response_url=slack.hook("click")))
    slack.wait("hook", 2)
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"marimbapeople" in kept
    assert b"xylophonebudget" not in kept
    assert p.USER.encode() not in kept
