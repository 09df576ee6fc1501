"""Acknowledged at once, answered once, and delivered even where Slack fails."""

import asyncio
import threading
import time
from collections.abc import Callable

import httpx
import pytest

from service.settings import ROOT
from service.slack import reply, work
from tests.service.slack import payloads as p
from tests.service.slack.fake import Failure, FakeSlack
from tests.service.slack.test_scenarios import TEXT, answered, shown, thread, values


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reply, "BACK_OFF", (0.02, 0.04, 0.06, 0.08))


def test_two_hundred_commands_at_once_are_all_acknowledged_and_answered(service: httpx.Client, slack: FakeSlack) -> None:
    """Whether within the three seconds that Slack waits is for `make benchmark-slack` to say, on a quiet machine."""
    text = (ROOT / "examples" / "job-description.txt").read_text()[:3000]
    bodies = [p.command(text, slack.hook(str(n))) for n in range(200)]
    assert service.base_url.port
    assert len(asyncio.run(p.send_at_once(service.base_url.port, bodies))) == 200
    assert {call.args["hook"] for call in slack.wait("hook", 200)} == {str(n) for n in range(200)}


def test_the_largest_document_is_acknowledged_before_it_is_read(service: httpx.Client, slack: FakeSlack) -> None:
    slack.fail("file", Failure(wait=0.5))
    file = slack.add_file("long.txt", b"We plan the budget of the team and we met again today. " * 9_000)
    response = p.send(service, p.shortcut("tag_message", p.message("", files=[file]), slack.hook("one")))
    assert response.status_code == 200
    assert not slack.of("hook")
    assert "9,000" in shown(slack.wait("hook")[-1].args)


@pytest.mark.parametrize("reason", ["http_timeout", "http_error"])
def test_what_slack_sends_again_is_answered_once(service: httpx.Client, slack: FakeSlack, reason: str) -> None:
    root = thread(slack)
    body = p.mention("<@UBOT>", thread_ts=root)
    for number in range(4):
        headers = {"x_slack_retry_num": str(number), "x_slack_retry_reason": reason} if number else {}
        assert p.send(service, body, **headers).status_code == 200
    slack.wait("chat.postEphemeral")
    p.send(service, p.mention("<@UBOT>", thread_ts=root))
    slack.wait("chat.postEphemeral", 2)
    assert len(slack.of("chat.postEphemeral")) == 2


@pytest.mark.parametrize(
    "failures",
    [
        [Failure(500)],
        [Failure(503), Failure(502), Failure(500)],
        [Failure(429, (("retry-after", "0"),))],
        [Failure(hang_up=True)],
        [Failure(hang_up=True), Failure(500), Failure(429), Failure(hang_up=True)],
    ],
)
def test_an_answer_is_sent_again_until_slack_takes_it(service: httpx.Client, slack: FakeSlack, failures: list[Failure]) -> None:
    slack.fail("hook", *failures)
    assert "Supervise" in shown(answered(service, slack, TEXT))
    assert len(slack.of("failed hook")) == len(failures)


def test_as_long_as_slack_asks_to_wait_is_waited(service: httpx.Client, slack: FakeSlack) -> None:
    slack.fail("hook", Failure(429, (("retry-after", "1"),)))
    answered(service, slack, TEXT)
    assert slack.of("hook")[0].at - slack.of("failed hook")[0].at >= 1


def test_a_slow_slack_is_tried_again(service: httpx.Client, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reply, "SECONDS", 0.2)
    slack.fail("hook", Failure(wait=1.0))
    answered(service, slack, TEXT)
    slack.wait("hook", 2)  # the slow one arrives as well; it was posted, and nobody waited for the answer


@pytest.mark.parametrize(
    ("failures", "tries"),
    [([Failure(500)] * 5, 5), ([Failure(404)], 1), ([Failure(403)], 1), ([Failure(429, (("retry-after", "1801"),))], 1)],
)
def test_after_five_posts_or_half_an_hour_the_answer_goes_another_way(
    service: httpx.Client, slack: FakeSlack, failures: list[Failure], tries: int
) -> None:
    slack.fail("hook", *failures)
    p.send(service, p.command(TEXT, slack.hook("one")))
    (call,) = slack.wait("chat.postEphemeral")
    assert (call.args["channel"], call.args["user"]) == (p.CHANNEL, p.USER)
    assert "Supervise" in shown(call.args)
    assert len(slack.of("failed hook")) == tries


