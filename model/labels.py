"""The names of everything Helmkeel says about a sentence: the only copy (defined in data/codebook.md)."""

from enum import StrEnum
from typing import Final


class Label(StrEnum):
    """What one sentence is about."""

    LEADERSHIP = "leadership"
    MANAGEMENT = "management"
    MIXED = "mixed"
    NEITHER = "neither"

    @property
    def tags(self) -> frozenset["Side"]:
        """The tags the label stands for: `mixed` carries both, `neither` none."""
        return _TAGS[self]

    @property
    def one_sided(self) -> bool:
        """Whether it stands for one tag."""
        return len(self.tags) == 1


class Side(StrEnum):
    """One side of a contrast; the model gives each its own calibrated score."""

    LEADERSHIP = "leadership"
    MANAGEMENT = "management"


_TAGS: Final = {
    Label.LEADERSHIP: frozenset({Side.LEADERSHIP}),
    Label.MANAGEMENT: frozenset({Side.MANAGEMENT}),
    Label.MIXED: frozenset(Side),
    Label.NEITHER: frozenset[Side](),
}


def label_of(leadership: bool, management: bool) -> Label:
    """Name the combination of the two tags."""
    if leadership and management:
        return Label.MIXED
    if leadership:
        return Label.LEADERSHIP
    return Label.MANAGEMENT if management else Label.NEITHER


class Verdict(StrEnum):
    """What a whole document is about; `insufficient` where there is too little text to say."""

    LEADERSHIP = "leadership"
    MANAGEMENT = "management"
    MIXED = "mixed"
    NEITHER = "neither"
    INSUFFICIENT = "insufficient"


class Dimension(StrEnum):
    """The eleven contrasts of the document."""

    PURPOSE = "purpose"
    DIRECTION = "direction"
    WORK = "work"
    CAPACITY = "capacity"
    EXECUTION = "execution"
    ACTORS = "actors"
    AUTHORITY = "authority"
    MOTIVATION = "motivation"
    CORRECTION = "correction"
    NETWORKS = "networks"
    EFFECTIVENESS = "effectiveness"


class Concept(StrEnum):
    """The nine framework concepts of the document; a leadership sentence shows one of them."""

    FORESIGHT = "foresight"
    INTERDEPENDENCE = "interdependence"
    VISION = "vision"
    COMMUNICATION = "communication"
    ALIGNMENT = "alignment"
    CREDIBILITY = "credibility"
    INSPIRATION = "inspiration"
    NETWORKS = "networks"
    COACHING = "coaching"


class SkipReason(StrEnum):
    """Why a stretch of a document was not scored."""

    HEADING = "heading"
    TOO_SHORT = "too_short"
    SPEAKER = "speaker"
    TIMESTAMP = "timestamp"
    CODE = "code"
    TABLE = "table"
    BOILERPLATE = "boilerplate"
    MARKER = "marker"
