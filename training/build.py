"""Turns the contrasts into labelled examples, joins the corpus, and removes what stands there twice."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

from model.contrasts import Contrasts, load_contrasts
from model.labels import Concept, Dimension, Label, Side
from training.corpus import Example, Manner, read_corpus
from training.duplicates import near_duplicates

TABLES: Final = ("embedding", "student")  # folders of committed tables that training reads beside the rows
_VOWELS: Final = "aeiou"


@dataclass(frozen=True)
class Row:
    """A labelled sentence of the data set, the statement of the document its dimension and side stand for, and its document's manner.

    `dimensions` are all readings of the dimension of a one-sided sentence, from which its head learns.
    """

    doc: str
    register: str
    text: str
    label: Label
    dimension: Dimension | None
    dimensions: tuple[Dimension, ...]
    concept: Concept | None
    contrast: str | None
    manner: Manner


@dataclass(frozen=True)
class DataSet:
    """The rows a model is trained on, what was removed on the way, and the hash of it all.

    Attributes:
        rows: corpus first, in the order of its files, then the examples made from the contrasts.
        duplicates: how many exact and near duplicates were dropped.
        sha256: hash of all that training learns from: every field of every row, in order, the word vectors, and the student's tables.
    """

    rows: tuple[Row, ...]
    duplicates: int
    sha256: str


def build(data: Path, near_duplicate: float) -> DataSet:
    """Build the training rows from a data folder.

    Args:
        data: the folder with `contrasts.yaml`, `corpus/`, and the committed tables.
        near_duplicate: share of common four-word runs, in (0, 1], from which the later of two sentences is dropped.

    Raises:
        CorpusError, ContrastsError: the data is missing or breaks its schema.
    """
    contrasts = load_contrasts(data / "contrasts.yaml")
    rows = [*corpus_rows(contrasts, read_corpus(data / "corpus")), *contrast_rows(contrasts)]
    kept = without_duplicates(rows, near_duplicate)
    digest = hashlib.sha256()
    for row in kept:
        digest.update(json.dumps(list(astuple(row))).encode())
    for folder in TABLES:
        for path in sorted((data / folder).glob("*")):
            digest.update(path.read_bytes())
    return DataSet(tuple(kept), len(rows) - len(kept), digest.hexdigest())


def corpus_rows(contrasts: Contrasts, examples: Iterable[Example]) -> list[Row]:
    """Join each oriented sentence of the corpus with the statement its side and dimension name; `mixed` takes the leadership side."""
    statements = {(side, contrast.id): contrast.side(side).statements[0].text for contrast in contrasts.contrasts for side in Side}
    return [
        Row(
            e.doc,
            e.register_,
            e.text,
            e.label,
            e.dimension,
            e.dimensions,
            e.concept,
            statements[Side.MANAGEMENT if e.label is Label.MANAGEMENT else Side.LEADERSHIP, e.dimension] if e.dimension else None,
            e.manner,
        )
        for e in examples
    ]


def contrast_rows(contrasts: Contrasts) -> list[Row]:
    """Break the statements into claims and put each claim into sentences: duty bullet, note line, first and third person."""
    sourced = [
        (contrast.id, side, statement.text, statement.claims)
        for contrast in contrasts.contrasts
        for side in Side
        for statement in contrast.side(side).statements
    ]
    sourced += [(unpaired.dimension, unpaired.side, unpaired.text, unpaired.claims) for unpaired in contrasts.unpaired]
    return [
        Row(
            f"contrast-{dimension}-{side}",
            "contrast",
            sentence,
            Label(side),
            dimension,
            () if dimension is None else (dimension,),
            claim.concept,
            text,
            Manner.PARTICULAR,
        )
        for dimension, side, text, claims in sourced
        for claim in claims
        for sentence in frames(claim.phrase)
    ]


def frames(phrase: str) -> list[str]:
    """Return a verb phrase ("set goals and targets") as the sentences in which working text says such things."""
    verb, _, rest = phrase.partition(" ")
    tail = f" {rest}" if rest else ""
    return [
        f"{verb.capitalize()}{tail}",
        f"Responsible for {gerund(verb)}{tail}.",
        f"Agreed that we need to {phrase}.",
        f"I spend most of my time trying to {phrase}.",
        f"She {third_person(verb)}{tail}.",
    ]


def third_person(verb: str) -> str:
    """Inflect a regular English verb: set -> sets, cascade -> cascades, express -> expresses, carry -> carries."""
    if verb.endswith("y") and verb[-2] not in _VOWELS:
        return f"{verb[:-1]}ies"
    return f"{verb}es" if verb.endswith(("s", "x", "z", "ch", "sh")) else f"{verb}s"


def gerund(verb: str) -> str:
    """Inflect a regular English verb: set -> setting, shape -> shaping, listen -> listening."""
    if verb.endswith("e") and not verb.endswith("ee"):
        return f"{verb[:-1]}ing"
    one_syllable = re.fullmatch(r"[^aeiou]*[aeiou][^aeiouwxy]", verb)
    return f"{verb}{verb[-1]}ing" if one_syllable else f"{verb}ing"


def without_duplicates(rows: Sequence[Row], near_duplicate: float) -> list[Row]:
    """Drop every row that says what an earlier one said, as `training.duplicates` decides."""
    repeated = {later for _, later in near_duplicates([row.text for row in rows], near_duplicate)}
    return [row for i, row in enumerate(rows) if i not in repeated]
