"""spaCy's text categoriser for labels that do not exclude each other (`textcat_multilabel`)."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import spacy
from spacy.language import Language
from spacy.training import Example
from thinc.api import fix_random_seed

from benchmarks.peers.protocol import SEED, TAGS, THRESHOLD, Flags, Materials

BATCH: Final = 64
DROPOUT: Final = 0.2

_BAG_OF_WORDS: Final[dict[str, Any]] = {
    "@architectures": "spacy.TextCatBOW.v3",
    "exclusive_classes": False,
    "ngram_size": 2,
    "no_output_layer": False,
}
_CNN: Final[dict[str, Any]] = {
    "@architectures": "spacy.TextCatReduce.v1",
    "exclusive_classes": False,
    "use_reduce_first": False,
    "use_reduce_last": False,
    "use_reduce_max": False,
    "use_reduce_mean": True,
    "tok2vec": {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "pretrained_vectors": None,
        "width": 96,
        "depth": 4,
        "embed_size": 2000,
        "window_size": 1,
        "maxout_pieces": 3,
        "subword_features": True,
    },
}


class TextCategoriser:
    """A blank English pipeline with one component."""

    FOLDER: Final = "pipeline"

    def __init__(self, architecture: dict[str, Any], epochs: int) -> None:
        self.epochs = epochs
        self.nlp: Language = spacy.blank("en")
        component: Any = self.nlp.add_pipe("textcat_multilabel", config={"model": architecture, "threshold": THRESHOLD})
        for tag in TAGS:
            component.add_label(tag)

    def fit(self, texts: Sequence[str], targets: Flags) -> None:
        """Learn for a fixed number of rounds over the rows."""
        fix_random_seed(SEED)
        examples = [
            Example.from_dict(self.nlp.make_doc(text), {"cats": dict(zip(TAGS, map(float, tags), strict=True))})
            for text, tags in zip(texts, targets, strict=True)
        ]
        optimiser = self.nlp.initialize(lambda: examples)
        order = random.Random(SEED)  # noqa: S311 -- shuffling, not secrecy
        for _ in range(self.epochs):
            order.shuffle(examples)
            for start in range(0, len(examples), BATCH):
                self.nlp.update(examples[start : start + BATCH], drop=DROPOUT, sgd=optimiser)

    def save(self, folder: Path) -> None:
        """Write the pipeline."""
        self.nlp.to_disk(folder / self.FOLDER)

    def load(self, folder: Path) -> None:
        """Read the pipeline."""
        self.nlp = spacy.load(folder / self.FOLDER)

    def predict(self, texts: Sequence[str]) -> Flags:
        """Tag."""
        found = [[doc.cats[tag] >= THRESHOLD for tag in TAGS] for doc in self.nlp.pipe(texts)]
        return np.array(found, dtype=bool).reshape(-1, len(TAGS))


def bag_of_words(materials: Materials) -> TextCategoriser:
    """Return the linear peer over words and neighbouring pairs."""
    return TextCategoriser(_BAG_OF_WORDS, epochs=10)


def cnn(materials: Materials) -> TextCategoriser:
    """Return the convolutional peer."""
    return TextCategoriser(_CNN, epochs=3)
