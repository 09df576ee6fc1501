"""Answers as rows: the columns there are, and how a row looks as JSON and in a table (docs/batch.md)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import pyarrow as pa

from model.document import TaggedDocument
from model.labels import Dimension, Label, Side
from model.tagger import Tag
from service.answers import DECIMALS, coverage_of
from service.batch.records import Record

MODEL_DIGITS: Final = 12
"""Digits of the model's hash that each row carries."""


@dataclass(slots=True)
class Table:
    """Rows as columns, in order.

    Attributes:
        columns: values of each column of the answer; nested ones as objects.
        owners: for each row, which of `records` it belongs to.
        records: where the rows come from, for the columns they pass on.
    """

    columns: dict[str, list[Any]]
    owners: list[int] = field(default_factory=list)
    records: Sequence[Record] = ()


SENTENCE_FIELDS: Final = (
    "source", "id", "index", "start", "end", "text", "label", "leadership", "management", "dimension", "concept", "speaker", "abstained",
    "model",
)  # fmt: skip

_TYPES: Final = {
    "source": pa.string(), "index": pa.int32(), "start": pa.int32(), "end": pa.int32(), "text": pa.string(), "label": pa.string(),
    "leadership": pa.float64(), "management": pa.float64(), "dimension": pa.string(), "concept": pa.string(), "speaker": pa.string(),
    "abstained": pa.bool_(), "model": pa.string(),
}  # fmt: skip


def sentence_rows(records: Sequence[Record], documents: Sequence[TaggedDocument], model: str) -> Table:
    """Make a row of each sentence."""
    table = Table({name: [] for name in SENTENCE_FIELDS}, records=records)
    source, identifier, index, start, end, text, label, leadership, management, dimension, concept, speaker, abstained, models = (
        table.columns.values()
    )
    for owner, (record, document) in enumerate(zip(records, documents, strict=True)):
        size = len(document.sentences)
        table.owners += [owner] * size
        source += [record.source] * size
        identifier += [record.row if record.id is None else record.id] * size
        index += range(size)
        models += [model] * size
        for tagged in document.sentences:
            sentence, tag = tagged.sentence, tagged.tag
            start.append(sentence.start)
            end.append(sentence.end)
            text.append(sentence.text)
            speaker.append(sentence.speaker)
            label.append(tag.label)
            leadership.append(round(tag.leadership, DECIMALS))
            management.append(round(tag.management, DECIMALS))
            dimension.append(tag.dimension)
            concept.append(tag.concept)
            abstained.append(tag.abstained)
    return table


def lone_rows(records: Sequence[Record], tags: Sequence[Tag]) -> Table:
    """Make a row of each text that was taken as one sentence."""
    columns: dict[str, list[Any]] = {
        "id": [record.id for record in records],
        "label": [tag.label for tag in tags],
        "leadership": [round(tag.leadership, DECIMALS) for tag in tags],
        "management": [round(tag.management, DECIMALS) for tag in tags],
        "dimension": [tag.dimension for tag in tags],
        "concept": [tag.concept for tag in tags],
        "abstained": [tag.abstained for tag in tags],
    }
    return Table(columns, list(range(len(records))), records)


def document_rows(records: Sequence[Record], documents: Sequence[TaggedDocument], model: str) -> Table:
    """Make a row of each document."""
    columns: dict[str, list[Any]] = {
        "source": [record.source for record in records],
        "id": [record.row if record.id is None else record.id for record in records],
        "label": [document.label for document in documents],
        "counts": [{"sentences": len(document.sentences)} | document.counts for document in documents],
        "shares": [{label: round(share, DECIMALS) for label, share in document.shares.items()} for document in documents],
        "dimensions": [document.dimensions for document in documents],
        "concepts": [document.concepts for document in documents],
        "speakers": [
            {name: {"sentences": sum(counts.values())} | counts for name, counts in document.speakers.items()} for document in documents
        ],
        "coverage": [coverage_of(document, record.text) for record, document in zip(records, documents, strict=True)],
        "warnings": [["unsupported_language"] if document.unsupported_language else [] for document in documents],
        "model": [model] * len(records),
    }
    return Table(columns, list(range(len(records))), records)


