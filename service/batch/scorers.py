"""Who tags: the model of this process here, a running service in `service.batch.remote`. Both give the same answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from model.artifact import load
from model.document import TaggedDocument, tag_all
from model.segment import Segmentation, segment
from model.tagger import Tag, Tagger
from service.batch.records import Record
from service.batch.sources import Failure


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


@cache
def _local(source: LocalModel) -> LocalScorer:
    artifact = load(source.folder)
    return LocalScorer(Tagger(artifact.model), artifact.sha256, source.limits)
