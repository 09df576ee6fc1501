"""A whole document: its sentences tagged, its verdict, and everything that was not scored."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Final, NamedTuple

from model.labels import Concept, Dimension, Label, Side, Verdict
from model.layout import Skipped, TextKind
from model.segment import Segmentation, Sentence, segment
from model.tagger import Explanation, Tag, Tagger
from model.tokens import tokenise

ORIENTED_MINIMUM: Final = 0.05
"""Share of oriented sentences under which a document is about neither."""
MAJORITY: Final = 0.6
"""Share of the oriented sentences that a side needs to name the document."""
MINIMUM_SENTENCES: Final = 5
MINIMUM_WORDS: Final = 50
"""A document with fewer sentences and fewer words than these is `insufficient`."""
FOREIGN_SHARE: Final = 0.5
"""Share of abstained sentences from which the language counts as unsupported."""


class TaggedSentence(NamedTuple):
    """A sentence of a document, what the model says of it and, on request, why."""

    sentence: Sentence
    tag: Tag
    explanation: Explanation | None


@dataclass(frozen=True, slots=True)
class TaggedDocument:
    """What Helmkeel says about a document.

    Attributes:
        label: the verdict.
        counts: sentences of each label.
        dimensions: for each dimension that occurs, sentences on each side.
        concepts: for each framework concept that occurs, sentences that show it.
        speakers: for each speaker, sentences of each label; empty where nobody is named.
        unsupported_language: whether the tagger knew too few words in at least half of the sentences.
    """

    label: Verdict
    counts: dict[Label, int]
    dimensions: dict[Dimension, dict[Side, int]]
    concepts: dict[Concept, int]
    speakers: dict[str, dict[Label, int]]
    sentences: list[TaggedSentence]
    skipped: list[Skipped]
    unsupported_language: bool

    @property
    def shares(self) -> dict[Label, float]:
        """The share of each label among the scored sentences, in [0, 1]; all 0 where none was scored."""
        total = len(self.sentences)
        return {label: count / total if total else 0.0 for label, count in self.counts.items()}


class TooManySentencesError(ValueError):
    """The document has more sentences than the limit."""

    def __init__(self, limit: int, found: int) -> None:
        super().__init__(f"the document has {found} sentences, the limit is {limit}; send it in parts")
        self.limit = limit
        self.found = found


def tag_document(
    tagger: Tagger, text: str, kind: TextKind = TextKind.AUTO, *, evidence: bool = False, max_sentences: int | None = None
) -> TaggedDocument:
    """Segment a document and tag its sentences.

    Raises:
        TooManySentencesError: there are more than `max_sentences`.
    """
    return tag_segments(tagger, segment(text, kind), evidence=evidence, max_sentences=max_sentences)


def tag_segments(
    tagger: Tagger,
    segments: Segmentation,
    *,
    evidence: bool = False,
    max_sentences: int | None = None,
) -> TaggedDocument:
    """Tag what a segmenter found. Raises TooManySentencesError as `tag_document` does."""
    found = len(segments.sentences)
    if max_sentences is not None and found > max_sentences:
        raise TooManySentencesError(max_sentences, found)
    return tag_all(tagger, [segments], evidence=evidence)[0]


def tag_all(
    tagger: Tagger,
    documents: Sequence[Segmentation],
    *,
    evidence: bool = False,
    threshold: float | None = None,
) -> list[TaggedDocument]:
    """Tag several segmented documents at once, which is faster than one by one where they are short.

    Args:
        tagger: does the work.
        documents: what the segmenter found in each.
        evidence: whether each sentence gets an explanation.
        threshold: score in (0, 1) from which both tags are given; the model's own two thresholds if left out.
    """
    tags = tagger.tag([sentence.text for segments in documents for sentence in segments.sentences], threshold)
    tagged = []
    start = 0
    for segments in documents:
        end = start + len(segments.sentences)
        tagged.append(_document(tagger, segments, tags[start:end], evidence))
        start = end
    return tagged


def _document(tagger: Tagger, segments: Segmentation, tags: Sequence[Tag], evidence: bool) -> TaggedDocument:
    sentences = segments.sentences
    foreign = is_foreign([tag.abstained for tag in tags])
    if foreign:  # some sentences of another language have enough words in common with English to be judged, and must not be
        tags = [tag._replace(label=Label.NEITHER, dimension=None, concept=None, abstained=True) for tag in tags]
    counts = Counter(tag.label for tag in tags)
    shown = Counter(tag.concept for tag in tags)
    explanations = [tagger.explain(sentence.text) for sentence in sentences] if evidence else repeat(None)
    return TaggedDocument(
        label=verdict(counts, words_for_verdict([sentence.text for sentence in sentences])),
        counts={label: counts[label] for label in Label},
        dimensions=profile(tags),
        concepts={concept: shown[concept] for concept in Concept if concept in shown},
        speakers=by_speaker(sentences, tags),
        sentences=list(map(TaggedSentence, sentences, tags, explanations)),
        skipped=segments.skipped,
        unsupported_language=foreign,
    )


def is_foreign(abstained: Sequence[bool]) -> bool:
    """Tell from which sentences the model did not judge whether a document is in another language."""
    return bool(abstained) and sum(abstained) / len(abstained) >= FOREIGN_SHARE


def words_for_verdict(sentences: Sequence[str]) -> int:
    """Count the words of a document of few sentences; one of more has enough for a verdict, whatever their length."""
    return sum(len(tokenise(sentence)) for sentence in sentences) if len(sentences) < MINIMUM_SENTENCES else MINIMUM_WORDS


def verdict(counts: Counter[Label], words: int) -> Verdict:
    """Name a document from the labels of its sentences: the side with at least 60% of the oriented ones, if 5% are oriented at all."""
    total = counts.total()
    if total == 0 or (total < MINIMUM_SENTENCES and words < MINIMUM_WORDS):
        return Verdict.INSUFFICIENT
    oriented = total - counts[Label.NEITHER]
    if oriented < ORIENTED_MINIMUM * total or oriented == 0:
        return Verdict.NEITHER
    for side in Side:
        if counts[Label(side)] >= MAJORITY * oriented:
            return Verdict(side)
    return Verdict.MIXED


def profile(tags: Sequence[Tag]) -> dict[Dimension, dict[Side, int]]:
    """Count, for each dimension that occurs, the sentences that carry each side's tag; `mixed` counts on both."""
    found: dict[Dimension, Counter[Side]] = {}
    for (dimension, label), count in Counter((tag.dimension, tag.label) for tag in tags).items():
        if dimension:
            found.setdefault(dimension, Counter()).update(dict.fromkeys(label.tags, count))
    return {dimension: {side: found[dimension][side] for side in Side} for dimension in Dimension if dimension in found}


def by_speaker(sentences: Sequence[Sentence], tags: Sequence[Tag]) -> dict[str, dict[Label, int]]:
    """Count, for each speaker in order of appearance, the sentences of each label."""
    found: dict[str, Counter[Label]] = {}
    for sentence, tag in zip(sentences, tags, strict=True):
        if sentence.speaker:
            found.setdefault(sentence.speaker, Counter())[tag.label] += 1
    return {speaker: {label: counts[label] for label in Label} for speaker, counts in found.items()}
