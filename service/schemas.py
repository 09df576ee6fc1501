"""What goes over the wire: requests, and the answers that the API, the command and every other entry point give alike."""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from model.labels import Concept, Dimension, Label, Side, SkipReason, Verdict
from model.layout import TextKind
from service.readers import FileKind

MAX_ID_CHARACTERS: Final = 200

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


class Unit(StrEnum):
    """What a text is: a document to cut into sentences, or one sentence to tag as it stands."""

    DOCUMENT = "document"
    SENTENCE = "sentence"


class OffsetUnit(StrEnum):
    """What one step of an offset is."""

    CODEPOINTS = "codepoints"
    UTF16 = "utf16"
    BYTES = "bytes"


Include = Literal["evidence"]
DocumentId = Annotated[UnicodeText, Field(max_length=MAX_ID_CHARACTERS)]
_KINDS: Final = (
    "`prose` joins the lines of a paragraph, `notes` takes each line for itself, `transcript` takes names before a colon for speakers"
)


class _Common(BaseModel):
    """What every request may say about how texts are tagged and answered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: Unit = Field(
        default=Unit.DOCUMENT,
        description="`document` is cut into sentences; `sentence` is tagged as one sentence, however long, with nothing skipped.",
    )
    threshold: float | None = Field(
        default=None, gt=0, lt=1, description="Score from which each tag is given, in place of the model's own thresholds."
    )
    offsets: OffsetUnit = Field(default=OffsetUnit.CODEPOINTS, description="What `start` and `end` count.")


class _Options(_Common):
    include: tuple[Include, ...] = Field(default=(), description="`evidence`: the words that moved each score.")
    kind: TextKind = Field(default=TextKind.AUTO, description=f"How lines are read: {_KINDS}, `auto` decides from the text.")


class TagRequest(_Options):
    """A document to tag."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "id": "jd-17", "include": ["evidence"],
        "text": "Supervise six clerks and approve their leave.\nBuild trust across the departments.\nWe are in Leeds.",
    }]})  # fmt: skip

    text: UnicodeText = Field(description="The document, at most 1,000,000 bytes of UTF-8 and 10,000 sentences.")
    id: DocumentId | None = Field(default=None, description="Given back in the answer.")


class BatchDocument(BaseModel):
    """One document of a batch."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: UnicodeText = Field(description="At most 1,000,000 bytes of UTF-8 and 10,000 sentences.")
    id: DocumentId | None = Field(default=None, description="Given back in the answer.")


class BatchRequest(_Options):
    """Documents to tag, all read and answered in the same way."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "unit": "sentence",
        "documents": [{"id": "1", "text": "Supervise six clerks and approve their leave."}, {"id": "2", "text": "We are in Leeds."}],
    }]})  # fmt: skip

    documents: tuple[BatchDocument, ...] = Field(description="At most 100, with 20,000 sentences together.")


class LooseBatch(_Options):
    """A batch whose documents are checked one by one, so that one that does not fit spoils no other."""

    documents: list[Any]


class FileForm(_Common):
    """What may be sent beside a file."""

    id: DocumentId | None = Field(default=None, description="Given back in the answer.")
    include: tuple[Literal["evidence", "text"], ...] = Field(
        default=(), description="`evidence`: the words that moved each score; `text`: the extracted text. May be given twice."
    )
    kind: TextKind | None = Field(default=None, description=f"How lines are read: {_KINDS}; decided from the file if left out.")


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


class FieldProblem(_Answer):
    """What is wrong with one field of a request."""

    field: str = Field(examples=["text"])
    message: str = Field(examples=["Field required"])


class Problem(_Answer):
    """An error answer (RFC 9457). `code` is stable and meant for programs, `detail` for people."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "title": "Content Too Large", "status": 413, "code": "text_too_large",
        "detail": "text has 1200000 bytes of UTF-8, the limit is 1000000; send it in parts", "limit": 1000000, "size": 1200000,
    }]})  # fmt: skip

    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldProblem] | None = None
    limit: int | None = None
    size: int | None = None


class ItemError(_Answer):
    """Why one document of a batch has no answer; the others have theirs."""

    id: str | None = None
    error: Problem


class BatchResponse(_Answer):
    """One result for each document, in the order of the request: its answer, or why there is none."""

    results: list[TagResponse | ItemError]


class Limits(_Answer):
    """What the service refuses: more than so many of each."""

    text_bytes: int
    sentences: int
    documents: int = Field(description="In a batch.")
    batch_sentences: int = Field(description="In all documents of a batch together.")
    body_bytes: int
    file_bytes: int
    pdf_pages: int
    seconds: float = Field(description="For one request, waiting included.")


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
