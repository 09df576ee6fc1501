"""Puts what the model says into the answer's format: the one place where answers are made."""

from typing import Final

from model.artifact import Artifact
from model.document import TaggedDocument, TaggedSentence
from model.labels import Label, Side, SkipReason
from model.tagger import Tag
from service.offsets import Offsets, OffsetUnit
from service.schemas import (
    Coverage,
    EvidenceSpan,
    LabelCounts,
    LabelShares,
    ModelIdentity,
    SentenceAnswer,
    SideCounts,
    SideScores,
    SideValues,
    SkippedSpan,
    Source,
    TagResponse,
    Warning_,
)

DECIMALS: Final = 6
"""Places kept of every score and share."""
WEIGHT_DECIMALS: Final = 9
"""Places kept of evidence, so that a sentence's weights still add up."""


def identity(artifact: Artifact) -> ModelIdentity:
    """Name the model of an artifact."""
    return ModelIdentity(name=artifact.manifest.name, version=artifact.manifest.version, sha256=artifact.sha256)


def tag_response(
    document: TaggedDocument,
    text: str,
    model: ModelIdentity,
    *,
    document_id: str | None = None,
    offsets: OffsetUnit = OffsetUnit.CODEPOINTS,
    source: Source | None = None,
    with_text: bool = False,
) -> TagResponse:
    """Put a tagged document into the answer's format.

    Args:
        document: what the model said.
        text: the document itself.
        model: which model.
        document_id: given back as `id`.
        offsets: the unit of every `start` and `end`.
        source: for a file, what was decided about it.
        with_text: whether the answer holds the text.
    """
    in_unit = Offsets(text, offsets)
    return TagResponse(
        id=document_id,
        label=document.label,
        shares=LabelShares(**{str(label): _round(share) for label, share in document.shares.items()}),
        counts=_label_counts(document.counts),
        dimensions={d: SideCounts(leadership=c[Side.LEADERSHIP], management=c[Side.MANAGEMENT]) for d, c in document.dimensions.items()},
        concepts=document.concepts,
        speakers={speaker: _label_counts(counts) for speaker, counts in document.speakers.items()},
        sentences=[_sentence(index, tagged, in_unit) for index, tagged in enumerate(document.sentences)],
        skipped=[SkippedSpan(start=in_unit(s.start), end=in_unit(s.end), reason=s.reason) for s in document.skipped],
        coverage=coverage_of(document, text),
        warnings=_warnings(document),
        model=model,
        source=source,
        text=text if with_text else None,
    )


def _sentence(index: int, tagged: TaggedSentence, in_unit: Offsets) -> SentenceAnswer:
    sentence, tag, explanation = tagged.sentence, tagged.tag, tagged.explanation
    why = {}
    if explanation:
        why = {
            "evidence": [
                EvidenceSpan(
                    start=in_unit(sentence.start + e.start),
                    end=in_unit(sentence.start + e.end),
                    text=e.text,
                    leadership=round(e.leadership, WEIGHT_DECIMALS),
                    management=round(e.management, WEIGHT_DECIMALS),
                )
                for e in explanation.evidence
            ],
            "decision": SideValues(**{str(side): round(value, WEIGHT_DECIMALS) for side, value in explanation.decision.items()}),
            "baseline": SideValues(**{str(side): round(value, WEIGHT_DECIMALS) for side, value in explanation.baseline.items()}),
        }
    return SentenceAnswer.model_validate(
        {
            "index": index,
            "start": in_unit(sentence.start),
            "end": in_unit(sentence.end),
            "text": sentence.text,
            "label": tag.label,
            "scores": _scores(tag),
            "dimension": tag.dimension,
            "concept": tag.concept,
            "speaker": sentence.speaker,
            "abstained": tag.abstained,
            **why,
        }
    )


def _label_counts(counts: dict[Label, int]) -> LabelCounts:
    return LabelCounts(sentences=sum(counts.values()), **{str(label): count for label, count in counts.items()})


def coverage_of(document: TaggedDocument, text: str) -> Coverage:
    """Add up the characters scored, and those skipped by reason."""
    skipped: dict[SkipReason, int] = {}
    for span in document.skipped:
        skipped[span.reason] = skipped.get(span.reason, 0) + _visible(text[span.start : span.end])
    scored = sum(_visible(tagged.sentence.text) for tagged in document.sentences)
    return Coverage(characters=_visible(text), scored=scored, skipped=skipped)


def _visible(text: str) -> int:
    return sum(map(len, text.split()))


def _scores(tag: Tag) -> SideScores:
    return SideScores(leadership=_round(tag.leadership), management=_round(tag.management))


def _warnings(document: TaggedDocument) -> list[Warning_]:
    if not document.unsupported_language:
        return []
    detail = "Most of the text has hardly any word the model knows; it reads English, and gives no tag where it cannot judge"
    return [Warning_(code="unsupported_language", detail=detail)]


def _round(value: float) -> float:
    return round(value, DECIMALS)
