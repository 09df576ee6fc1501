"""A document as people write it, cut into sentences to score and spans to skip.

A spaCy pipeline over blank English: a tokenizer that cuts where the model's features cut, a component that reads the layout
(`model.layout`), and
one that ends sentences inside the blocks the layout leaves. Every character that is not white space ends up in exactly one sentence or one
skipped span, and `text[start:end]` is the sentence.
"""

import re
import threading
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final

import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from model.labels import SkipReason
from model.layout import Skipped, TextKind, read_layout, strip
from model.patterns import ABBREVIATIONS, ENDING_ABBREVIATIONS, FIRST_WORD, LAST_WORD, SENTENCE_END, STARTERS, WORD
from model.tokens import TOKEN

MIN_WORDS: Final = 3
"""A fragment of fewer words than this is skipped as `too_short`: it takes guessing to find an orientation in it."""

_VOCABULARY_LIMIT: Final = 100_000

_PIECE = re.compile(rf"({TOKEN.pattern}|\s+)( ?)")


@dataclass(frozen=True, slots=True)
class Sentence:
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


class _Tokenizer:
    """spaCy tokenizer over `model.tokens.TOKEN`; the words and spaces of the `Doc` give back the text exactly."""

    def __init__(self, vocab: Vocab) -> None:
        self.vocab = vocab

    def __call__(self, text: str) -> Doc:
        pieces = _PIECE.findall(text)
        doc = Doc(self.vocab, words=[word for word, _ in pieces], spaces=[bool(space) for _, space in pieces])
        doc.user_data["text"] = text  # `doc.text` would put it together again from the tokens
        return doc


@Language.component("helmkeel_layout")
def _layout(doc: Doc) -> Doc:
    """Mark what the layout alone decides: skipped spans, and the blocks that may hold sentences."""
    layout = read_layout(doc.user_data["text"], doc.user_data["kind"])
    doc.user_data["blocks"] = layout.blocks
    doc.spans["skipped"] = [_span(doc, skipped.start, skipped.end, skipped.reason) for skipped in layout.skipped]
    return doc


@Language.component("helmkeel_sentences")
def _sentences(doc: Doc) -> Doc:
    """End sentences inside the blocks, and set aside those too short to judge."""
    text = doc.user_data["text"]
    sentences: list[Span] = []
    short: list[Span] = []
    for block in doc.user_data["blocks"]:
        for start, end in split(text, block.start, block.end):
            if sum(1 for _ in islice(WORD.finditer(text, start, end), MIN_WORDS)) < MIN_WORDS:
                short.append(_span(doc, start, end, SkipReason.TOO_SHORT))
            else:
                sentences.append(_span(doc, start, end, block.speaker or ""))
    doc.spans["sentences"] = sentences
    doc.spans["skipped"].extend(short)
    return doc


class _Pipelines(threading.local):
    """A pipeline for each thread: spaCy's vocabulary grows while it reads, and two threads must not grow the same one."""

    nlp: Language | None = None

    def get(self) -> Language:
        """Return the pipeline of this thread, made anew when it has seen so many words that it would grow without end."""
        if self.nlp is None or len(self.nlp.vocab) > _VOCABULARY_LIMIT:
            nlp = spacy.blank("en")
            nlp.vocab.lex_attr_getters = {}  # type: ignore[attr-defined]  # shapes, prefixes and the like are never asked for
            nlp.max_length = 10**9  # the length of a document is limited where it comes in
            nlp.tokenizer = _Tokenizer(nlp.vocab)
            nlp.add_pipe("helmkeel_layout")
            nlp.add_pipe("helmkeel_sentences")
            self.nlp = nlp
        return self.nlp


_pipelines = _Pipelines()


def segment(text: str, kind: TextKind = TextKind.AUTO) -> Segmentation:
    """Cut a document into sentences and skipped spans, both in order, offsets in code points of `text`."""
    nlp = _pipelines.get()
    doc = nlp.make_doc(text)
    doc.user_data["kind"] = kind
    doc = nlp(doc)
    sentences = []
    for span in doc.spans["sentences"]:
        start, end = span.start_char, span.end_char
        sentences.append(Sentence(start, end, text[start:end], span.label_ or None))
    skipped = [Skipped(s.start_char, s.end_char, SkipReason(s.label_)) for s in doc.spans["skipped"]]
    return Segmentation(sentences, sorted(skipped, key=lambda s: s.start))


def whole(text: str) -> Segmentation:
    """Take a text as one sentence, however long; none where there is only white space."""
    span = strip(text, 0, len(text))
    return Segmentation([Sentence(span.start, span.end, span.content)] if span.content else [], [])


def split(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """End sentences at closing punctuation before a capital or a digit, unless an abbreviation or an initial explains the point."""
    cuts = [start]
    for match in SENTENCE_END.finditer(text, start, end):
        if match[0][0] == "." and len(match[0].rstrip("*_")) == 1 and _explained(text, start, match.start(), match.end()):
            continue
        cuts.append(match.end())
    spans = (strip(text, a, b) for a, b in pairwise([*cuts, end]))
    return [(span.start, span.end) for span in spans if span.content]


def _explained(text: str, start: int, point: int, after: int) -> bool:
    """Whether a point belongs to an abbreviation, an initial, or a number at the head of the block, and so ends nothing."""
    found = LAST_WORD.search(text, max(start, point - 20), point)
    word = found[0].lower() if found else ""
    if word in ENDING_ABBREVIATIONS:
        following = FIRST_WORD.match(text, after)
        return not (following and following[1].lower() in STARTERS)
    initial = len(word) == 1 and word.isalpha() and word != "i"
    return word in ABBREVIATIONS or initial or (point - len(word) == start and word.isdigit())


def _span(doc: Doc, start: int, end: int, label: str) -> Span:
    span = doc.char_span(start, end, label=label, alignment_mode="expand")
    if span is None:
        raise AssertionError(f"no tokens at {start}:{end}")
    return span
