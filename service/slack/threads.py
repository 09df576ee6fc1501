"""A thread as one document: each message is tagged for itself, so that no code block or list runs over into the next one's."""

from collections import Counter
from collections.abc import Sequence

from model.document import is_foreign, verdict, words_for_verdict
from model.labels import Concept, Dimension, Label, SkipReason
from service.answers import DECIMALS
from service.schemas import Coverage, LabelCounts, LabelShares, SentenceAnswer, SideCounts, SkippedSpan, TagResponse, Warning_


def joined(speakers: Sequence[str], texts: Sequence[str], answers: Sequence[TagResponse]) -> TagResponse:
    """Put the answers for the messages of a thread together into one, as if it were a document with speakers.

    Args:
        speakers: who wrote each message.
        texts: the messages; the document is made of them, with a blank line between each two.
        answers: what was said of each; at least one.
    """
    sentences: list[SentenceAnswer] = []
    skipped: list[SkippedSpan] = []
    at = 0
    for speaker, text, answer in zip(speakers, texts, answers, strict=True):
        sentences += [_moved(sentence, at, len(sentences) + n, speaker) for n, sentence in enumerate(answer.sentences)]
        skipped += [SkippedSpan(start=span.start + at, end=span.end + at, reason=span.reason) for span in answer.skipped]
        at += len(text) + 2
    labels = Counter(sentence.label for sentence in sentences)
    concepts = Counter(s.concept for s in sentences if s.concept)
    first = answers[0]
    return TagResponse(
        id=None,
        label=verdict(labels, words_for_verdict([s.text for s in sentences])),
        shares=LabelShares(**{str(label): round(labels[label] / (len(sentences) or 1), DECIMALS) for label in Label}),
        counts=_counts(labels),
        dimensions={d: counts for d in Dimension if (counts := _sides(d, answers))},
        concepts={concept: concepts[concept] for concept in Concept if concept in concepts},
        speakers=_by_speaker(sentences),
        sentences=sentences,
        skipped=skipped,
        coverage=_coverage(answers),
        warnings=_warnings(sentences, answers),
        model=first.model,
    )


def _moved(sentence: SentenceAnswer, by: int, index: int, speaker: str) -> SentenceAnswer:
    evidence = sentence.evidence
    if evidence is not None:
        evidence = [e.model_copy(update={"start": e.start + by, "end": e.end + by}) for e in evidence]
    moved = {"index": index, "start": sentence.start + by, "end": sentence.end + by, "speaker": speaker, "evidence": evidence}
    return sentence.model_copy(update=moved)


def _counts(labels: Counter[Label]) -> LabelCounts:
    return LabelCounts(sentences=labels.total(), **{str(label): labels[label] for label in Label})


def _by_speaker(sentences: Sequence[SentenceAnswer]) -> dict[str, LabelCounts]:
    found: dict[str, Counter[Label]] = {}
    for sentence in sentences:
        found.setdefault(sentence.speaker or "", Counter())[sentence.label] += 1
    return {speaker: _counts(labels) for speaker, labels in found.items()}


def _sides(dimension: Dimension, answers: Sequence[TagResponse]) -> SideCounts | None:
    found = [answer.dimensions[dimension] for answer in answers if dimension in answer.dimensions]
    return SideCounts(leadership=sum(c.leadership for c in found), management=sum(c.management for c in found)) if found else None


def _coverage(answers: Sequence[TagResponse]) -> Coverage:
    skipped: Counter[SkipReason] = Counter()
    for answer in answers:
        skipped.update(answer.coverage.skipped)
    return Coverage(
        characters=sum(answer.coverage.characters for answer in answers),
        scored=sum(answer.coverage.scored for answer in answers),
        skipped=dict(skipped),
    )


def _warnings(sentences: Sequence[SentenceAnswer], answers: Sequence[TagResponse]) -> list[Warning_]:
    """A warning about the language stands where it is true of the thread, whatever single messages got."""
    foreign = is_foreign([s.abstained for s in sentences])
    return [warning for answer in answers for warning in answer.warnings][:1] if foreign else []
