"""What the service and its workers say to each other over a socket: a header in JSON and a body, each with its length before it."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final

PREFIX: Final = struct.Struct("!II")
"""The lengths of header and body."""


class JobKind(StrEnum):
    """What a worker is asked to do."""

    TAG = "tag"
    BATCH = "batch"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Job:
    """A request as it came.

    Attributes:
        kind: what the body is.
        body: a request in JSON as it was sent, or the content of a file.
        gzip: whether the answer may be compressed.
        lines: whether a batch is answered in JSON lines.
        form: for a file, its name and the fields sent with it.
    """

    kind: JobKind
    body: bytes
    gzip: bool = False
    lines: bool = False
    form: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it goes out.

    Attributes:
        status, media_type, body: of the HTTP answer.
        gzip: whether the body is compressed.
        documents: that were tagged.
        labels: sentences of each label in them.
        code: of the problem, if it is one.
        failure: where an unexpected exception came from: its type and the places it passed, never its message.
    """

    status: int
    media_type: str
    body: bytes
    gzip: bool = False
    documents: int = 0
    labels: Mapping[str, int] = field(default_factory=dict)
    code: str | None = None
    failure: str | None = None


def pack(message: Job | Reply) -> bytes:
    """Return a message as bytes."""
    header = {f.name: getattr(message, f.name) for f in fields(message) if f.name != "body"}
    encoded = json.dumps(header).encode()
    return PREFIX.pack(len(encoded), len(message.body)) + encoded + message.body


def unpack_job(header: bytes, body: bytes) -> Job:
    """Rebuild a job."""
    content = json.loads(header)
    return Job(**(content | {"kind": JobKind(content["kind"])}), body=body)


def unpack_reply(header: bytes, body: bytes) -> Reply:
    """Rebuild a reply."""
    return Reply(**json.loads(header), body=body)
