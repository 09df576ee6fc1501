"""A word that nobody else uses goes through every route, in every way that works or fails, and is looked for afterwards."""

import gzip
import http.client
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.service import documents as made
from tests.service.running import Running, running, until

CANARY = "quagglewump"
TEXT = f"We plan the {CANARY} budget of the {CANARY} team and monitor it every week."


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Take traces as an OpenTelemetry collector would."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            bodies.append(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", bodies
        server.shutdown()
        thread.join()


def ask_everything(client: httpx.Client) -> list[httpx.Response]:
    """Send the canary wherever something can be sent; return the answers that must not hold it."""
    good = [
        client.post("/v1/tag", json={"text": TEXT, "id": CANARY, "include": ["evidence"]}),
        client.post("/v1/tag", json={"text": TEXT, "unit": "sentence", "threshold": 0.3}),
        client.post("/v1/tag/batch", json={"documents": [{"text": TEXT}] * 3}, headers={"accept": "application/x-ndjson"}),
        *(
            client.post("/v1/tag/file", files={"file": (f"{CANARY}.{kind}", content)}, data={"include": "text"})
            for kind, content in {
                "txt": TEXT.encode(),
                # Over the size from which uploads usually go to disk.
                "html": f"<html><head><style>{CANARY * 150_000}</style></head><body><p>{TEXT}</p></body></html>".encode(),
                "csv": f"id,text\n1,{TEXT}\n".encode(),
                "eml": made.as_eml().replace(b"Ana", CANARY.encode()),
                "rtf": f"{{\\rtf1 {TEXT}}}".encode(),
            }.items()
        ),
    ]
    assert {answer.status_code for answer in good} == {200}
    assert all(CANARY in answer.text for answer in good)
    huge = TEXT * 20_000
    return [
        client.post("/v1/tag", json={"text": huge}),
        client.post("/v1/tag", json={"text": (TEXT + " ") * 10_001}),
        client.post("/v1/tag", json={"text": [TEXT], TEXT: TEXT, "id": {CANARY: 1}}),
        client.post(
            "/v1/tag", json={"text": TEXT, "kind": CANARY, "unit": CANARY, "offsets": CANARY, "include": [CANARY], "threshold": CANARY}
        ),
        client.post("/v1/tag", content=f'{{"text": "{TEXT}'.encode()),
        client.post("/v1/tag", content=TEXT.encode()),
        client.post("/v1/tag", content=TEXT.encode() * 80_000),
        client.post("/v1/tag", json=TEXT, headers={"content-type": f"text/{CANARY}"}),
        client.post("/v1/tag", json={"text": TEXT}, headers={"content-encoding": CANARY}),
        client.post("/v1/tag", json=TEXT, headers={"x-request-id": f"{CANARY} {CANARY}", "traceparent": CANARY}),
        client.post("/v1/tag/batch", json={"documents": TEXT}),
        client.post("/v1/tag/batch", json={"documents": [TEXT, {TEXT: 1}, {"text": 1, "id": "x"}, {"text": huge}]}),
        client.post("/v1/tag/batch", json={"documents": [{"text": TEXT}] * 101}),
        client.post("/v1/tag/file", files={"file": (CANARY, b"\x89PNG" + TEXT.encode() + b"\x00" * 99)}),
        client.post("/v1/tag/file", files={"file": (CANARY, TEXT.encode() * 30_000)}),
        client.post("/v1/tag/file", files={"file": (CANARY, b"%PDF-1.7" + TEXT.encode())}),
        client.post("/v1/tag/file", files={"file": (CANARY, b"PK\x03\x04" + TEXT.encode())}),
        client.post("/v1/tag/file", files={"file": (f"{CANARY}.jsonl", b"{" + TEXT.encode())}),
        client.post("/v1/tag/file", files={"file": (f"{CANARY}.csv", f'a,b\n"{TEXT}'.encode())}),
        client.post("/v1/tag/file", files={CANARY: (CANARY, TEXT.encode())}, data={CANARY: CANARY}),
        client.post("/v1/tag/file", files={"file": (CANARY, TEXT.encode())}, data={"kind": CANARY, "id": CANARY * 100}),
        client.post("/v1/tag/file", content=TEXT.encode(), headers={"content-type": f"multipart/form-data; boundary={CANARY}"}),
        client.get(f"/{CANARY}"),
        client.get(f"/v1/model?{CANARY}={CANARY}"),
        client.get(f"/v1/contrasts/{CANARY}"),
        client.request(CANARY.upper(), "/v1/tag"),
        client.put("/v1/tag", content=TEXT.encode()),
        client.get("/healthz", headers={"x-forwarded-for": CANARY, "authorization": f"Bearer {CANARY}", CANARY: CANARY, "cookie": CANARY}),
        client.get("/readyz", params={"q": TEXT}),
        client.post("/v1/admin/reload", content=TEXT.encode()),
        client.get("/openapi.json", params={"q": TEXT}),
        client.get("/docs", params={"q": TEXT}),
        client.get(f"/docs/static/{CANARY}.js"),
    ]


