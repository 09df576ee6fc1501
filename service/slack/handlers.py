"""What happens on each command, shortcut, event and click: acknowledged at once, worked on afterwards, answered in private."""

import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from slack_bolt import Ack, App, BoltContext, BoltResponse
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from model.contrasts import Contrasts
from model.labels import Label
from model.layout import TextKind
from service.feedback import FeedbackStore, UnknownLabelError
from service.problems import ProblemError
from service.readers import FileText, ReaderError
from service.schemas import TagResponse
from service.slack import blocks as b
from service.slack import home, messages
from service.slack.config import SlackConfig
from service.slack.export import csv_of
from service.slack.held import Answers, Held
from service.slack.quiet import LOG, code, failure, name
from service.slack.reading import Names, Refusal, message_text, plain, read_attachment, read_thread
from service.slack.reply import Direct, Ephemeral, Reply, ResponseUrl
from service.slack.threads import joined
from service.slack.work import BusyError, Work

Tag = Callable[[str, TextKind], TagResponse]
"""Tags a text, evidence included. Raises ProblemError where the service refuses it."""

DOCUMENTS: Final = 3
"""Documents of one message that are answered: each answer takes one of the five posts Slack takes."""
BUSY: Final = "Helmkeel has its hands full at the moment; please try again in a minute."
EXPIRED: Final = "This answer is no longer kept: that is done for an hour at most. Tag the text again, please."
_SLACK_SAYS: Final = {
    "not_in_channel": "I am not in this conversation. Invite me with /invite, then try again.",
    "channel_not_found": "I am not in this conversation. Invite me with /invite, then try again.",
    "thread_not_found": "I cannot find this thread; perhaps it was deleted.",
    "missing_scope": "I lack a permission for this. An administrator can install the app again from its current manifest.",
    "ratelimited": "Slack asks me to slow down. Please try again in a minute.",
    "expired_trigger_id": "Slack allows three seconds to open a window, and they were over. Please press the button again.",
    "file_not_found": "The file is no longer in Slack.",
}


@dataclass(frozen=True)
class Request:
    """One thing a user asked for.

    Attributes:
        id: told to the user with an error, and found in the log.
        kind: of request, for the log.
    """

    id: str
    kind: str
    team: str
    user: str
    user_name: str
    client: WebClient
    reply: Reply


Job = Callable[[Request], None]


