"""Who tags: the model of this process, or a running service. Both give the same answers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Protocol, TypeVar

import httpx

from model.artifact import load
from model.document import TaggedDocument, TaggedSentence, tag_all
from model.labels import Label, Side
from model.layout import Skipped
from model.segment import Segmentation, Sentence, segment
from model.tagger import Tag, Tagger
from service.batch.records import Record
from service.batch.sources import Failure
from service.client import Client, ServiceError
from service.schemas import BatchDocument, ItemError, SentenceAnswer, TagResponse, Unit

MAX_BATCH_DOCUMENTS: Final = 100
MAX_BATCH_BYTES: Final = 1_000_000
_TOO_LARGE: Final = 413
_REFUSED: Final = frozenset({400, 413, 415, 422})  # what is wrong with the document, not with the service

T = TypeVar("T")


class ScoringError(Exception):
    """Nothing can be scored any more; the message says why and what to try. What is done stays done."""


class Scorer(Protocol):
    """Tags texts, many at a time; the result has as many items, in the same order."""

    model: str
    """The hash of the model that answers."""

    def documents(self, records: Sequence[Record]) -> list[TaggedDocument | Failure]:
        """Cut each text into sentences and tag them."""

    def sentences(self, records: Sequence[Record]) -> list[Tag | Failure]:
        """Tag each text as one sentence."""


class ScorerSource(Protocol):
    """What a worker is told, so that it can get its scorer; small, hashable, and to be sent to other processes."""

    def open(self) -> Scorer:
        """Return the scorer of this process; the same one each time."""

    def model(self) -> str:
        """Return the hash of the model that will answer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may have at most."""

    text_bytes: int
    sentences: int


@dataclass(frozen=True, slots=True)
class LocalModel:
    """The model in a folder of this machine."""

    folder: Path
    limits: Limits

    def open(self) -> "LocalScorer":
        """Load the model, once in each process."""
        return _local(self)

    def model(self) -> str:
        """Return the hash of the model."""
        return self.open().model


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


class LocalScorer:
    """Tags with a model in this process."""

    def __init__(self, tagger: Tagger, model: str, limits: Limits) -> None:
        self.tagger = tagger
        self.model = model
        self._limits = limits

    def documents(self, records: Sequence[Record]) -> list[TaggedDocument | Failure]:
        """Cut each text into sentences and tag them all together."""
        cut = [self._cut(record) for record in records]
        tagged = iter(tag_all(self.tagger, [item for item in cut if isinstance(item, Segmentation)]))
        return [item if isinstance(item, Failure) else next(tagged) for item in cut]

    def sentences(self, records: Sequence[Record]) -> list[Tag | Failure]:
        """Tag each text as one sentence."""
        return list(self.tagger.tag([record.text for record in records]))

    def _cut(self, record: Record) -> Segmentation | Failure:
        size, limit = len(record.text), self._limits.text_bytes
        if size * 4 > limit and (size := len(record.text.encode())) > limit:
            reason = f"{size} bytes of text, the limit is {limit}; score it in parts, or raise HELMKEEL_MAX_TEXT_BYTES"
            return Failure(record.source, record.row, "text_too_large", reason)
        found = segment(record.text, record.kind)
        number, limit = len(found.sentences), self._limits.sentences
        if number > limit:
            reason = f"{number} sentences, the limit is {limit}; score it in parts, or raise HELMKEEL_MAX_SENTENCES"
            return Failure(record.source, record.row, "too_many_sentences", reason)
        return found


class RemoteScorer:
    """Tags through a service, as many documents in a request as it takes; waits when the service is busy."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.model = self._asked(lambda: client.model().sha256)

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
            answers = self._asked(lambda: self._client.tag_batch(documents, kind=records[0].kind, unit=unit))
        except ServiceError as error:
            if error.problem.status == _TOO_LARGE and len(records) > 1:  # together too many sentences
                half = len(records) // 2
                return self._batch(records[:half], unit) + self._batch(records[half:], unit)
            return [Failure(record.source, record.row, error.code, error.problem.detail) for record in records]
        return [
            Failure(record.source, record.row, answer.error.code, answer.error.detail) if isinstance(answer, ItemError) else answer
            for record, answer in zip(records, answers, strict=True)
        ]

    def _asked(self, call: Callable[[], T]) -> T:
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
def _local(source: LocalModel) -> LocalScorer:
    artifact = load(source.folder)
    return LocalScorer(Tagger(artifact.model), artifact.sha256, source.limits)


@cache
def _remote(source: RemoteService) -> RemoteScorer:
    return RemoteScorer(Client(source.url, api_key=source.api_key, retries=12))