def send_raw(service: Running) -> None:
    """Break the protocol with the canary."""
    for raw in (f"{CANARY} / HTTP/1.1\r\n\r\n", f"GET /{CANARY} HTTP/9\r\n\r\n", f"GET / HTTP/1.1\r\n{CANARY}\r\n\r\n"):
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
        connection.connect()
        connection.sock.sendall(raw.encode())
        assert CANARY.encode() not in connection.sock.recv(65536)
        connection.close()


def test_a_text_is_in_no_log_metric_trace_file_or_error(artifact_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    held: set[str] = set()
    stop = threading.Event()

    with collector() as (endpoint, traces):
        # The framework has telemetry of its own, which records paths and messages of errors; nobody may switch it on.
        monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        try:
            with running(
                artifact_folder, log_level="debug", otlp_endpoint=endpoint, queue_size="2", trusted_proxies="127.0.0.1"
            ) as service:
                watcher = threading.Thread(target=watch, args=(service, temporary, held, stop))
                watcher.start()
                with httpx.Client(base_url=service.url, timeout=60) as client:
                    answers = ask_everything(client)
                    send_raw(service)
                    metrics = client.get("/metrics").text
                until(lambda: len(service.lines("request")) > len(answers), service)
                stop.set()
                watcher.join()
                assert service.stop() == 0
                log = service.log
        finally:
            stop.set()
    for answer in answers:
        assert answer.status_code < 500
        assert CANARY not in answer.text.lower(), answer.url
        assert CANARY not in str(answer.headers).lower()
    assert "helmkeel_requests_total" in metrics
    assert CANARY not in metrics.lower()
    assert '"event":"request"' in log
    assert CANARY not in log.lower()
    assert held == set()
    sent = b"".join(traces)
    assert b"/v1/tag" in sent
    assert CANARY.encode() not in sent.lower()
    scopes = [s for body in traces for r in ExportTraceServiceRequest.FromString(body).resource_spans for s in r.scope_spans]
    assert {s.scope.name for s in scopes} == {"helmkeel"}
    spans = [span for s in scopes for span in s.spans]
    assert {span.name for span in spans} >= {"POST /v1/tag", "POST /v1/tag/batch", "POST /v1/tag/file", "GET unmatched"}
    assert all(json.loads(line)["request_id"] for line in log.splitlines() if '"event": "request"' in line)


def watch(service: Running, temporary: Path, held: set[str], stop: threading.Event) -> None:
    """Note every file on a disk that any of the processes has open for writing, and every file in the folder for temporary ones."""
    while not stop.is_set():
        held.update(str(path) for path in temporary.rglob("*"))
        for pid in (service.process.pid, *service.workers()):
            for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
                try:
                    target = descriptor.readlink()
                    flags = Path(f"/proc/{pid}/fdinfo/{descriptor.name}").read_text().split("flags:")[1].split()[0]
                except OSError:
                    continue
                writable = int(flags, 8) & (os.O_WRONLY | os.O_RDWR)
                if writable and str(target).startswith("/") and target != service.log_path and not str(target).startswith("/dev/"):
                    held.add(str(target))
        stop.wait(0.005)
