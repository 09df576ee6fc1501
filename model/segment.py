"""A document as people write it, cut into sentences to score and spans to skip.

`model.layout` reads the lines and leaves blocks of running text; here sentences are ended inside those blocks. All of it works on the
characters of the text: every one that is not white space ends up in exactly one sentence or one skipped span, and `text[start:end]` is the
sentence. `model.pipeline` does the same inside a spaCy pipeline.
"""

from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from model.labels import SkipReason
from model.layout import Skipped, TextKind, read_layout, strip
from model.patterns import ABBREVIATIONS, ENDING_ABBREVIATIONS, FIRST_WORD, LAST_WORD, SENTENCE_END, STARTERS, THREE_WORDS


class Sentence(NamedTuple):
    """A sentence to score: `text[start:end]`, in code points, and who said it where the document tells."""

    start: int
    end: int
    text: str
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class Segmentation:
    """All sentences and all skipped spans of a document, each in order; together they cover everything but white space."""

    sentences: list[Sentence]
    skipped: list[Skipped]


def segment(text: str, kind: TextKind = TextKind.AUTO) -> Segmentation:
    """Cut a document into sentences and skipped spans, both in order, offsets in code points of `text`.

    A fragment of fewer than three words is skipped as `too_short`: it takes guessing to find an orientation in it.
    """
    layout = read_layout(text, kind)
    sentences: list[Sentence] = []
    skipped = layout.skipped
    for block in layout.blocks:
        for start, end in split(text, block.start, block.end):
            if THREE_WORDS.match(text, start, end):
                sentences.append(Sentence(start, end, text[start:end], block.speaker))
            else:
                skipped.append(Skipped(start, end, SkipReason.TOO_SHORT))
    return Segmentation(sentences, sorted(skipped, key=attrgetter("start")))


def whole(text: str) -> Segmentation:
    """Take a text as one sentence, however long; none where there is only white space."""
    span = strip(text, 0, len(text))
    return Segmentation([Sentence(span.start, span.end, span.content)] if span.content else [], [])


def split(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """End sentences at closing punctuation before a capital or a digit, unless an abbreviation or an initial explains the point."""
    start, end, content = strip(text, start, end)
    if not content:
        return []
    spans = []
    begin = start
    for match in SENTENCE_END.finditer(text, start, end):
        mark = match[0]
        if mark[0] == "." and len(mark.rstrip("*_")) == 1 and _explained(text, start, match.start(), match.end()):
            continue
        spans.append((begin, match.end()))
        begin = match.end(1)  # of the white space behind it
    spans.append((begin, end))
    return spans


def _explained(text: str, start: int, point: int, after: int) -> bool:
    """Whether a point belongs to an abbreviation, an initial, or a number at the head of the block, and so ends nothing."""
    found = LAST_WORD.search(text, max(start, point - 20), point)
    word = found[0].lower() if found else ""
    if word in ENDING_ABBREVIATIONS:
        following = FIRST_WORD.match(text, after)
        return not (following and following[1].lower() in STARTERS)
    initial = len(word) == 1 and word.isalpha() and word != "i"
    return word in ABBREVIATIONS or initial or (point - len(word) == start and word.isdigit())
