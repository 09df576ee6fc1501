"""Whatever is sent, the service keeps to its own description: documented statuses, problems, and never a failure of its own.

`make fuzz` runs the same with thousands of cases.
"""

import json
import os
import socket
from contextlib import suppress
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from service.problems import MEDIA_TYPE, Code

EXAMPLES = int(os.environ.get("HELMKEEL_FUZZ_EXAMPLES", "40"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
often = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize="HELMKEEL_FUZZ_EXAMPLES" not in os.environ
)
PATHS = ("/v1/tag", "/v1/tag/batch", "/v1/tag/file", "/v1/model", "/healthz", "/v1/admin/reload/x", "/docs")
TYPES = ("application/json", "multipart/form-data; boundary=x", "text/plain", "application/json; charset=utf-16", "multipart/form-data")


@pytest.fixture
def url(client: httpx.Client) -> str:
    return str(client.base_url).rstrip("/")


def test_every_route_answers_as_described(url: str) -> None:
    described = schemathesis.openapi.from_url(f"{url}/openapi.json")
    tried = set()
    for found in described.exclude(operation_id="reload").get_all_operations():  # loading a model takes seconds
        assert isinstance(found, Ok)
        operation = found.ok()

        @often
        @given(case=operation.as_strategy())
        def try_out(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(checks=CHECKS, timeout=60)

        try_out()
        tried.add(operation.path)
    assert {"/v1/tag", "/v1/tag/batch", "/v1/tag/file"} < tried


def checked(response: httpx.Response) -> None:
    assert response.status_code < 500, response.text
    assert response.headers["x-request-id"]
    if response.status_code >= 400:
        assert response.headers["content-type"] == MEDIA_TYPE
        body = response.json()
        assert body["status"] == response.status_code
        assert body["code"] in set(Code)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(["text", "id", "documents"]), inner, max_size=4)
    ),
    max_leaves=12,
)
bodies = st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode()) | st.text().map(lambda t: t.encode("utf-16"))
names = st.sampled_from(
    ["accept", "accept-encoding", "content-encoding", "x-request-id", "authorization", "traceparent", "origin", "expect"]
)
values = st.binary(min_size=1, max_size=60).map(lambda value: bytes(b for b in value if b > 32 and b != 127) or b"x")


@often
@given(path=st.sampled_from(PATHS), body=bodies, kind=st.sampled_from(TYPES), headers=st.dictionaries(names, values, max_size=4))
def test_bodies_and_headers_of_any_bytes(url: str, path: str, body: bytes, kind: str, headers: dict[str, bytes]) -> None:
    sent = [(b"content-type", kind.encode()), *((name.encode(), value) for name, value in headers.items())]
    checked(httpx.post(f"{url}{path}", content=body, headers=httpx.Headers(sent), timeout=60))


STARTS = (b"", b"GET ", b"POST /v1/tag HTTP/1.1\r\n", b"POST /v1/tag HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")


@often
@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=200))
def test_any_bytes_on_a_connection(url: str, start: bytes, rest: bytes) -> None:
    with socket.create_connection(("127.0.0.1", httpx.URL(url).port or 80), timeout=30) as connection:
        connection.sendall(start + rest + b"\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        with suppress(ConnectionResetError):
            while part := connection.recv(65536):
                answer += part
    assert b" 500 " not in answer.split(b"\r\n", 1)[0]
    assert httpx.get(f"{url}/healthz", timeout=60).status_code == 200