class Handlers:
    """The listeners of the app."""

    def __init__(
        self,
        config: SlackConfig,
        tag: Tag,
        contrasts: Callable[[], Contrasts],
        feedback: FeedbackStore,
        work: Work,
        *,
        max_file_bytes: int,
        forget: Callable[[str | None, str | None], None],
    ) -> None:
        self._config = config
        self._tag = tag
        self._contrasts = contrasts
        self._feedback = feedback
        self._work = work
        self._max_file_bytes = max_file_bytes
        self._forget = forget
        self._answers = Answers()
        self._names = Names()

    def register(self, app: App) -> None:
        """Tell bolt which listener is for what."""
        app.command(re.compile("^/"))(self.command)
        app.message_shortcut("tag_message")(self.tag_message)
        app.message_shortcut("tag_thread")(self.tag_thread)
        app.event("app_mention")(self.mention)
        app.event("app_home_opened")(self.open_home)
        app.event("app_uninstalled")(self.uninstalled)
        app.event("tokens_revoked")(self.revoked)
        app.action("show_all")(self.show_all)
        app.action(re.compile("^page:"))(self.turn_page)
        app.action(re.compile("^correct:"))(self.correct)
        app.action("csv")(self.send_table)
        app.action("share")(self.share)

    # What users start from.

    def command(self, ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext) -> BoltResponse:
        """`/helmkeel TEXT` tags the text; without one, or with `help`, it explains itself."""
        text = plain(body.get("text") or "").strip()
        if text.lower() in {"", "help"}:
            message = home.usage()
            return ack(text=message.text, blocks=message.blocks, response_type="ephemeral")
        request = self._request("command", body, client, context)
        if not self._start(request, lambda request: self._answer(request, "Your text", self._tag(text, TextKind.AUTO))):
            return ack(text=BUSY, response_type="ephemeral")
        return ack()

    def tag_message(self, ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext) -> BoltResponse:
        """The shortcut of a message: its text and its files."""
        request = self._request("tag_message", body, client, context)
        return self._acknowledged(ack, self._start(request, lambda request: self._tag_documents(request, body["message"])))

    def tag_thread(self, ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext) -> BoltResponse:
        """The shortcut for the thread that a message is in."""
        message = body["message"]
        root = message.get("thread_ts") or message["ts"]
        request = self._request("tag_thread", body, client, context)
        return self._acknowledged(ack, self._start(request, lambda request: self._tag_thread(request, body["channel"]["id"], root)))

    def mention(self, ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext) -> BoltResponse:
        """A mention: in a thread it asks for the thread; elsewhere, for the text and the files it comes with."""
        event = body["event"]
        if event.get("bot_id") or not event.get("user"):
            return ack()
        root = event.get("thread_ts")
        reply = Ephemeral(client, event["channel"], event["user"], root)
        request = Request(_new_id(), "mention", context.team_id or "", event["user"], "", client, reply)
        authorizations = body.get("authorizations") or [{}]
        me = authorizations[0].get("user_id") or context.bot_user_id
        own = {**event, "text": (event.get("text") or "").replace(f"<@{me}>", " ").strip()}

        def job(request: Request) -> None:
            if event.get("files") or not root:
                self._tag_documents(request, own)
            else:
                self._tag_thread(request, event["channel"], root, without=event["ts"])

        return self._acknowledged(ack, self._start(request, job))

    def open_home(self, ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext) -> BoltResponse:
        """Draw the Home tab when somebody opens it."""
        event = body["event"]
        if event.get("tab") != "home":
            return ack()
        request = Request(_new_id(), "home", context.team_id or "", event["user"], "", client, Direct(client, event["user"]))

        def job(request: Request) -> None:
            client.views_publish(user_id=request.user, view=home.home(self._contrasts()))

        return self._acknowledged(ack, self._start(request, job, quick=True))

    def uninstalled(self, ack: Ack, context: BoltContext) -> BoltResponse:
        """Forget a workspace that removed the app."""
        self._forget_workspace(context)
        return ack()

    def revoked(self, ack: Ack, body: dict[str, Any], context: BoltContext) -> BoltResponse:
        """Forget a workspace that took the bot's token back."""
        if (body["event"].get("tokens") or {}).get("bot"):
            self._forget_workspace(context)
        return ack()

    # The buttons of an answer.

    def show_all(self, ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext) -> BoltResponse:
        """Open the window with all sentences."""

        def job(request: Request) -> None:
            held = self._held(request, body["actions"][0]["value"])
            client.views_open(trigger_id=body["trigger_id"], view=messages.window(held, 0))

        return self._acknowledged(ack, self._start(self._request("show_all", body, client, context), job, quick=True))

    def turn_page(self, ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext) -> BoltResponse:
        """Show another page of the window."""
        view, to = body["view"], body["actions"][0]["value"]

        def job(request: Request) -> None:
            held = self._held(request, _place(view)[0])
            client.views_update(view_id=view["id"], hash=view.get("hash"), view=messages.window(held, int(to) if to.isdecimal() else 0))

        return self._acknowledged(ack, self._start(self._request("page", body, client, context), job, quick=True))

    def correct(self, ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext) -> BoltResponse:
        """Keep a correction of one sentence, and say thank you in its place."""
        action, view = body["actions"][0], body.get("view")
        answer_id, _, index = str(action.get("value")).partition(":")
        label = action["action_id"].partition(":")[2]

        def job(request: Request) -> None:
            held = self._held(request, answer_id)
            if not index.isdecimal() or int(index) >= len(held.answer.sentences):
                raise Refusal(EXPIRED)
            sentence, model = held.answer.sentences[int(index)], held.answer.model.sha256
            reference = f"{held.id}:{index}"
            self._feedback.add(
                text=sentence.text, label=label, given=sentence.label, model_sha256=model, source="slack", reference=reference
            )
            held.corrections[int(index)] = Label(label)
            if view:
                client.views_update(view_id=view["id"], hash=view.get("hash"), view=messages.window(held, _place(view)[1]))
            else:
                request.reply.send(messages.answer(held, self._contrasts()), replace=True)

        return self._acknowledged(ack, self._start(self._request("correct", body, client, context), job, quick=True))

    def send_table(self, ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext) -> BoltResponse:
        """Send all sentences as a CSV file, to the user's own conversation with the app."""

        def job(request: Request) -> None:
            held = self._held(request, body["actions"][0]["value"])
            message = messages.table(held)
            posted = client.chat_postMessage(channel=request.user, text=message.text, blocks=message.blocks)
            client.files_upload_v2(
                channel=posted["channel"],
                thread_ts=posted["ts"],
                content=csv_of(held.answer),
                filename="helmkeel.csv",
                title="All sentences",
            )
            request.reply.send(messages.notice("The table is in your messages with Helmkeel."))

        return self._acknowledged(ack, self._start(self._request("csv", body, client, context), job))

    def share(self, ack: Ack, body: dict[str, Any], client: WebClient, context: BoltContext) -> BoltResponse:
        """Post the answer for everybody in the channel, or in the thread that it was given in."""

        def job(request: Request) -> None:
            held = self._held(request, body["actions"][0]["value"])
            request.reply.send(messages.shared(held, self._contrasts(), request.user_name), in_channel=True)

        return self._acknowledged(ack, self._start(self._request("share", body, client, context), job, quick=True))

    # The work.

    def _tag_documents(self, request: Request, message: dict[str, Any]) -> None:
        """Answer for the text of a message and for each of its files; what fails of one does not keep the others back."""
        text, files = message_text(message), message.get("files") or []
        jobs: list[Job] = []
        if text.strip():
            jobs.append(lambda request: self._answer(request, "The message", self._tag(text, TextKind.AUTO)))
        jobs += [_with(self._tag_file, file) for file in files]
        if not jobs:
            raise Refusal("There is no text and no file in this message.")
        for job in jobs[:DOCUMENTS]:
            self._guarded(request, job)
        if len(jobs) > DOCUMENTS:
            left = b.number(len(jobs) - DOCUMENTS, "more file")
            request.reply.send(messages.notice(f"{left} of this message left out: attach them to messages of their own."))

    def _tag_file(self, request: Request, file: dict[str, Any]) -> None:
        title, read = read_attachment(request.client, file, self._config, self._max_file_bytes)
        self._answer(request, title, self._tag(read.text, read.text_kind), notes=_read_as(read))

    def _tag_thread(self, request: Request, channel: str, root: str, without: str | None = None) -> None:
        thread = read_thread(request.client, self._names, request.team, channel, root, without=without)
        if not thread.turns:
            raise Refusal("There is no message with text in this thread.")
        texts = [turn.text for turn in thread.turns]
        answer = joined([turn.speaker for turn in thread.turns], texts, [self._tag(text, TextKind.AUTO) for text in texts])
        self._answer(request, f"Thread of {b.number(len(texts), 'message')}", answer, notes=thread.notes)

    def _answer(self, request: Request, title: str, answer: TagResponse, notes: Iterable[str] = ()) -> None:
        held = Held((request.team, request.user), title, answer, tuple(notes))
        self._answers.keep(held)
        request.reply.send(messages.answer(held, self._contrasts()))

    def _forget_workspace(self, context: BoltContext) -> None:
        self._forget(context.enterprise_id, None if context.is_enterprise_install else context.team_id)

    def _held(self, request: Request, answer_id: str) -> Held:
        held = self._answers.find(answer_id, (request.team, request.user))
        if held is None:
            raise Refusal(EXPIRED)
        return held

    # Around the work.

    def _request(self, kind: str, body: dict[str, Any], client: WebClient, context: BoltContext) -> Request:
        """Describe a request that comes from a person; its answers go to its `response_url`, or else to the person's messages."""
        user = context.user_id or ""
        told = body.get("user")
        user_name = (told.get("name") or told.get("username") if isinstance(told, dict) else body.get("user_name")) or "a member"
        request_id, reply = _new_id(), Direct(client, user)
        url, channel = context.response_url, context.channel_id
        if not url or not self._config.is_of_slack(url):
            return Request(request_id, kind, context.team_id or "", user, user_name, client, reply)
        thread = (body.get("container") or {}).get("thread_ts")
        otherwise = Ephemeral(client, channel, user, thread) if channel else reply
        to_url = ResponseUrl(url, request_id, self._work, otherwise.send, thread)
        return Request(request_id, kind, context.team_id or "", user, user_name, client, to_url)

    def _start(self, request: Request, job: Job, *, quick: bool = False) -> bool:
        """Have a job done after the acknowledgement; False where too much waits."""
        try:
            self._work.submit(lambda: self._guarded(request, job), quick=quick)
        except BusyError:
            LOG.error("request=%s kind=%s refused: too much work waits", request.id, request.kind)
            return False
        return True

    def _acknowledged(self, ack: Ack, started: bool) -> BoltResponse:
        """Acknowledge; a refusal makes Slack tell the user of a click, and send an event again later."""
        return ack() if started else BoltResponse(status=503, body="")

    def _guarded(self, request: Request, job: Job) -> None:
        """Do a job; whatever goes wrong is told to the user, and logged without a word of the text."""
        began = time.monotonic()
        try:
            job(request)
        except Exception as error:
            told, expected = _polite(error)
            if expected:
                LOG.info("request=%s kind=%s refused: %s", request.id, request.kind, name(error))
            else:
                failure(request.id, request.kind, error)
            try:
                request.reply.send(messages.notice(told, request.id))
            except Exception as second:
                failure(request.id, "telling of an error", second)
        else:
            LOG.info("request=%s kind=%s done in %.0f ms", request.id, request.kind, 1000 * (time.monotonic() - began))


def _polite(error: Exception) -> tuple[str, bool]:
    """Say an error to a user, and whether it is one that is expected."""
    if isinstance(error, (Refusal, ReaderError, UnknownLabelError, ProblemError)):
        text = str(error)
        return f"{text[0].upper()}{text[1:]}", True
    if isinstance(error, SlackApiError):
        known = _SLACK_SAYS.get(code(error))
        return known or f"Slack refused what I wanted to do ({code(error)}). Please try again, or tell your administrator.", bool(known)
    return "Sorry, something went wrong on our side. Please try again; if it stays, tell your administrator the number below.", False


def _with(job: Callable[[Request, dict[str, Any]], None], file: dict[str, Any]) -> Job:
    return lambda request: job(request, file)


def _place(view: dict[str, Any]) -> tuple[str, int]:
    """Return the answer and the page that a window shows."""
    held, _, page = str(view.get("private_metadata")).partition(":")
    return held, int(page) if page.isdecimal() else 0


def _read_as(read: FileText) -> Iterable[str]:
    return (f"Read as {read.kind}.",) if read.extracted else ()


def _new_id() -> str:
    return secrets.token_hex(6)
