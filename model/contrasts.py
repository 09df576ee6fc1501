"""The contrasts of the source document, read from `data/contrasts.yaml` and checked."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from model.labels import Concept, Dimension, Side


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Claim(_Strict):
    """An atomic claim of a statement.

    `claim` is a stretch of the statement, `phrase` the same in plain words as a verb phrase ("set goals and targets").
    """

    claim: str
    phrase: str
    concept: Concept | None = None


class Statement(_Strict):
    """One statement in the document's exact words, with the claims it is made of."""

    text: str
    claims: tuple[Claim, ...]


class ContrastSide(_Strict):
    """What the document says on one side of a dimension, and in which of its sections."""

    section: str
    statements: tuple[Statement, ...]


class Contrast(_Strict):
    """A dimension with both of its sides."""

    id: Dimension
    leadership: ContrastSide
    management: ContrastSide

    def side(self, side: Side) -> ContrastSide:
        """Return one side of the contrast."""
        return self.leadership if side is Side.LEADERSHIP else self.management


class UnpairedStatement(Statement):
    """A statement that has no twin on the other side."""

    dimension: Dimension
    side: Side
    section: str


class FrameworkConcept(_Strict):
    """One of the nine framework concepts, in the document's words."""

    id: Concept
    text: str


class Definitions(_Strict):
    """How the document defines its terms."""

    common: str
    leadership: str
    management: str


class SourceDocument(_Strict):
    """The document the contrasts come from."""

    title: str
    definitions: Definitions


class Contrasts(_Strict):
    """Everything the source document contrasts: 11 dimensions, 9 concepts, the definitions and the statement without a twin."""

    document: SourceDocument
    concepts: tuple[FrameworkConcept, ...]
    contrasts: tuple[Contrast, ...]
    unpaired: tuple[UnpairedStatement, ...]


class ContrastsError(ValueError):
    """`contrasts.yaml` is missing, is not YAML, or lacks something."""


def load_contrasts(path: Path) -> Contrasts:
    """Read and check the contrasts.

    Raises:
        ContrastsError: the file cannot be read, a field is wrong, or a dimension or concept is missing or doubled.
    """
    try:
        contrasts = Contrasts.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ContrastsError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, ValidationError) as error:
        raise ContrastsError(f"{path}: {error}") from error
    if [c.id for c in contrasts.contrasts] != list(Dimension):
        raise ContrastsError(f"{path}: contrasts must be the {len(Dimension)} dimensions, in order: {', '.join(Dimension)}")
    if [c.id for c in contrasts.concepts] != list(Concept):
        raise ContrastsError(f"{path}: concepts must be the {len(Concept)} concepts, in order: {', '.join(Concept)}")
    return contrasts
