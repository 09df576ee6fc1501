"""The labelled corpus: JSON lines, checked against a schema line by line."""

import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from model.labels import Concept, Dimension, Label

Register = Literal[
    "jobad", "role", "minutes", "techminutes", "standup", "speech", "summary", "chat", "email", "handbook", "strategy", "review", "status",
    "tasks", "incident", "retro", "other",
]  # fmt: skip


Line = TypeVar("Line", bound=BaseModel)


class Manner(StrEnum):
    """How a document is written.

    `office`: as offices write, with their abstract words (stakeholders, outcomes, deliver, improve) as often as real documents have them.
    `duties`: the same, but mostly statements of what somebody is there to arrange: far more of it is oriented than of other text, so
    that it teaches which dimension and concept a sentence has, not which tags.
    `particular`: full of particulars and nearly free of those words, as the earlier parts of the corpus are.
    """

    OFFICE = "office"
    DUTIES = "duties"
    PARTICULAR = "particular"

    @property
    def teaches_tags(self) -> bool:
        """Whether oriented sentences are as rare in it as in other text of its kind."""
        return self is not Manner.DUTIES


class CorpusError(ValueError):
    """A corpus file is missing, or a line of it is wrong."""


class Example(BaseModel):
    """One labelled sentence.

    A `neither` has no dimension and no concept; `leadership` and `mixed` have a dimension and may have a concept, `management` a dimension
    only. `doc` names the document the sentence was written in; documents are never divided between training and measuring.
    `readings` are the labels that readers gave independently, in the order of reading, the author first; empty where they were not kept.
    `dimension_readings` are the dimensions given by readers who saw the same side; `dimension` is the one most of them gave, the latest of
    those where several were given as often.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    doc: str = Field(min_length=1)
    text: str = Field(min_length=1)
    label: Label
    dimension: Dimension | None = None
    concept: Concept | None = None
    register_: Register = Field(alias="register")
    manner: Manner = Manner.PARTICULAR
    readings: tuple[Label, ...] = ()
    dimension_readings: tuple[Dimension, ...] = ()

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """All readings of the dimension; the one there is where they were not kept."""
        return self.dimension_readings or (() if self.dimension is None else (self.dimension,))

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.dimension is None) != (self.label is Label.NEITHER):
            raise ValueError("dimension must be given for leadership, management and mixed, and only for them")
        if self.concept and self.label in {Label.NEITHER, Label.MANAGEMENT}:
            raise ValueError("concept may be given for leadership and mixed only")
        if "\n" in self.text or self.text != self.text.strip():
            raise ValueError("text must be one line without white space around it")
        if self.readings and self.readings.count(self.label) * 2 <= len(self.readings):
            raise ValueError("label must be that of most readings")
        if self.dimension_readings and self.dimension is not settled(self.dimension_readings):
            raise ValueError("dimension must be the one most dimension_readings name, the latest of several")
        return self


def settled(readings: Sequence[Dimension]) -> Dimension:
    """Return the dimension that most readings name, the latest of several named as often."""
    return max(reversed(readings), key=readings.count)


class Disputed(BaseModel):
    """A sentence that was dropped because no label has most of its readings; kept so that agreement can be counted honestly."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    doc: str = Field(min_length=1)
    text: str = Field(min_length=1)
    register_: Register = Field(alias="register")
    readings: tuple[Label, ...] = Field(min_length=2)


class DocumentFacts(BaseModel):
    """Where a document comes from, as its author was imagined: for the tables of the data card, never for training.

    `author`, `polish` and `english` are recorded for the later parts only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    doc: str = Field(min_length=1)
    sector: str = Field(min_length=1)
    country: str = Field(min_length=1)
    author: str | None = None
    polish: Literal["polished", "plain", "rough"] | None = None
    english: str | None = None


def read_corpus(folder: Path) -> list[Example]:
    """Read every `*.jsonl` of a folder, files in the order of their names.

    Raises:
        CorpusError: the folder holds no such file, or a line breaks the schema; the message names file, line and field.
    """
    paths = sorted(folder.glob("*.jsonl"))
    if not paths:
        raise CorpusError(f"{folder}: no *.jsonl files; put labelled sentences there (data/README.md says how)")
    return [example for path in paths for example in read_lines(path, Example)]


def read_lines(path: Path, kind: type[Line]) -> Iterator[Line]:
    """Yield the lines of a JSON-lines file, each checked against its schema.

    Raises:
        CorpusError: a line is not JSON or breaks the schema; the message names file, line and field.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield kind.model_validate(json.loads(line))
            except json.JSONDecodeError as error:
                raise CorpusError(f"{path}, line {number}: not JSON ({error.msg} at column {error.colno})") from error
            except ValidationError as error:
                problems = "; ".join(
                    f"{'.'.join(map(str, e['loc'])) or 'fields together'}: {e['msg']}" for e in error.errors(include_input=False)
                )
                raise CorpusError(f"{path}, line {number}: {problems}") from error