def to_json_lines(table: Table) -> bytes:
    """Write a row a line; the scores stand together as in the answers of the API, and what is passed on in `columns`."""
    columns = dict(table.columns)
    options = orjson.OPT_APPEND_NEWLINE
    if "leadership" in columns:
        pairs = zip(columns["leadership"], columns.pop("management"), strict=True)
        columns["leadership"] = [{"leadership": leadership, "management": management} for leadership, management in pairs]
    else:
        options |= orjson.OPT_NON_STR_KEYS  # counts by label and the like; takes a third longer, so only where there are some
    names = ["scores" if name == "leadership" else name for name in columns] + ["columns"]
    passed = [record.columns for record in table.records]
    rows = zip(*columns.values(), [passed[owner] for owner in table.owners], strict=True)
    return b"".join([_json(dict(zip(names, row, strict=True)), options) for row in rows])


def _json(row: dict[str, Any], options: int) -> bytes:
    try:
        return orjson.dumps(row, plain, options)
    except TypeError:  # whole numbers of more than 64 bits, or what a table has for names
        return (json.dumps(row, ensure_ascii=False, default=plain, separators=(",", ":")) + "\n").encode()


def to_arrow(table: Table, passed: pa.Schema | None) -> pa.Table:
    """Make a flat table: nested answers become columns of their own or JSON; `passed` gives the types of columns passed on, if known."""
    arrays: dict[str, pa.Array] = {}
    for name, values in table.columns.items():
        if name in _FLATTENED:
            arrays |= _FLATTENED[name](values)
        elif name == "id":
            arrays[name] = _inferred(values)
        else:
            arrays[name] = pa.array(values, _TYPES[name])
    names = dict.fromkeys(name for record in table.records for name in record.columns)
    for name in names:
        values = [table.records[owner].columns.get(name) for owner in table.owners]
        kind = passed.field(name).type if passed is not None and name in passed.names else None
        arrays[name if name not in arrays else f"input_{name}"] = _inferred(values) if kind is None else pa.array(values, kind)
    return pa.table(arrays)


def plain(value: object) -> object:
    """Turn what JSON has no word for (decimals, binary, sets of keys) into text."""
    return value.hex() if isinstance(value, bytes) else str(value)


def _inferred(values: list[Any]) -> pa.Array:
    """Give values the type they share, text where they share none; lists and objects as JSON."""
    if not any(isinstance(value, (dict, list)) for value in values):
        try:
            return pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
            pass
    return pa.array([value if value is None or isinstance(value, str) else as_text(value) for value in values], pa.string())


def as_text(value: object) -> str:
    """Write any value as text: lists and objects as JSON."""
    if isinstance(value, (dict, list, bool, float)):
        return json.dumps(value, ensure_ascii=False, default=plain)
    return str(plain(value))


def _counts(values: list[dict[str, int]]) -> dict[str, pa.Array]:
    return {name: pa.array([value[name] for value in values], pa.int32()) for name in ("sentences", *Label)}


def _shares(values: list[dict[str, float]]) -> dict[str, pa.Array]:
    return {f"share_{name}": pa.array([value[name] for value in values], pa.float64()) for name in Label}


def _dimensions(values: list[dict[str, dict[str, int]]]) -> dict[str, pa.Array]:
    return {
        f"{dimension}_{side}": pa.array([value.get(dimension, {}).get(side, 0) for value in values], pa.int32())
        for dimension in Dimension
        for side in Side
    }


def _coverage(values: list[dict[str, Any]]) -> dict[str, pa.Array]:
    return {
        "characters": pa.array([value["characters"] for value in values], pa.int64()),
        "characters_scored": pa.array([value["scored"] for value in values], pa.int64()),
        "skipped": pa.array([as_text(value["skipped"]) for value in values], pa.string()),
    }


def _as_json(name: str) -> Any:  # noqa: ANN401
    return lambda values: {name: pa.array([as_text(value) for value in values], pa.string())}


_FLATTENED: Final[dict[str, Any]] = {
    "counts": _counts, "shares": _shares, "dimensions": _dimensions, "coverage": _coverage, "concepts": _as_json("concepts"),
    "speakers": _as_json("speakers"), "warnings": lambda values: {"warnings": pa.array([" ".join(value) for value in values], pa.string())},
}  # fmt: skip
