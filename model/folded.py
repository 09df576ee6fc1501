"""The trained model as serving needs it: tables from words to contributions.

Everything `training` learnt is a sum over the words of a sentence, its neighbouring pairs, and pairs of words that stand near each other,
divided by the square root of the number of its tokens. So what is known of a word (the word itself, its character pieces, its vector, what
the student has for it) folds into one row of numbers, once, at export. A pair of near words has no row of its own: what it adds is the
product of what the two words bring to it (`training.student`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.labels import Concept, Dimension, Side
from model.tokens import END, NAME, NUMBER, PLACEHOLDERS, START, character_grams

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]

SIDES: Final = tuple(Side)
SIDE_DIMENSIONS: Final = tuple((side, dimension) for side in Side for dimension in Dimension)
CONCEPTS: Final = tuple(Concept)


class FoldedModelError(ValueError):
    """The tables do not fit together."""


@dataclass(frozen=True)
class FoldedModel:
    """Tables of V words, B neighbouring pairs and G character pieces, and R numbers that each word brings to pairs of near words.

    What decides the tags is kept in double precision, so that the folded model agrees with what was fitted, all but what words bring to
    pairs of near words, where it would cost time; topics are only compared with each other.

    Attributes:
        words: V words joined by line feeds; the placeholders of `model.tokens` come first.
        cased: (V,) whether the word was seen in lower case in training; a capitalised token of any other word counts as a name.
        word_tags: (V, 2) what a word adds to the decision for leadership and for management.
        word_dimensions: (V, 22) the same for each side and dimension, in the order of `SIDE_DIMENSIONS`.
        word_concepts: (V, 9) the same for each concept.
        pair_first, pair_second: (B,) indices into `words`, sorted by first, then second.
        pair_tags: (B, 2) what a neighbouring pair adds.
        left, right: (V, R) what a word brings to a pair as its first and as its second word.
        kernel: (K, R) how much a pair counts whose words are 1 to K places apart.
        factor_tags, factor_dimensions: (R, 2), (R, 22) what the products `left * kernel * right`, summed over all pairs, add.
        grams: G character pieces joined by line feeds, for words outside the table.
        gram_tags: (G, 2) what a piece adds.
        bias_tags, bias_dimensions, bias_concepts: (2,), (22,), (9,) the decision for a sentence of no words.
        thresholds: (2,) the score in [0, 1] from which a tag is given.
        minimum_known: share of known words in [0, 1] under which the tagger abstains.
    """

    words: str
    cased: NDArray[np.bool_]
    word_tags: Doubles
    word_dimensions: Floats
    word_concepts: Floats
    pair_first: Ints
    pair_second: Ints
    pair_tags: Doubles
    left: Floats
    right: Floats
    kernel: Floats
    factor_tags: Doubles
    factor_dimensions: Floats
    grams: str
    gram_tags: Doubles
    bias_tags: Doubles
    bias_dimensions: Floats
    bias_concepts: Floats
    thresholds: Doubles
    minimum_known: float

    def __post_init__(self) -> None:
        vocabulary, pairs, grams = len(self.vocabulary), len(self.pair_first), len(self.gram_index)
        reach, rank = self.kernel.shape
        expected: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
            "cased": (np.bool_, (vocabulary,)),
            "word_tags": (np.float64, (vocabulary, len(SIDES))),
            "word_dimensions": (np.float32, (vocabulary, len(SIDE_DIMENSIONS))),
            "word_concepts": (np.float32, (vocabulary, len(CONCEPTS))),
            "pair_first": (np.int32, (pairs,)),
            "pair_second": (np.int32, (pairs,)),
            "pair_tags": (np.float64, (pairs, len(SIDES))),
            "left": (np.float32, (vocabulary, rank)),
            "right": (np.float32, (vocabulary, rank)),
            "kernel": (np.float32, (reach, rank)),
            "factor_tags": (np.float64, (rank, len(SIDES))),
            "factor_dimensions": (np.float32, (rank, len(SIDE_DIMENSIONS))),
            "gram_tags": (np.float64, (grams, len(SIDES))),
            "bias_tags": (np.float64, (len(SIDES),)),
            "bias_dimensions": (np.float32, (len(SIDE_DIMENSIONS),)),
            "bias_concepts": (np.float32, (len(CONCEPTS),)),
            "thresholds": (np.float64, (len(SIDES),)),
        }
        for name, (kind, shape) in expected.items():
            table = getattr(self, name)
            # `model.kernel` reads them as they lie in memory.
            if (table.dtype, table.shape, table.flags.c_contiguous) != (kind, shape, True):
                raise FoldedModelError(
                    f"{name} holds {table.dtype} in the shape {table.shape}, expected {kind.__name__} in {shape}, row by row"
                )
        if self.vocabulary[: len(PLACEHOLDERS)] != [START, END, NAME, NUMBER]:
            raise FoldedModelError("words must start with the placeholders")

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> "FoldedModel":
        """Rebuild the model from what `arrays` gave.

        Raises:
            FoldedModelError: a table is missing, unknown, or of the wrong shape.
        """
        names = {field.name for field in fields(cls)}
        if names != set(arrays):
            raise FoldedModelError(f"tables differ from those of this version: {sorted(names ^ set(arrays))}")
        return cls(**arrays)

    def arrays(self) -> dict[str, Any]:
        """Return the tables under their names: numpy arrays, strings and numbers only."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def vocabulary(self) -> list[str]:
        """The V words, by index."""
        return self.words.split("\n")

    @cached_property
    def gram_index(self) -> dict[str, int]:
        """The row of each character piece."""
        return {gram: row for row, gram in enumerate(self.grams.split("\n") if self.grams else [])}

    @cached_property
    def known(self) -> frozenset[str]:
        """The words seen in lower case in training."""
        return frozenset(word for word, cased in zip(self.vocabulary, self.cased, strict=True) if cased)

    def unknown_word_tags(self, word: str) -> Doubles:
        """Return the (2,) contribution of a word outside the table, from its character pieces."""
        rows = [self.gram_index[gram] for gram in character_grams(word) if gram in self.gram_index]
        total: Doubles = self.gram_tags[rows].sum(axis=0)
        return total


def join(items: Sequence[str]) -> str:
    """Join names for storage; none may hold a line feed."""
    if any("\n" in item for item in items):
        raise FoldedModelError("a stored name holds a line feed")
    return "\n".join(items)
