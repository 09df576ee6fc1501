"""What goes over the wire: the request, and the answer that the API, the command and every other entry point give alike."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from model.artifact import Artifact
from model.document import TaggedDocument, TaggedSentence
from model.labels import Concept, Dimension, Label, Side, SkipReason, Verdict
from model.layout import TextKind
from model.tagger import Tag
from service.offsets import Offsets, OffsetUnit
from service.readers import FileKind

DECIMALS = 6
"""Places kept of every score and share."""
WEIGHT_DECIMALS = 9
"""Places kept of evidence, so that a sentence's weights still add up."""

Score = Annotated[float, Field(ge=0, le=1)]


def is_unicode(value: str) -> bool:
    """Whether a string holds whole characters only; half of a surrogate pair can be written nowhere."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _checked(value: str) -> str:
    if not is_unicode(value):
        raise ValueError("holds half of a surrogate pair, which is no character")
    return value


UnicodeText = Annotated[str, AfterValidator(_checked)]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class TagRequest(BaseModel):
    """A document to tag."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [{
        "id": "jd-17", "include": ["evidence"],
        "text": "Supervise six clerks and approve their leave.\nBuild trust across the departments.\nWe are in Leeds.",
    }]})  # fmt: skip

    text: UnicodeText = Field(description="The document, at most 1,000,000 bytes of UTF-8 and 10,000 sentences.")
    id: UnicodeText | None = Field(default=None, max_length=200, description="Given back in the answer.")
    include: tuple[Literal["evidence"], ...] = Field(default=(), description="`evidence`: the words that moved each score.")
    kind: TextKind = Field(
        default=TextKind.AUTO,
        description="How lines are read: `prose` joins the lines of a paragraph, `notes` takes each line for itself,"
        " `transcript` takes names before a colon for speakers, `auto` decides from the text.",
    )
    offsets: OffsetUnit = Field(default=OffsetUnit.CODEPOINTS, description="What `start` and `end` count.")


class SideScores(_Answer):
    """Calibrated probabilities that a sentence carries each tag, independent of each other."""

    leadership: Score
    management: Score


class SideValues(_Answer):
    """A log-odds value for each side."""

    leadership: float
    management: float


class EvidenceSpan(_Answer):
    """What a token added to the two decisions, in log-odds; offsets are code points of the document."""

    start: int
    end: int
    text: str
    leadership: float
    management: float


class SentenceAnswer(_Answer):
    """One scored sentence: `text` is the document from `start` to `end`, in code points.

    `baseline` plus the evidence is `decision`, and the score is the logistic function of the decision (given with `include=evidence`).
    """

    index: int
    start: int
    end: int
    text: str
    label: Label
    scores: SideScores
    dimension: Dimension | None = Field(description="The contrast of the document that the sentence speaks to.")
    concept: Concept | None = Field(description="For leadership, the framework concept it shows.")
    speaker: str | None
    abstained: bool = Field(description="Too few known words to judge.")
    evidence: list[EvidenceSpan] | None = None
    decision: SideValues | None = None
    baseline: SideValues | None = None


class SkippedSpan(_Answer):
    """A stretch of the document that was not scored, in code points."""

    start: int
    end: int
    reason: SkipReason


class LabelShares(_Answer):
    """Shares of the scored sentences."""

    leadership: Score
    management: Score
    mixed: Score
    neither: Score


class LabelCounts(_Answer):
    """Numbers of scored sentences."""

    sentences: int
    leadership: int
    management: int
    mixed: int
    neither: int


class Coverage(_Answer):
    """What became of the characters of the text, white space aside: `scored` and `skipped` together are `characters`."""

    characters: int
    scored: int
    skipped: dict[SkipReason, int]


class Source(_Answer):
    """What was decided about an uploaded file. `extracted` means that offsets point into the extracted text (`include=text` returns it)."""

    name: str | None
    kind: FileKind
    encoding: str | None
    extracted: bool


class Warning_(_Answer):  # noqa: N801 -- `Warning` is a builtin
    """Something the reader of the answer should know."""

    code: Literal["unsupported_language"]
    detail: str


class ModelIdentity(_Answer):
    """Which model answered: scores are comparable only under the same hash."""

    name: str
    version: str
    sha256: str


class SideCounts(_Answer):
    """Numbers of sentences on each side."""

    leadership: int
    management: int


class TagResponse(_Answer):
    """A tagged document."""

    id: str | None
    label: Verdict
    shares: LabelShares
    counts: LabelCounts
    dimensions: dict[Dimension, SideCounts]
    concepts: dict[Concept, int]
    speakers: dict[str, LabelCounts] = Field(description="Where speakers are named: the sentences of each.")
    sentences: list[SentenceAnswer]
    skipped: list[SkippedSpan]
    coverage: Coverage
    warnings: list[Warning_]
    model: ModelIdentity
    source: Source | None = Field(default=None, description="For a file.")
    text: str | None = Field(default=None, description="For a file with `include=text`: what offsets point into.")


class Limits(_Answer):
    """What the service refuses."""

    text_bytes: int
    sentences: int
    file_bytes: int
    pdf_pages: int
    body_bytes: int


class ModelAnswer(ModelIdentity):
    """The loaded model: identity, origin, vocabulary of its answers, and how well it did on the hold-out (value and 95% interval)."""

    data_sha256: str
    libraries: dict[str, str]
    labels: list[Label]
    dimensions: list[Dimension]
    concepts: list[Concept]
    skip_reasons: list[SkipReason]
    thresholds: dict[Side, Score]
    holdout_macro_f1: dict[Literal["value", "low", "high"], float]
    limits: Limits


class Health(_Answer):
    """The process answers."""

    status: Literal["ok"]


class Readiness(_Answer):
    """Documents can be tagged."""

    status: Literal["ready"]
    model: ModelIdentity


class SentenceRow(_Answer):
    """The answer for a text that is one sentence."""

    id: str | int | None
    label: Label
    scores: SideScores
    dimension: Dimension | None
    concept: Concept | None
    abstained: bool
    columns: dict[str, Any] = Field(description="The other columns of the row.")


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


def sentence_row(row_id: str | int | None, tag: Tag, columns: dict[str, Any]) -> SentenceRow:
    """Put the tag of a single sentence into the answer's format, beside the other columns of its row."""
    return SentenceRow(
        id=row_id,
        label=tag.label,
        scores=_scores(tag),
        dimension=tag.dimension,
        concept=tag.concept,
        abstained=tag.abstained,
        columns=columns,
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