def test_what_could_not_be_shared_is_told_to_the_sharer_alone(service: httpx.Client, slack: FakeSlack) -> None:
    (held,) = values(answered(service, slack, TEXT)["blocks"], "share")
    slack.fail("hook", Failure(404))
    p.send(service, p.click("share", held, response_url=slack.hook("click")))
    (call,) = slack.wait("chat.postEphemeral")
    assert "nothing was shared" in shown(call.args)
    assert "Supervise" not in shown(call.args)


def test_where_there_is_no_way_left_nothing_breaks(service: httpx.Client, slack: FakeSlack) -> None:
    slack.fail("hook", Failure(404))
    slack.not_in.add(p.CHANNEL)
    p.send(service, p.command(TEXT, slack.hook("one")))
    slack.wait("chat.postEphemeral")
    assert "Supervise" in shown(answered(service, slack, TEXT, "two"))


@pytest.mark.parametrize("failures", [[Failure(500)], [Failure(hang_up=True)], [Failure(429, (("retry-after", "0"),)), Failure(503)]])
def test_calls_of_the_web_api_are_tried_again(service: httpx.Client, slack: FakeSlack, failures: list[Failure]) -> None:
    slack.fail("chat.postEphemeral", *failures)
    p.send(service, p.mention("<@UBOT> Prepare the annual budget."))
    slack.wait("chat.postEphemeral")


def test_an_error_is_told_with_a_number_that_stands_in_the_log(
    service: httpx.Client, slack: FakeSlack, caplog: pytest.LogCaptureFixture
) -> None:
    slack.fail("views.open", Failure(200, body={"ok": False, "error": "fatal_error"}))
    (held,) = values(answered(service, slack, "Approve the budget of the team.\n" * 9)["blocks"], "show_all")
    p.send(service, p.click("show_all", held, response_url=slack.hook("click")))
    (call,) = slack.wait("hook", until=lambda args: args["hook"] == "click")
    told = shown(call.args)
    assert "Slack refused what I wanted to do (fatal_error)" in told
    assert f"request={told.rpartition('Request ')[2]} kind=show_all failed: SlackApiError(fatal_error)" in caplog.text


def test_a_window_that_opens_too_late_is_told(service: httpx.Client, slack: FakeSlack) -> None:
    slack.fail("views.open", Failure(200, body={"ok": False, "error": "expired_trigger_id"}))
    (held,) = values(answered(service, slack, "Approve the budget of the team.\n" * 9)["blocks"], "show_all")
    p.send(service, p.click("show_all", held, response_url=slack.hook("click")))
    assert "three seconds" in shown(slack.wait("hook", 2)[-1].args)


def test_too_much_work_is_refused_politely_and_may_come_again(
    service: httpx.Client, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(self: work.Work, job: Callable[[], None], *, quick: bool = False) -> None:
        raise work.BusyError

    body = p.mention("<@UBOT> Prepare the annual budget.")
    with monkeypatch.context() as patch:
        patch.setattr(work.Work, "submit", busy)
        assert "hands full" in p.send(service, p.command(TEXT, slack.hook("one"))).json()["text"]
        assert p.send(service, body).status_code == 503
    assert p.send(service, body, x_slack_retry_num="1").status_code == 200
    slack.wait("chat.postEphemeral")


def test_work_is_bounded_and_finished_before_the_end() -> None:
    pool, gate, done = work.Work(), threading.Event(), []

    def job() -> None:
        gate.wait()
        done.append(1)

    for _ in range(work.WAITING):
        pool.submit(job)
    with pytest.raises(work.BusyError):
        pool.submit(job)
    pool.later(60, job)
    gate.set()
    began = time.monotonic()
    pool.close()
    assert len(done) == work.WAITING
    assert time.monotonic() - began < 60
    with pytest.raises(work.BusyError):
        pool.submit(job)


def test_what_was_put_off_is_done_in_its_time() -> None:
    pool, done, ended = work.Work(), list[str](), threading.Event()

    def second() -> None:
        done.append("second")
        ended.set()

    pool.later(0.3, second)
    pool.later(0.0, lambda: done.append("first"))
    assert ended.wait(30)
    assert done == ["first", "second"]
    pool.close()


def test_no_job_begins_while_something_is_acknowledged() -> None:
    pool, done = work.Work(), list[str]()
    with pool.acknowledging():
        pool.submit(lambda: done.append("job"))
        done.append("acknowledged")
    pool.close()
    assert done == ["acknowledged", "job"]
