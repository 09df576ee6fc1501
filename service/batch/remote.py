"""Scores through a running service."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeVar

import httpx

from model.document import TaggedDocument, TaggedSentence
from model.labels import Label, Side
from model.layout import Skipped
from model.segment import Sentence
from model.tagger import Tag
from service.batch.records import Record
from service.batch.scorers import ScoringError
from service.batch.sources import Failure
from service.client import Client, ServiceError
from service.schemas import BatchDocument, ItemError, SentenceAnswer, TagResponse, Unit

MAX_BATCH_DOCUMENTS: Final = 100
MAX_BATCH_BYTES: Final = 250_000
"""About 2,500 sentences, a fraction of a second of work: far from the time limit of a service, even of a busy one."""
_PATIENCE: Final = 12
"""Attempts after the first, once the service has answered: in the middle of a run it is worth waiting for."""
_TOO_LARGE: Final = 413
_REFUSED: Final = frozenset({400, 413, 415, 422})  # what is wrong with the document, not with the service

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RemoteService:
    """A running service."""

    url: str
    api_key: str | None

    def open(self) -> "RemoteScorer":
        """Connect, once in each process."""
        return _remote(self)

    def model(self) -> str:
        """Ask which model answers."""
        return self.open().model


class RemoteScorer:
    """Tags through a service, as many documents in a request as it takes; waits when the service is busy."""

    def __init__(self, client: Client, model: str) -> None:
        self._client = client
        self.model = model

    def documents(self, records: Sequence[Record]) -> list[TaggedDocument | Failure]:
        """Send the documents in batches of one kind."""
        return [tagged_document(a) if isinstance(a, TagResponse) else a for a in self._answers(records, Unit.DOCUMENT)]

    def sentences(self, records: Sequence[Record]) -> list[Tag | Failure]:
        """Send the sentences in batches."""
        answers = self._answers(records, Unit.SENTENCE)
        return [_only_tag(r, a) if isinstance(a, TagResponse) else a for r, a in zip(records, answers, strict=True)]

    def _answers(self, records: Sequence[Record], unit: Unit) -> Iterator[TagResponse | Failure]:
        for batch in _batches(records):
            yield from self._batch(batch, unit)

    def _batch(self, records: Sequence[Record], unit: Unit) -> list[TagResponse | Failure]:
        documents = [BatchDocument(text=record.text) for record in records]
        try:
            answers = _asked(lambda: self._client.tag_batch(documents, kind=records[0].kind, unit=unit))
        except ServiceError as error:
            if error.problem.status == _TOO_LARGE and len(records) > 1:  # together too many sentences
                half = len(records) // 2
                return self._batch(records[:half], unit) + self._batch(records[half:], unit)
            return [Failure(record.source, record.row, error.code, error.problem.detail) for record in records]
        return [
            Failure(record.source, record.row, answer.error.code, answer.error.detail) if isinstance(answer, ItemError) else answer
            for record, answer in zip(records, answers, strict=True)
        ]


def _asked(call: Callable[[], T]) -> T:
    """Ask the service; what is no fault of the documents ends the run. Raises ScoringError, or ServiceError for the documents."""
    try:
        return call()
    except ServiceError as error:
        if error.problem.status in _REFUSED and error.code != "unexpected_answer":
            raise
        raise ScoringError(f"the service answers {error}") from error
    except (httpx.TransportError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise ScoringError(f"the service cannot be reached ({type(error).__name__}); is it running there?") from error


def tagged_document(answer: TagResponse) -> TaggedDocument:
    """Make a tagged document of an answer of the API."""
    return TaggedDocument(
        label=answer.label,
        counts={label: getattr(answer.counts, label) for label in Label},
        dimensions={
            dimension: {Side.LEADERSHIP: counts.leadership, Side.MANAGEMENT: counts.management}
            for dimension, counts in answer.dimensions.items()
        },
        concepts=dict(answer.concepts),
        speakers={name: {label: getattr(counts, label) for label in Label} for name, counts in answer.speakers.items()},
        sentences=[TaggedSentence(Sentence(s.start, s.end, s.text, s.speaker), _tag(s), None) for s in answer.sentences],
        skipped=[Skipped(span.start, span.end, span.reason) for span in answer.skipped],
        unsupported_language=any(warning.code == "unsupported_language" for warning in answer.warnings),
    )


def _only_tag(record: Record, answer: TagResponse) -> Tag:
    """Return the tag of a text that was to be one sentence. Raises ScoringError where the service has cut it."""
    if [sentence.text for sentence in answer.sentences] != [record.text]:
        raise ScoringError("the service cuts texts that are one sentence; it is of another version, update it")
    return _tag(answer.sentences[0])


def _tag(sentence: SentenceAnswer) -> Tag:
    return Tag(
        sentence.label,
        sentence.scores.leadership,
        sentence.scores.management,
        sentence.dimension,
        sentence.concept,
        sentence.abstained,
    )


def _batches(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """Cut where a batch would be too large, or the next document is to be read in another way."""
    batch: list[Record] = []
    size = 0
    for record in records:
        length = len(record.text.encode())
        if batch and (len(batch) >= MAX_BATCH_DOCUMENTS or size + length > MAX_BATCH_BYTES or record.kind is not batch[0].kind):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += length
    if batch:
        yield batch


@cache
def _remote(source: RemoteService) -> RemoteScorer:
    with Client(source.url, api_key=source.api_key) as client:  # a service that is not there is soon told
        model = _asked(lambda: client.model().sha256)
    return RemoteScorer(Client(source.url, api_key=source.api_key, retries=_PATIENCE), model)
