"""A document as people write them, cut into sentences to score and spans to skip.

A spaCy pipeline over blank English: a tokenizer that cuts where the model's features cut, a component that reads the layout line by line
(headings, bullets, speaker turns, time stamps, code, tables), and one that ends sentences inside the blocks the layout leaves. Every
character that is not white space ends up in exactly one sentence or one skipped span, and `text[start:end]` is the sentence.
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final, NamedTuple

import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from model.labels import SkipReason
from model.tokens import TOKEN

MIN_WORDS: Final = 3
"""A fragment of fewer words than this is skipped as `too_short`: it takes guessing to find an orientation in it."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence to score: `text[start:end]`, in code points, and who said it where the document tells."""

    start: int
    end: int
    text: str
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A stretch of the document that is not scored, in code points, and why."""

    start: int
    end: int
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class Segmentation:
    """All sentences and all skipped spans of a document, each in order; together they cover everything but white space."""

    sentences: list[Sentence]
    skipped: list[Skipped]


class _Line(NamedTuple):
    """A line without its indent and line end: `text[start:end]`."""

    start: int
    end: int
    content: str


@dataclass(slots=True)
class _Block:
    """A run of text, possibly over several lines, in which only punctuation ends a sentence."""

    start: int
    end: int
    speaker: str | None


_PIECE = re.compile(rf"({TOKEN.pattern}|\s+)( ?)")
_LINE = re.compile(r"[^\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
_FENCE = re.compile(r"(?:```|~~~)")
_RULE = re.compile(r"[-=*_~#.·•─━ \t]+$")
_TABLE = re.compile(r"\|.*\||[^|]+\|[^|]+\||.*\t.*\t")
_BULLET = re.compile(
    r"(?:[-*+•‣◦▪●○–—·»>✓☐☑]+|\(?\d{1,3}(?:\.\d{1,3})*[.)]|\d{1,3}(?:\.\d{1,3})+|\(?[a-z][.)]|\(?[A-Z]\)|\(?[ivx]{1,4}\))\s+"
    r"(?:\[[ xX]\]\s+)?"
)
_TIME = re.compile(
    r"[\[(]?(?:\d{4}-\d{2}-\d{2}[T, ]+|\d{1,2}[/.]\d{1,2}[/.]\d{2,4},?\s+)?"
    r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?\s?(?:[aApP]\.?[mM]\.?)?[\])]?"
    r"(?:\s*-->\s*[\d:.,]+)?(?=$|\s)(?:\s+[-–—]\s+|\s+)?"
)
_SPEAKER = re.compile(r"((?:[A-Z][\w.'’-]*|@[\w.-]+)(?: (?:[A-Z][\w.'’-]*|de|van|von|der|la|al)){0,3}(?: ?\([^()]{1,40}\))?) ?:(?:\s+|$)")
_HASHES = re.compile(r"#{1,6}\s+")
_UNDERLINE = re.compile(r"(?:={3,}|-{3,})$")
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s+[\"'“‘(\[]*[A-Z0-9])")
_LAST_WORD = re.compile(r"[\w.]*$")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

# Labels that stand before a colon at the head of a line and are no speaker.
_NOT_SPEAKERS: Final = frozenset(
    """
    action actions agenda aim apologies attendees background benefits cc closing contact context date deadline decision
    decisions department due duration example goal hours issue issues location next note notes objective outcome owner
    present pros purpose question questions re regrets reports requirements resolved risk risks salary scope status
    subject summary tbd team time title todo to from topic type update updates venue vote when where why
    """.split()
)
_ABBREVIATIONS: Final = frozenset(
    """
    mr mrs ms dr prof sr jr st hon rev gen col sgt lt capt gov sen rep no nos vs etc inc ltd co corp dept est approx fig
    figs sec ch vol pp ed eds e.g i.e eg ie cf al a.m p.m u.s u.k u.n jan feb mar apr jun jul aug sept sep oct nov dec
    mon tue tues wed thu thur thurs fri
    """.split()
)
_MAX_HEADING_WORDS: Final = 8


class _Tokenizer:
    """spaCy tokenizer over `model.tokens.TOKEN`; the words and spaces of the `Doc` give back the text exactly."""

    def __init__(self, vocab: Vocab) -> None:
        self.vocab = vocab

    def __call__(self, text: str) -> Doc:
        pieces = _PIECE.findall(text)
        return Doc(self.vocab, words=[word for word, _ in pieces], spaces=[bool(space) for _, space in pieces])


@Language.component("helmkeel_layout")
def _layout(doc: Doc) -> Doc:
    """Mark what the layout alone decides: skipped spans, and the blocks that may hold sentences."""
    text = doc.text
    lines = [_strip(text, match.start(), match.end()) for match in _LINE.finditer(text)]
    reader = _LayoutReader(text, _speakers(lines), _wrap_width(lines))
    reader.read([line for line in lines if line.content])
    doc.user_data["blocks"] = reader.blocks
    doc.spans["skipped"] = [_span(doc, skipped.start, skipped.end, skipped.reason) for skipped in reader.skipped]
    return doc


@Language.component("helmkeel_sentences")
def _sentences(doc: Doc) -> Doc:
    """End sentences inside the blocks, and set aside those too short to judge."""
    text = doc.text
    sentences: list[Span] = []
    short: list[Span] = []
    for block in doc.user_data["blocks"]:
        for start, end in _split(text, block.start, block.end):
            if len(_WORD.findall(text, start, end)) < MIN_WORDS:
                short.append(_span(doc, start, end, SkipReason.TOO_SHORT))
            else:
                sentences.append(_span(doc, start, end, block.speaker or ""))
    doc.spans["sentences"] = sentences
    doc.spans["skipped"].extend(short)
    return doc


@cache
def _pipeline() -> Language:
    nlp = spacy.blank("en")
    nlp.max_length = 10**9  # the length of a document is limited where it comes in
    nlp.tokenizer = _Tokenizer(nlp.vocab)
    nlp.add_pipe("helmkeel_layout")
    nlp.add_pipe("helmkeel_sentences")
    return nlp


def segment(text: str) -> Segmentation:
    """Cut a document into sentences and skipped spans, both in order, offsets in code points of `text`."""
    nlp = _pipeline()
    with nlp.memory_zone():  # else the vocabulary would keep every word ever seen
        doc = nlp(text)
        sentences = [Sentence(s.start_char, s.end_char, s.text, s.label_ or None) for s in doc.spans["sentences"]]
        skipped = [Skipped(s.start_char, s.end_char, SkipReason(s.label_)) for s in doc.spans["skipped"]]
    return Segmentation(sentences, sorted(skipped, key=lambda s: s.start))


class _LayoutReader:
    """Walks the lines of a document once, from top to bottom."""

    def __init__(self, text: str, speakers: frozenset[str], width: int | None) -> None:
        self.text = text
        self.speakers = speakers
        self.width = width
        self.blocks: list[_Block] = []
        self.skipped: list[Skipped] = []
        self._open: _Line | None = None  # the line a following one may continue
        self._speaker: str | None = None
        self._in_code = False

    def read(self, lines: list[_Line]) -> None:
        for index, line in enumerate(lines):
            following = lines[index + 1] if index + 1 < len(lines) else None
            if _FENCE.match(line.content):
                self._in_code = not self._in_code
                self._skip(line, SkipReason.CODE)
            elif self._in_code:
                self._skip(line, SkipReason.CODE)
            elif _RULE.match(line.content):
                self._skip(line, SkipReason.MARKER)
            elif _TABLE.match(line.content):
                self._skip(line, SkipReason.TABLE)
            elif self._is_heading(line, following):
                self._skip(line, SkipReason.HEADING)
                self._speaker = None
            else:
                self._read_text(line)

    def _skip(self, line: _Line, reason: SkipReason) -> None:
        self.skipped.append(Skipped(line.start, line.end, reason))
        self._open = None

    def _is_heading(self, line: _Line, following: _Line | None) -> bool:
        content = line.content
        if _HASHES.match(content):
            return True
        if following and _UNDERLINE.match(following.content) and self._alone(line):
            return True
        bullet = _BULLET.match(content)
        words = _WORD.findall(content, bullet.end() if bullet else 0)
        if not words or len(words) > _MAX_HEADING_WORDS or content[-1] in ".!?;,…":
            return False
        if bullet and not (content[0].isdigit() and self._alone(line) and following and self._gap(line, following)):
            return False
        if content.endswith(":"):
            return not self._speaker_match(content)
        if content.isupper() and len(words) > 1:
            return True
        telling = [word for word in words if len(word) > 3] or words
        capitalised = sum(word[0].isupper() or word[0].isdigit() for word in telling)
        return words[0][0].isupper() and capitalised / len(telling) >= 0.7 and self._alone(line)

    def _alone(self, line: _Line) -> bool:
        """Whether a blank line, or nothing, stands before the line."""
        before = self.text[: line.start].rstrip(" \t")[-2:]
        return not before or before in {"\n\n", "\n\r"} or before == "\n"

    def _gap(self, line: _Line, following: _Line) -> bool:
        return self.text.count("\n", line.end, following.start) > 1

    def _speaker_match(self, content: str, position: int = 0) -> re.Match[str] | None:
        match = _SPEAKER.match(content, position)
        return match if match and match[1] in self.speakers else None

    def _read_text(self, line: _Line) -> None:
        position = 0
        if match := _TIME.match(line.content):
            self._mark(line, position, match.end(), SkipReason.TIMESTAMP)
            position = match.end()
        if bullet := _BULLET.match(line.content, position):
            self._mark(line, position, bullet.end(), SkipReason.MARKER)
            position = bullet.end()
            self._speaker = None
        if turn := self._speaker_match(line.content, position):
            self._mark(line, position, turn.end(), SkipReason.SPEAKER)
            self._speaker = turn[1]
            position = turn.end()
        if position:
            self._open = None
        rest = _Line(line.start + position, line.end, line.content[position:])
        if not rest.content:
            return
        if self._open and self._continues(self._open, rest):
            self.blocks[-1].end = rest.end
        else:
            self.blocks.append(_Block(rest.start, rest.end, self._speaker))
        self._open = rest

    def _mark(self, line: _Line, start: int, end: int, reason: SkipReason) -> None:
        stretch = line.content[start:end].rstrip()
        self.skipped.append(Skipped(line.start + start, line.start + start + len(stretch), reason))

    def _continues(self, previous: _Line, line: _Line) -> bool:
        """Whether a line goes on with the sentence of the one before: a soft wrap, not a new item."""
        if self._gap(previous, line):
            return False
        if line.content[0].islower():
            return previous.content[-1] not in ".!?:;"
        first_word = line.content.split(maxsplit=1)[0]
        return self.width is not None and len(previous.content) + 1 + len(first_word) > self.width


def _strip(text: str, start: int, end: int) -> _Line:
    content = text[start:end]
    lead = len(content) - len(content.lstrip())
    content = content.strip()
    return _Line(start + lead, start + lead + len(content), content)


def _wrap_width(lines: list[_Line]) -> int | None:
    """The width a document is wrapped to: that of its longest line, if no wider than a screen, and if a third of all lines come near it."""
    lengths = [len(line.content) for line in lines]
    width = max(lengths, default=0)
    near = sum(length >= 0.8 * width for length in lengths)
    return width if 40 <= width <= 120 and near >= max(3, len(lengths) / 3) else None


def _speakers(lines: list[_Line]) -> frozenset[str]:
    """The names that open turns: prefixes before a colon, where at least three lines have one and one of them comes back."""
    found: Counter[str] = Counter()
    for line in lines:
        position = time.end() if (time := _TIME.match(line.content)) else 0
        if bullet := _BULLET.match(line.content, position):
            position = bullet.end()
        match = _SPEAKER.match(line.content, position)
        if match and match[1].split()[0].lower() not in _NOT_SPEAKERS:
            found[match[1]] += 1
    repeated = any(count > 1 for count in found.values())
    return frozenset(found) if found.total() >= 3 and repeated else frozenset()


def _split(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """End sentences at closing punctuation before a capital or a digit, unless an abbreviation or an initial explains the point."""
    cuts = [start]
    for match in _SENTENCE_END.finditer(text, start, end):
        if match[0] == "." and _explained(text, start, match.start()):
            continue
        cuts.append(match.end())
    spans = (_strip(text, a, b) for a, b in pairwise([*cuts, end]))
    return [(span.start, span.end) for span in spans if span.content]


def _explained(text: str, start: int, point: int) -> bool:
    found = _LAST_WORD.search(text, max(start, point - 20), point)
    word = found[0] if found else ""
    return (
        word.lower() in _ABBREVIATIONS
        or (len(word) == 1 and word.isupper() and word != "I")
        or (point - len(word) == start and word.isdigit())
    )


def _span(doc: Doc, start: int, end: int, label: str) -> Span:
    span = doc.char_span(start, end, label=label, alignment_mode="expand")
    if span is None:
        raise AssertionError(f"no tokens at {start}:{end}")
    return span
