"""Reads the layout of a document line by line: what is no sentence is skipped with a reason, the rest becomes blocks of running text."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final, NamedTuple

from model.labels import SkipReason
from model.patterns import (
    ATTRIBUTION,
    BOILERPLATE,
    BULLET,
    CHAT_SPEAKER,
    CLOSING,
    CODE,
    FENCE,
    HASHES,
    LINE,
    MAIL_HEADER,
    NOT_SPEAKERS,
    NUMBERED,
    QUOTE,
    RULE,
    SALUTATION,
    SIGNATURE,
    SPEAKER,
    SPEAKER_LINE,
    TABLE,
    TIME,
    UNDERLINE,
    UNUSUAL,
    WORD,
)

_MAX_HEADING_WORDS: Final = 8
_MAX_SIGNATURE_LINES: Final = 8
_MAX_SALUTATION_WORDS: Final = 5
_FULL_LINE: Final = 0.95  # of the width a text is wrapped to; people and programs count a little differently
_TERMINAL: Final = ".!?…;,"


class TextKind(StrEnum):
    """How lines are to be read.

    `prose`: a line break inside a paragraph is a soft wrap, and nobody speaks. `notes`: a line break ends a sentence unless the next
    line starts in lower case. `transcript`: names before a colon are speakers, however seldom. `auto` decides from the text.
    """

    AUTO = "auto"
    PROSE = "prose"
    NOTES = "notes"
    TRANSCRIPT = "transcript"


class Line(NamedTuple):
    """A line without its indent and line end: `text[start:end]`."""

    start: int
    end: int
    content: str


@dataclass(slots=True)
class Block:
    """A run of text, possibly over several lines, in which only punctuation ends a sentence."""

    start: int
    end: int
    speaker: str | None


class Skipped(NamedTuple):
    """A stretch of the document that is not scored, in code points, and why."""

    start: int
    end: int
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class Layout:
    """The blocks and skipped spans of a document; together they cover everything but white space."""

    blocks: list[Block]
    skipped: list[Skipped]


def read_layout(text: str, kind: TextKind) -> Layout:
    """Cut a text into blocks of running text and spans to skip."""
    lines = [line for match in LINE.finditer(text) if (line := strip(text, match.start(), match.end())).content]
    reader = _Reader(text, lines, kind)
    reader.read()
    return Layout(reader.blocks, reader.skipped)


def strip(text: str, start: int, end: int) -> Line:
    """Return `text[start:end]` without the white space around it."""
    whole = text[start:end]
    content = whole.strip()
    if len(content) < len(whole):
        start += len(whole) - len(whole.lstrip())
    return Line(start, start + len(content), content)


class _Reader:
    """Walks the lines of a document once, from top to bottom."""

    def __init__(self, text: str, lines: list[Line], kind: TextKind) -> None:
        self.text = text
        self.lines = lines
        self.kind = kind
        self.speakers = _speakers(lines, kind)
        self.width = _wrap_width(lines)
        self.running = _running_heads(text, lines)
        self.blocks: list[Block] = []
        self.skipped: list[Skipped] = []
        self._open: Line | None = None  # the line a following one may continue
        self._quoted = 0  # length of the quote marks before the last line
        self._speaker: str | None = None
        self._after_head = False  # whether the line before was a heading or the head of a page
        self._in_code = False
        self._in_mail_header = False
        self._signature_lines = 0

    def read(self) -> None:
        """Fill `blocks` and `skipped`."""
        for index, line in enumerate(self.lines):
            following = self.lines[index + 1] if index + 1 < len(self.lines) else None
            reason = self._reason(index, line, following)
            self._after_head = reason in {SkipReason.HEADING, SkipReason.BOILERPLATE}
            if reason is None:
                self._read_text(line)
            else:
                self.skipped.append(Skipped(line.start, line.end, reason))
                self._open = None

    def _reason(self, index: int, line: Line, following: Line | None) -> SkipReason | None:
        """Why a whole line is no text, if it is none."""
        content = line.content
        if self._in_code or self._signature_lines or UNUSUAL.match(content):
            reason = self._unusual(index, line)
            if reason:
                return reason
        else:
            self._in_mail_header = False
        if index in self.running:
            return SkipReason.BOILERPLATE
        if self._is_heading(line, following):
            self._speaker = None
            return SkipReason.HEADING
        return None

    def _unusual(self, index: int, line: Line) -> SkipReason | None:
        """Why a line is no text that looks like one of `UNUSUAL`, or follows one."""
        content = line.content
        if FENCE.match(content):
            self._in_code = not self._in_code
            return SkipReason.CODE
        if self._in_code:
            return SkipReason.CODE
        if self._is_mail_matter(index, line):
            return SkipReason.BOILERPLATE
        if RULE.match(content):
            return SkipReason.MARKER
        if TABLE.match(content):
            return SkipReason.TABLE
        if CODE.match(content):
            return SkipReason.CODE
        return SkipReason.BOILERPLATE if BOILERPLATE.match(content) else None

    def _is_mail_matter(self, index: int, line: Line) -> bool:
        """Headers of a mail, lines that introduce a quoted one, and signatures."""
        content = line.content
        if MAIL_HEADER.match(content):
            following = self.lines[index + 1 : index + 3]
            self._in_mail_header = self._in_mail_header or any(MAIL_HEADER.match(other.content) for other in following)
            if self._in_mail_header or index == 0:
                return True
        self._in_mail_header = False
        if self._is_salutation(line):
            return True
        if ATTRIBUTION.match(content):
            self._signature_lines = 0
            return True
        if SIGNATURE.match(content) or CLOSING.match(content):
            self._signature_lines = _MAX_SIGNATURE_LINES
            return True
        if (
            self._signature_lines
            and len(WORD.findall(content)) <= _MAX_HEADING_WORDS
            and content[-1] not in ".!?"
            and not QUOTE.match(content)
        ):
            self._signature_lines -= 1
            return True
        self._signature_lines = 0
        return False

    def _is_salutation(self, line: Line) -> bool:
        return bool(SALUTATION.match(line.content)) and self._alone(line) and len(WORD.findall(line.content)) <= _MAX_SALUTATION_WORDS

    def _is_heading(self, line: Line, following: Line | None) -> bool:
        content = line.content
        if HASHES.match(content):
            return True
        if following and UNDERLINE.match(following.content) and self._alone(line):
            return True
        if content[-1] in _TERMINAL:
            return False
        bullet = BULLET.match(content)
        found = islice(WORD.finditer(content, bullet.end() if bullet else 0), _MAX_HEADING_WORDS + 1)
        words = [match[0] for match in found]
        if not words or len(words) > _MAX_HEADING_WORDS or self._named_line(content):
            return False
        if bullet:
            return bool(NUMBERED.match(content) and self._alone(line) and following and self._gap(line, following))
        if content.endswith(":"):
            return not self._speaker_match(content)
        if content.isupper() and len(words) > 1:
            return True
        return self._looks_like_title(line, words, following)

    def _looks_like_title(self, line: Line, words: list[str], following: Line | None) -> bool:
        """Capitalised, or short and followed by a list, with nothing just above it."""
        if not words[0][0].isupper() or not self._alone(line) or self._speaker_match(line.content):
            return False
        telling = [word for word in words if len(word) > 3] or words
        capitalised = sum(word[0].isupper() or word[0].isdigit() for word in telling)
        opens_list = following is not None and len(words) <= 5 and bool(BULLET.match(following.content)) and not BULLET.match(line.content)
        return capitalised / len(telling) >= 0.7 or opens_list

    def _alone(self, line: Line) -> bool:
        """Whether a blank line, a heading, the head of a page, or nothing stands before the line."""
        if self._after_head:
            return True
        before = self.text[max(0, line.start - 200) : line.start]
        gap = before[len(before.rstrip()) :]
        return not before.strip() or gap.count("\n") > 1 or gap.count("\r") > 1 or "\f" in gap

    def _gap(self, line: Line, following: Line) -> bool:
        """Whether a blank line stands between two lines."""
        between = self.text[line.end : following.start]
        return max(between.count("\n"), between.count("\r")) > 1 or "\f" in between

    def _speaker_match(self, content: str, position: int = 0) -> re.Match[str] | None:
        match = speaker_at(content, position) if self.speakers else None
        return match if match and match[1] in self.speakers else None

    def _named_line(self, content: str) -> re.Match[str] | None:
        match = SPEAKER_LINE.match(content) if self.speakers else None
        return match if match and match[1] in self.speakers else None

    def _read_text(self, line: Line) -> None:
        """Take off what stands before the words, then open a block or go on with the last."""
        if self._is_speaker_line(line) or self._goes_on_quoted(line):
            return
        quoted = self._quoted
        position = self._take_off_marks(line, quoted)
        if position > quoted:
            self._open = None
        rest = Line(line.start + position, line.end, line.content[position:])
        if not rest.content:
            return
        if self._open and self._continues(self._open, rest):
            self.blocks[-1].end = rest.end
        else:
            self.blocks.append(Block(rest.start, rest.end, self._speaker))
        self._open = rest

    def _is_speaker_line(self, line: Line) -> bool:
        """A name and a time on a line of their own, above what was said."""
        match = self._named_line(line.content)
        if not match:
            return False
        self._speaker = match[1]
        self._mark(line, 0, match.end(1), SkipReason.SPEAKER)
        self._mark(line, match.end(1), len(line.content), SkipReason.TIMESTAMP)
        self._open = None
        return True

    def _goes_on_quoted(self, line: Line) -> bool:
        """Whether a quoted line goes on with the sentence of the quoted line before; its mark is then inside the sentence."""
        match = QUOTE.match(line.content)
        quoted = match.end() if match else 0
        rest = Line(line.start + quoted, line.end, line.content[quoted:])
        if quoted and quoted == self._quoted and self._open and rest.content and self._continues(self._open, rest):
            self.blocks[-1].end = line.end
            self._open = rest
            return True
        if quoted != self._quoted:
            self._open = None
            self._quoted = quoted
        return False

    def _take_off_marks(self, line: Line, position: int) -> int:
        """Skip quote mark, time, bullet and speaker at the head of a line; return where the words begin."""
        content = line.content
        self._mark(line, 0, position, SkipReason.MARKER)
        if match := TIME.match(content, position):
            self._mark(line, position, match.end(), SkipReason.TIMESTAMP)
            position = match.end()
        if match := BULLET.match(content, position):
            self._mark(line, position, match.end(), SkipReason.MARKER)
            position = match.end()
            self._speaker = None
        if match := self._speaker_match(content, position):
            self._mark(line, position, match.end(), SkipReason.SPEAKER)
            self._speaker = match[1]
            position = match.end()
        return position

    def _mark(self, line: Line, start: int, end: int, reason: SkipReason) -> None:
        if start == end:
            return
        stretch = strip(self.text, line.start + start, line.start + end)
        if stretch.content:
            self.skipped.append(Skipped(stretch.start, stretch.end, reason))

    def _continues(self, previous: Line, line: Line) -> bool:
        """Whether a line goes on with the sentence of the one before: a soft wrap, not a new item."""
        if self._gap(previous, line):
            return False
        if self.kind is TextKind.PROSE:
            return True
        if line.content[0].islower():
            return previous.content[-1] not in ".!?:;"
        if self.kind is TextKind.NOTES:
            return False
        first_word = line.content.split(maxsplit=1)[0]
        return self.width is not None and len(previous.content) + 1 + len(first_word) > _FULL_LINE * self.width


def speaker_at(content: str, position: int) -> re.Match[str] | None:
    """Match a name and a colon; after a time the name may be in lower case."""
    after_time = position > 0 and (time := TIME.match(content)) is not None and time.end() == position
    return (CHAT_SPEAKER if after_time else SPEAKER).match(content, position)


def _wrap_width(lines: list[Line]) -> int | None:
    """The width a document is wrapped to: that of its longest line, if no wider than a screen, and if a third of all lines come near it."""
    lengths = [len(line.content) for line in lines]
    width = max(lengths, default=0)
    near = sum(length >= 0.8 * width for length in lengths)
    return width if 40 <= width <= 120 and near >= max(3, len(lengths) / 3) else None


def _speakers(lines: Iterable[Line], kind: TextKind) -> frozenset[str]:
    """The names that open turns: prefixes before a colon, or before a time on a line of their own.

    Outside transcripts there must be three lines of them, and one name must come back, else a colon is just a colon.
    """
    if kind is TextKind.PROSE:
        return frozenset()
    found: Counter[str] = Counter()
    for line in lines:
        if ":" not in line.content:  # it stands behind every speaker, or in the time
            continue
        match = SPEAKER_LINE.match(line.content)
        if not match:
            position = time.end() if (time := TIME.match(line.content)) else 0
            if bullet := BULLET.match(line.content, position):
                position = bullet.end()
            match = speaker_at(line.content, position)
        if match and match[1].split()[0].lower() not in NOT_SPEAKERS:
            found[match[1]] += 1
    certain = kind is TextKind.TRANSCRIPT or (found.total() >= 3 and any(count > 1 for count in found.values()))
    return frozenset(found) if certain else frozenset()


def _running_heads(text: str, lines: list[Line]) -> frozenset[int]:
    """The lines that come back at the top or the foot of pages (form feeds divide pages), numbers aside."""
    if "\f" not in text:
        return frozenset()
    pages: list[list[int]] = [[]]
    position = 0
    for index, line in enumerate(lines):
        if "\f" in text[position : line.start]:
            pages.append([])
        pages[-1].append(index)
        position = line.end
    edges = [index for page in pages for index in dict.fromkeys([*page[:2], *page[-2:]])]
    shapes = Counter(re.sub(r"\d+", "0", lines[index].content) for index in edges)
    return frozenset(index for index in edges if shapes[re.sub(r"\d+", "0", lines[index].content)] > 1)
