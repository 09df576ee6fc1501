"""Puts what the model says into the answer's format: the one place where answers are made.

They are made as plain dictionaries, which the service writes as JSON with no further step: building and checking objects first would take
longer than tagging does. `tag_response` gives the same answer as an object; `TagResponse` is the definition of both.
"""

from typing import Any, Final

import orjson

from model.artifact import Artifact
from model.document import TaggedDocument, TaggedSentence
from model.labels import Label, Side
from model.tagger import Explanation
from service.offsets import Offsets
from service.schemas import ModelIdentity, OffsetUnit, Source, TagResponse

DECIMALS: Final = 6
"""Places kept of every score and share."""
WEIGHT_DECIMALS: Final = 9
"""Places kept of evidence, so that a sentence's weights still add up."""
_FOREIGN: Final = {
    "code": "unsupported_language",
    "detail": "Most of the text has hardly any word the model knows; it reads English, and gives no tag where it cannot judge",
}


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
    answer = _answer(document, text, model, document_id, offsets, source, with_text)
    return TagResponse.model_validate(answer)


def tag_json(
    document: TaggedDocument,
    text: str,
    model: ModelIdentity,
    *,
    document_id: str | None = None,
    offsets: OffsetUnit = OffsetUnit.CODEPOINTS,
    source: Source | None = None,
    with_text: bool = False,
) -> bytes:
    """Return the same as JSON; several times faster than through the object."""
    return orjson.dumps(_answer(document, text, model, document_id, offsets, source, with_text))


def _answer(
    document: TaggedDocument,
    text: str,
    model: ModelIdentity,
    document_id: str | None,
    offsets: OffsetUnit,
    source: Source | None,
    with_text: bool,
) -> dict[str, Any]:
    in_unit = Offsets(text, offsets)
    return {
        "id": document_id,
        "label": document.label,
        "shares": {str(label): round(share, DECIMALS) for label, share in document.shares.items()},
        "counts": _label_counts(document.counts),
        "dimensions": {str(d): {str(side): count for side, count in sides.items()} for d, sides in document.dimensions.items()},
        "concepts": {str(concept): count for concept, count in document.concepts.items()},
        "speakers": {speaker: _label_counts(counts) for speaker, counts in document.speakers.items()},
        "sentences": [_sentence(index, tagged, in_unit) for index, tagged in enumerate(document.sentences)],
        "skipped": [{"start": in_unit(s.start), "end": in_unit(s.end), "reason": s.reason} for s in document.skipped],
        "coverage": coverage_of(document, text),
        "warnings": [_FOREIGN] if document.unsupported_language else [],
        "model": {"name": model.name, "version": model.version, "sha256": model.sha256},
        "source": source.model_dump() if source else None,
        "text": text if with_text else None,
    }


def _sentence(index: int, tagged: TaggedSentence, in_unit: Offsets) -> dict[str, Any]:
    sentence, tag, explanation = tagged.sentence, tagged.tag, tagged.explanation
    return {
        "index": index,
        "start": in_unit(sentence.start),
        "end": in_unit(sentence.end),
        "text": sentence.text,
        "label": tag.label,
        "scores": {"leadership": round(tag.leadership, DECIMALS), "management": round(tag.management, DECIMALS)},
        "dimension": tag.dimension,
        "concept": tag.concept,
        "speaker": sentence.speaker,
        "abstained": tag.abstained,
        "evidence": _evidence(explanation, sentence.start, in_unit) if explanation else None,
        "decision": _by_side(explanation.decision) if explanation else None,
        "baseline": _by_side(explanation.baseline) if explanation else None,
    }


def _evidence(explanation: Explanation, start: int, in_unit: Offsets) -> list[dict[str, Any]]:
    return [
        {
            "start": in_unit(start + e.start),
            "end": in_unit(start + e.end),
            "text": e.text,
            "leadership": round(e.leadership, WEIGHT_DECIMALS),
            "management": round(e.management, WEIGHT_DECIMALS),
        }
        for e in explanation.evidence
    ]


def _by_side(values: dict[Side, float]) -> dict[str, float]:
    return {str(side): round(value, WEIGHT_DECIMALS) for side, value in values.items()}


def _label_counts(counts: dict[Label, int]) -> dict[str, int]:
    return {"sentences": sum(counts.values())} | {str(label): count for label, count in counts.items()}


def coverage_of(document: TaggedDocument, text: str) -> dict[str, Any]:
    """Add up the characters scored, and those skipped by reason, as `service.schemas.Coverage` has them."""
    skipped: dict[str, int] = {}
    for span in document.skipped:
        reason = str(span.reason)
        skipped[reason] = skipped.get(reason, 0) + _visible(text[span.start : span.end])
    scored = sum(_visible(tagged.sentence.text) for tagged in document.sentences)
    return {"characters": _visible(text), "scored": scored, "skipped": skipped}


def _visible(text: str) -> int:
    return sum(map(len, text.split()))
