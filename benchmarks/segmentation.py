"""Segmenting beside other sentence splitters: boundaries on the marked documents, and speed on one thread."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import blingfire
import pysbd
import spacy
from spacy.language import Language

from model.artifact import load
from model.document import tag_document
from model.segment import segment
from model.tagger import Tagger
from service.settings import Settings
from tests.model.segmentation_gold import GoldDocument, Spans, boundary_f1, read_gold
from training.corpus import read_corpus

REPEATS = 3
DOCUMENT_SENTENCES = 60


def helmkeel(text: str) -> Spans:
    """Cut with the segmenter of this project."""
    return [(s.start, s.end) for s in segment(text).sentences]


def with_spacy(nlp: Language, text: str) -> Spans:
    """Cut with spaCy's rule-based sentencizer."""
    return _trimmed(text, [(s.start_char, s.end_char) for s in nlp(text).sents])


def with_pysbd(splitter: pysbd.Segmenter, text: str) -> Spans:
    """Cut with pysbd."""
    return _trimmed(text, [(s.start, s.end) for s in splitter.segment(text)])


def with_blingfire(text: str) -> Spans:
    """Cut with BlingFire."""
    _, spans = blingfire.text_to_sentences_and_offsets(text)
    return _trimmed(text, [(start, end) for start, end in spans])


def run(data: Path) -> str:
    """Measure all splitters and return a Markdown table."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.max_length = 10**8
    splitters: dict[str, Callable[[str], Spans]] = {
        "Helmkeel": helmkeel,
        "spaCy sentencizer": partial(with_spacy, nlp),
        "pysbd": partial(with_pysbd, pysbd.Segmenter(language="en", clean=False, char_span=True)),
        "BlingFire": with_blingfire,
    }
    gold, documents = read_gold(), corpus_documents(data)
    kinds = sorted({document.kind for document in gold})
    lines = [
        f"| splitter | boundary F1 | {' | '.join(kinds)} | sentences a second |",
        f"| --- | ---: |{' ---: |' * len(kinds)} ---: |",
    ]
    for name, splitter in splitters.items():
        by_kind = [boundary_f1(_of(gold, kind), splitter) for kind in kinds]
        speed = sentences_a_second(splitter, documents if name != "pysbd" else documents[:40])
        lines.append(f"| {name} | {boundary_f1(gold, splitter):.3f} | {' | '.join(f'{f:.3f}' for f in by_kind)} | {speed:,.0f} |")
    tagger = Tagger(load(Settings().artifact).model)
    tagged = sentences_a_second(lambda text: [(s.sentence.start, s.sentence.end) for s in tag_document(tagger, text).sentences], documents)
    return "\n".join([*lines, "", f"From raw text to tags, Helmkeel: {tagged:,.0f} sentences a second.", ""])


def corpus_documents(data: Path) -> list[str]:
    """Put the corpus together to documents of 60 sentences, as long as real minutes: every other one as lines, the rest as running text."""
    sentences = [example.text for example in read_corpus(data / "corpus")]
    parts = [sentences[i : i + DOCUMENT_SENTENCES] for i in range(0, len(sentences), DOCUMENT_SENTENCES)]
    return [("\n" if i % 2 else " ").join(part) for i, part in enumerate(parts)]


def sentences_a_second(splitter: Callable[[str], Spans], documents: list[str]) -> float:
    """Return the best of three runs on one thread."""
    best = 0.0
    for _ in range(REPEATS):
        started = time.perf_counter()
        found = sum(len(splitter(document)) for document in documents)
        best = max(best, found / (time.perf_counter() - started))
    return best


def _of(gold: list[GoldDocument], kind: str) -> list[GoldDocument]:
    return [document for document in gold if document.kind == kind]


def _trimmed(text: str, spans: list[tuple[int, int]]) -> Spans:
    """Leave out white space at the edges, so that splitters that keep it are not held to it."""
    cut = [(start + len(text[start:end]) - len(text[start:end].lstrip()), start + len(text[start:end].rstrip())) for start, end in spans]
    return [(start, end) for start, end in cut if end > start]
