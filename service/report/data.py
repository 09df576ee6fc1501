"""Collects what a report shows, chunk by chunk: figures of each document, sums over all, and the most telling sentences."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from heapq import nlargest
from typing import Final

from model.document import TaggedDocument, verdict
from model.labels import Dimension, Label, Side, SkipReason, Verdict
from model.layout import TextKind
from model.tagger import Explanation, Tagger
from model.tokens import tokenise
from service.answers import coverage_of
from service.batch.chunks import Chunk
from service.batch.records import Record, read
from service.batch.scorers import LocalModel
from service.batch.sources import Failure
from service.report.dates import date_of
from service.schemas import Coverage

TELLING: Final = 8
"""Sentences shown for each side."""
_MINIMUM_TOKENS: Final = 6  # shorter ones tell a reader little, however sure the model is
_MANY_DATES: Final = 24

Counts = Counter[Label]


@dataclass(frozen=True, slots=True)
class Entry:
    """The figures of a document."""

    name: str
    label: Verdict
    counts: dict[Label, int]
    date: date | None
    skipped: int
    characters: int

    @property
    def sentences(self) -> int:
        """How many were scored."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Telling:
    """A sentence that shows a side most clearly; `explanation` is made when the choice is final."""

    document: str
    text: str
    speaker: str | None
    score: float
    dimension: Dimension | None
    explanation: Explanation | None = None


@dataclass(slots=True)
class Group:
    """What is known of a number of documents."""

    name: str
    entries: list[Entry] = field(default_factory=list)
    dimensions: dict[Dimension, Counter[Side]] = field(default_factory=dict)
    speakers: dict[str, Counts] = field(default_factory=dict)
    telling: dict[Side, list[Telling]] = field(default_factory=lambda: {side: [] for side in Side})
    skipped: Counter[SkipReason] = field(default_factory=Counter)
    characters: int = 0
    failures: list[Failure] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[Label, int]:
        """Sentences of each label."""
        return {label: sum(entry.counts[label] for entry in self.entries) for label in Label}

    @property
    def sentences(self) -> int:
        """Sentences scored."""
        return sum(self.counts.values())

    @property
    def label(self) -> Verdict:
        """The verdict, as on one document of all the sentences."""
        if len(self.entries) == 1:
            return self.entries[0].label
        return verdict(Counter(self.counts), self.characters)  # enough characters make enough words

    @property
    def leadership_share(self) -> float | None:
        """Share of leadership among the oriented sentences; None where there is none."""
        return leadership_share(self.counts)

    def over_time(self) -> list[tuple[str, dict[Label, int]]]:
        """Sentences of each label by date, or by month where the dates are many; empty where fewer than two dates are known."""
        dated = [entry for entry in self.entries if entry.date]
        by_month = len({entry.date for entry in dated}) > _MANY_DATES
        found: dict[str, Counts] = {}
        for entry in sorted(dated, key=lambda e: e.date or date.min):
            name = f"{entry.date:%Y-%m}" if by_month else f"{entry.date}"
            found.setdefault(name, Counter()).update(entry.counts)
        return [(name, {label: counts[label] for label in Label}) for name, counts in found.items()] if len(found) > 1 else []

    def add(self, other: "Group") -> None:
        """Take in what was found in another part of the inputs."""
        self.entries += other.entries
        for dimension, sides in other.dimensions.items():
            self.dimensions.setdefault(dimension, Counter()).update(sides)
        for speaker, counts in other.speakers.items():
            self.speakers.setdefault(speaker, Counter()).update(counts)
        for side in Side:
            self.telling[side] = _best(self.telling[side] + other.telling[side])
        self.skipped.update(other.skipped)
        self.characters += other.characters
        self.failures += other.failures
        self.unsupported += other.unsupported


@dataclass(frozen=True, slots=True)
class Digest:
    """Reads, tags and sums up one chunk, wherever it runs."""

    scorer: LocalModel
    kind: TextKind
    date_column: str | None

    def __call__(self, chunk: Chunk) -> Group:
        """Return the figures of a chunk."""
        group = Group("")
        records: list[Record] = []
        for item in read(chunk.piece):
            if isinstance(item, Failure):
                group.failures.append(item)
            else:
                records.append(item if item.kind is not TextKind.AUTO else replace(item, kind=self.kind))
        for record, tagged in zip(records, self.scorer.open().documents(records), strict=True):
            if isinstance(tagged, Failure):
                group.failures.append(tagged)
            else:
                _add(group, record, tagged, self.date_column)
        return group


def leadership_share(counts: dict[Label, int]) -> float | None:
    """Return the share of leadership among oriented sentences, a mixed one counting half for each side; None where there is none."""
    oriented = sum(counts.values()) - counts[Label.NEITHER]
    return (counts[Label.LEADERSHIP] + counts[Label.MIXED] / 2) / oriented if oriented else None


def explained(telling: Iterable[Telling], tagger: Tagger) -> list[Telling]:
    """Say of each sentence which words decided."""
    return [Telling(t.document, t.text, t.speaker, t.score, t.dimension, tagger.explain(t.text)) for t in telling]


def _add(group: Group, record: Record, document: TaggedDocument, date_column: str | None) -> None:
    name = record.source if record.row is None else f"{record.source}: {record.row if record.id is None else record.id}"
    coverage = Coverage.model_validate(coverage_of(document, record.text))
    skipped = sum(coverage.skipped.values())
    day = date_of(record.source, record.text, record.columns, date_column)
    group.entries.append(Entry(name, document.label, document.counts, day, skipped, coverage.characters))
    for dimension, sides in document.dimensions.items():
        group.dimensions.setdefault(dimension, Counter()).update(sides)
    for speaker, counts in document.speakers.items():
        group.speakers.setdefault(speaker, Counter()).update(counts)
    group.skipped.update(coverage.skipped)
    group.characters += coverage.characters
    if document.unsupported_language:
        group.unsupported.append(name)
    for side in Side:
        found = [
            Telling(name, s.sentence.text, s.sentence.speaker, getattr(s.tag, side), s.tag.dimension)
            for s in document.sentences
            if s.tag.label is Label(side) and len(tokenise(s.sentence.text)) >= _MINIMUM_TOKENS
        ]
        group.telling[side] = _best(group.telling[side] + found)


def _best(telling: list[Telling]) -> list[Telling]:
    """Keep the surest ones, each text once; of equals, the one that came first."""
    once = {t.text: t for t in reversed(telling)}
    return nlargest(TELLING, reversed(once.values()), key=lambda t: t.score)
