"""The segmentation gold, and how a segmenter is measured against it: also used by the benchmarks."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).with_name("gold")
Spans = list[tuple[int, int]]


class GoldDocument(NamedTuple):
    """A text without marks, and the sentences a reader marked in it."""

    name: str
    kind: str
    text: str
    sentences: Spans


def read_gold() -> list[GoldDocument]:
    """Read all documents of the gold."""
    return [_parse(path.stem, path.read_bytes().decode("utf-8")) for path in sorted(FOLDER.glob("*.txt"))]


def boundary_f1(documents: Iterable[GoldDocument], segmenter: Callable[[str], Spans]) -> float:
    """Return the F1 of the boundaries a segmenter sets: the starts and the ends of its sentences against those of the reader."""
    hits = found = wanted = 0
    for document in documents:
        given = _boundaries(segmenter(document.text))
        gold = _boundaries(document.sentences)
        hits += len(given & gold)
        found += len(given)
        wanted += len(gold)
    return 2 * hits / (found + wanted)


def _boundaries(spans: Spans) -> set[tuple[str, int]]:
    return {("start", start) for start, _ in spans} | {("end", end) for _, end in spans}


def _parse(name: str, marked: str) -> GoldDocument:
    text, sentences, opened = "", [], -1
    for piece in re.split(r"([⟦⟧])", marked):
        if piece == "⟦":
            opened = len(text)
        elif piece == "⟧":
            sentences.append((opened, len(text)))
        else:
            text += piece
    return GoldDocument(name, name.rsplit("-", 1)[0], text, sentences)
