import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from service.client import AsyncClient, Client, ServiceError
from service.schemas import BatchDocument, ItemError, TagResponse
from tests.service import documents as made

BUDGET = "Prepare the annual budget."


@pytest.fixture
def ours(client: httpx.Client) -> Iterator[Client]:
    with Client(str(client.base_url)) as made_client:
        yield made_client


def test_a_document(ours: Client) -> None:
    answer = ours.tag(BUDGET, id="7", include=["evidence"])
    assert answer.id == "7"
    assert [s.label for s in answer.sentences] == ["management"]
    assert answer.sentences[0].evidence


def test_a_batch_keeps_its_order_and_tells_what_failed(ours: Client) -> None:
    documents = [
        BatchDocument(id="a", text=BUDGET),
        BatchDocument(id="b", text="x" * 1_000_001),
        BatchDocument(text="We are in Leeds now."),
    ]
    first, second, third = ours.tag_batch(documents)
    assert isinstance(first, TagResponse)
    assert (first.id, first.counts.management) == ("a", 1)
    assert isinstance(second, ItemError)
    assert (second.id, second.error.code) == ("b", "text_too_large")
    assert isinstance(third, TagResponse)
    assert third.id is None


def test_a_file(ours: Client) -> None:
    answer = ours.tag_file(made.as_docx(), "minutes.docx", id="f", include=["text"])
    assert answer.source is not None
    assert (answer.id, answer.source.name, answer.source.kind) == ("f", "minutes.docx", "docx")
    assert answer.text is not None


def test_model_and_contrasts(ours: Client) -> None:
    assert ours.model().limits.text_bytes == 1_000_000
    assert len(ours.contrasts().contrasts) == 11


def test_a_refusal_names_the_code(ours: Client) -> None:
    with pytest.raises(ServiceError, match="text_too_large") as refused:
        ours.tag("x" * 1_000_001)
    assert refused.value.problem.limit == 1_000_000


def test_without_blocking(client: httpx.Client) -> None:
    async def ask() -> None:
        async with AsyncClient(str(client.base_url)) as ours:
            answer, results, read, model, contrasts = await asyncio.gather(
                ours.tag(BUDGET),
                ours.tag_batch([BatchDocument(text=BUDGET)]),
                ours.tag_file(made.as_markdown(), "minutes.md"),
                ours.model(),
                ours.contrasts(),
            )
            assert isinstance(results[0], TagResponse)
            assert answer.sentences == results[0].sentences
            assert read.source is not None
            assert model.sha256 == answer.model.sha256
            assert len(contrasts.concepts) == 9
            with pytest.raises(ServiceError, match="text_too_large"):
                await ours.tag("x" * 1_000_001)

    asyncio.run(ask())


@contextmanager
def answering(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Give the answers one after another, the last for ever, and the headers of the requests."""
    asked: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            status, headers, body = answers[min(len(asked), len(answers) - 1)]
            asked.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def test_a_busy_service_is_asked_again_when_it_says(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("httpx_retries.retry.time.sleep", waits.append)
    good = client.post("/v1/tag", json={"text": BUDGET}).content
    busy = (429, {"retry-after": "7"}, b"{}")
    with answering(busy, busy, (200, {}, good)) as (url, asked), Client(url, api_key="hk_secret") as ours:
        assert ours.tag(BUDGET).counts.management == 1
    assert [wait for wait in waits if wait] == [7, 7]
    assert [headers["authorization"] for headers in asked] == ["Bearer hk_secret"] * 3


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("httpx_retries.retry.time.sleep", lambda seconds: None)
    problem = b'{"title": "Too Many Requests", "status": 429, "code": "busy", "detail": "later"}'
    answers = answering((429, {"x-request-id": "r-1"}, problem))
    with answers as (url, asked), Client(url, retries=2) as ours, pytest.raises(ServiceError, match="busy") as refused:
        ours.tag(BUDGET)
    assert len(asked) == 3
    assert (refused.value.code, refused.value.request_id) == ("busy", "r-1")


@pytest.mark.parametrize("status", [200, 404])
def test_something_else_that_answers(status: int) -> None:
    answers = answering((status, {}, b"<html>secretword</html>"))
    with answers as (url, _), Client(url) as ours, pytest.raises(ServiceError, match="unexpected_answer") as refused:
        ours.tag(BUDGET)
    assert "secretword" not in str(refused.value)


def test_nobody_there() -> None:
    with Client("http://127.0.0.1:9", retries=0) as ours, pytest.raises(httpx.TransportError):
        ours.model()
