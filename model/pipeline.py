"""Helmkeel as a component of a spaCy pipeline, beside whatever else is in it: `nlp.add_pipe("helmkeel")`.

Each document then has

- `doc.spans["helmkeel"]`: the sentences that were scored, each with its label as `label_` and its `model.tagger.Tag` as `span._.helmkeel`;
- `doc.spans["helmkeel_skipped"]`: what was not scored, with the reason as `label_`.

Segmenting itself needs no spaCy (`model.segment`): its rules read characters, and making tokens of them took half of its time.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, Span

from model.artifact import load
from model.document import TaggedDocument, tag_all
from model.segment import segment
from model.tagger import Tagger

SPANS = "helmkeel"
SKIPPED = "helmkeel_skipped"


class Component:
    """Marks the sentences of a document that spaCy has cut into tokens, whichever tokenizer did that."""

    def __init__(self, tagger: Tagger) -> None:
        self._tagger = tagger
        if not Span.has_extension(SPANS):
            Span.set_extension(SPANS, default=None)

    def __call__(self, doc: Doc) -> Doc:
        """Mark one document."""
        return next(self.pipe([doc]))

    def pipe(self, docs: Iterable[Doc], batch_size: int = 64) -> Iterator[Doc]:
        """Mark many documents, `batch_size` at a time."""
        waiting = iter(docs)
        while batch := list(islice(waiting, batch_size)):
            tagged = tag_all(self._tagger, [segment(doc.text) for doc in batch])
            for doc, found in zip(batch, tagged, strict=True):
                _mark(doc, found)
            yield from batch


@Language.factory("helmkeel", default_config={"artifact": "artifact"}, assigns=["doc.spans"])
def make(nlp: Language, name: str, artifact: str) -> Component:
    """Make the component; `artifact` is the folder of the model. Raises ArtifactError where there is none."""
    return Component(Tagger(load(Path(artifact)).model))


def _mark(doc: Doc, found: TaggedDocument) -> None:
    """Put what was found on the tokens; a span that begins or ends inside a token takes in all of it."""
    sentences = []
    for sentence, tag, _ in found.sentences:
        span = _span(doc, sentence.start, sentence.end, tag.label)
        span._.set(SPANS, tag)
        sentences.append(span)
    doc.spans[SPANS] = sentences
    doc.spans[SKIPPED] = [_span(doc, start, end, reason) for start, end, reason in found.skipped]


def _span(doc: Doc, start: int, end: int, label: str) -> Span:
    span = doc.char_span(start, end, label=label, alignment_mode="expand")
    assert span is not None  # noqa: S101 -- both ends are inside the text
    return span
