"""The labelled corpus: JSON lines, checked against a schema line by line."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from model.labels import Concept, Dimension, Label

Register = Literal[
    "jobad", "role", "minutes", "techminutes", "standup", "speech", "summary", "chat", "email", "handbook", "strategy", "review", "status",
    "tasks", "incident", "retro", "other",
]  # fmt: skip


class CorpusError(ValueError):
    """A corpus file is missing, or a line of it is wrong."""


class Example(BaseModel):
    """One labelled sentence.

    A `neither` has no dimension and no concept; `leadership` and `mixed` have a dimension and may have a concept, `management` a dimension
    only. `doc` names the document the sentence was written in; documents are never divided between training and measuring.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    doc: str = Field(min_length=1)
    text: str = Field(min_length=1)
    label: Label
    dimension: Dimension | None = None
    concept: Concept | None = None
    register_: Register = Field(alias="register")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.dimension is None) != (self.label is Label.NEITHER):
            raise ValueError("dimension must be given for leadership, management and mixed, and only for them")
        if self.concept and self.label in {Label.NEITHER, Label.MANAGEMENT}:
            raise ValueError("concept may be given for leadership and mixed only")
        if "\n" in self.text or self.text != self.text.strip():
            raise ValueError("text must be one line without white space around it")
        return self


def read_corpus(folder: Path) -> list[Example]:
    """Read every `*.jsonl` of a folder, files in the order of their names.

    Raises:
        CorpusError: the folder holds no such file, or a line breaks the schema; the message names file, line and field.
    """
    paths = sorted(folder.glob("*.jsonl"))
    if not paths:
        raise CorpusError(f"{folder}: no *.jsonl files; put labelled sentences there (data/README.md says how)")
    return [example for path in paths for example in _read_file(path)]


def _read_file(path: Path) -> Iterable[Example]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield Example.model_validate(json.loads(line))
            except json.JSONDecodeError as error:
                raise CorpusError(f"{path}, line {number}: not JSON ({error.msg} at column {error.colno})") from error
            except ValidationError as error:
                problems = "; ".join(
                    f"{'.'.join(map(str, e['loc'])) or 'fields together'}: {e['msg']}" for e in error.errors(include_input=False)
                )
                raise CorpusError(f"{path}, line {number}: {problems}") from error
