"""A typed client of the REST service, blocking (`Client`) and not (`AsyncClient`).

Both try again where another attempt can help: the service is busy or starting (429, 502, 503, 504) or the connection broke. They wait as
long as `Retry-After` says, else longer from one attempt to the next. Tagging changes nothing in the service, so trying again is safe.
"""

from collections.abc import Iterable, Mapping
from http import HTTPMethod
from types import TracebackType
from typing import Any, Final, Generic, NamedTuple, Self, TypedDict, TypeVar, Unpack

import httpx
from httpx_retries import Retry, RetryTransport
from pydantic import BaseModel, ValidationError

from model.contrasts import Contrasts
from model.layout import TextKind
from service.schemas import (
    BatchDocument,
    BatchRequest,
    BatchResponse,
    Include,
    ItemError,
    ModelAnswer,
    OffsetUnit,
    Problem,
    TagRequest,
    TagResponse,
    Unit,
)

DEFAULT_URL: Final = "http://127.0.0.1:8000"
TIMEOUT_SECONDS: Final = 60.0
"""For one attempt: the service itself gives up after 30."""
RETRIES: Final = 5
_FIRST_WAIT: Final = 0.25
_LONGEST_WAIT: Final = 30.0

Answer = TypeVar("Answer", bound=BaseModel)


class Options(TypedDict, total=False):
    """What may be asked for with documents, as in `TagRequest`, which says what holds for each that is not given."""

    kind: TextKind
    include: Iterable[Include]
    unit: Unit
    threshold: float | None
    offsets: OffsetUnit


class ServiceError(Exception):
    """The service refused, or what answered is no Helmkeel.

    Attributes:
        problem: the error answer; its `code` is stable.
        request_id: under which the service logged the request, if it gave one.
    """

    def __init__(self, problem: Problem, request_id: str | None) -> None:
        super().__init__(f"{problem.status} {problem.code}: {problem.detail}")
        self.problem = problem
        self.request_id = request_id

    @property
    def code(self) -> str:
        """The stable name of the error."""
        return self.problem.code


class Client:
    """Asks a running service.

    Every method raises ServiceError where the service refuses (after the last attempt, where trying again can help), and
    `httpx.TransportError` where it cannot be reached. Safe to share between threads; close it, or use it in a `with` block.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
        retries: int = RETRIES,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            base_url: where the service listens.
            api_key: sent with each request; needed where the service has keys.
            timeout: seconds for one attempt.
            retries: attempts after the first.
        """
        transport = RetryTransport(httpx.HTTPTransport(), _retry(retries))
        self._http = httpx.Client(base_url=base_url, headers=_headers(api_key), timeout=timeout, transport=transport)

    def tag(
        self,
        text: str,
        *,
        id: str | None = None,  # noqa: A002 -- the name in the answer
        **options: Unpack[Options],
    ) -> TagResponse:
        """Tag a document."""
        return self._send(_tag(text, id, options))

    def tag_batch(
        self,
        documents: Iterable[BatchDocument],
        **options: Unpack[Options],
    ) -> list[TagResponse | ItemError]:
        """Tag up to 100 documents in one request; the results are as many, in the same order, an error in place of each that failed."""
        return self._send(_batch(documents, options)).results

    def tag_file(
        self,
        content: bytes,
        name: str | None = None,
        *,
        id: str | None = None,  # noqa: A002
        kind: TextKind | None = None,
        include: Iterable[str] = (),
        offsets: OffsetUnit = OffsetUnit.CODEPOINTS,
    ) -> TagResponse:
        """Tag a file of any kind the service reads; the name helps to tell kinds of plain text apart. `include` may hold `text`, too."""
        return self._send(_file(content, name, id, kind, include, offsets))

    def model(self) -> ModelAnswer:
        """Ask which model answers, and for the limits of the service."""
        return self._send(_get("/v1/model", ModelAnswer))

    def contrasts(self) -> Contrasts:
        """Ask what the tags mean."""
        return self._send(_get("/v1/contrasts", Contrasts))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send(self, call: "_Call[Answer]") -> Answer:
        return call.read(self._http.request(call.method, call.path, **call.content))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class AsyncClient:
    """The same for asynchronous code; see `Client` for arguments and errors."""

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
        retries: int = RETRIES,
    ) -> None:
        transport = RetryTransport(httpx.AsyncHTTPTransport(), _retry(retries))
        self._http = httpx.AsyncClient(base_url=base_url, headers=_headers(api_key), timeout=timeout, transport=transport)

    async def tag(
        self,
        text: str,
        *,
        id: str | None = None,  # noqa: A002
        **options: Unpack[Options],
    ) -> TagResponse:
        """Tag a document."""
        return await self._send(_tag(text, id, options))

    async def tag_batch(
        self,
        documents: Iterable[BatchDocument],
        **options: Unpack[Options],
    ) -> list[TagResponse | ItemError]:
        """Tag up to 100 documents in one request; see `Client.tag_batch`."""
        return (await self._send(_batch(documents, options))).results

    async def tag_file(
        self,
        content: bytes,
        name: str | None = None,
        *,
        id: str | None = None,  # noqa: A002
        kind: TextKind | None = None,
        include: Iterable[str] = (),
        offsets: OffsetUnit = OffsetUnit.CODEPOINTS,
    ) -> TagResponse:
        """Tag a file; see `Client.tag_file`."""
        return await self._send(_file(content, name, id, kind, include, offsets))

    async def model(self) -> ModelAnswer:
        """Ask which model answers, and for the limits of the service."""
        return await self._send(_get("/v1/model", ModelAnswer))

    async def contrasts(self) -> Contrasts:
        """Ask what the tags mean."""
        return await self._send(_get("/v1/contrasts", Contrasts))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _send(self, call: "_Call[Answer]") -> Answer:
        return call.read(await self._http.request(call.method, call.path, **call.content))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()


class _Call(NamedTuple, Generic[Answer]):
    """One request, and what its answer is."""

    method: str
    path: str
    content: Mapping[str, Any]
    answer: type[Answer]

    def read(self, response: httpx.Response) -> Answer:
        if response.is_success:
            try:
                return self.answer.model_validate_json(response.content)
            except ValidationError:
                detail = "What answers there is no Helmkeel, or one of another version"
                raise ServiceError(_strange(response, detail), None) from None  # the validation error would quote the answer
        try:
            problem = Problem.model_validate_json(response.content)
        except ValidationError:
            problem = _strange(response, "The answer is no problem+json: it comes from something between here and the service")
        raise ServiceError(problem, response.headers.get("x-request-id"))


def _strange(response: httpx.Response, detail: str) -> Problem:
    return Problem(title=response.reason_phrase, status=response.status_code, code="unexpected_answer", detail=detail)


def _tag(text: str, document_id: str | None, options: Options) -> _Call[TagResponse]:
    return _post("/v1/tag", TagRequest(text=text, id=document_id, **_fields(options)), TagResponse)


def _batch(documents: Iterable[BatchDocument], options: Options) -> _Call[BatchResponse]:
    return _post("/v1/tag/batch", BatchRequest(documents=tuple(documents), **_fields(options)), BatchResponse)


def _fields(options: Options) -> dict[str, Any]:
    return {**options, "include": tuple(options.get("include", ()))}


def _post(path: str, request: BaseModel, answer: type[Answer]) -> _Call[Answer]:
    content = {"content": request.model_dump_json(exclude_unset=True), "headers": {"content-type": "application/json"}}
    return _Call("POST", path, content, answer)


def _get(path: str, answer: type[Answer]) -> _Call[Answer]:
    return _Call("GET", path, {}, answer)


def _file(
    content: bytes, name: str | None, document_id: str | None, kind: TextKind | None, include: Iterable[str], offsets: OffsetUnit
) -> _Call[TagResponse]:
    fields = {"id": document_id, "kind": kind, "include": list(include), "offsets": offsets}
    data = {field: value for field, value in fields.items() if value}
    return _Call("POST", "/v1/tag/file", {"files": {"file": (name or "file", content)}, "data": data}, TagResponse)


def _headers(api_key: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {api_key}"} if api_key else {}


def _retry(retries: int) -> Retry:
    methods = (HTTPMethod.GET, HTTPMethod.POST)
    return Retry(total=retries, allowed_methods=methods, backoff_factor=_FIRST_WAIT, max_backoff_wait=_LONGEST_WAIT)
