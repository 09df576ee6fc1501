"""Tags sentences by adding up the rows of a folded model."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.folded import CONCEPTS, SIDE_DIMENSIONS, Doubles, FoldedModel, Ints
from model.kernel import Kernel
from model.labels import Concept, Dimension, Label, Side, label_of
from model.tokens import normalise

_LABELS: Final = tuple(label_of(*tags) for tags in product((False, True), repeat=len(Side)))
_DIMENSIONS: Final = (*(dimension for _, dimension in SIDE_DIMENSIONS), None)  # the last one, at -1, for a sentence that has none
_CONCEPTS: Final = (*CONCEPTS, None)
_MEMORY: Final = 100_000  # tokens that are remembered before the memory starts afresh


class Scores(NamedTuple):
    """Decisions for n sentences.

    Attributes:
        decision: (n, 2) log-odds for leadership and management.
        score: (n, 2) the same as calibrated probabilities in [0, 1].
        abstained: (n,) whether the model knows too few of the words to judge; no tag is then given.
        dimension: (n,) index into `SIDE_DIMENSIONS`, -1 for `neither`.
        concept: (n,) index into `CONCEPTS`, -1 where there is no leadership.
        tagged: (n, 2) whether each tag is given.
    """

    decision: Doubles
    score: Doubles
    abstained: NDArray[np.bool_]
    dimension: Ints
    concept: Ints
    tagged: NDArray[np.bool_]


class Evidence(NamedTuple):
    """What one token added to the two decisions, in log-odds; `start` and `end` are offsets in the sentence."""

    start: int
    end: int
    text: str
    leadership: float
    management: float


class Tag(NamedTuple):
    """What the model says about one sentence.

    `leadership` and `management` are calibrated probabilities in [0, 1]. `abstained` marks a sentence of which the model knows too few
    words to judge; its label is `neither`.
    """

    label: Label
    leadership: float
    management: float
    dimension: Dimension | None
    concept: Concept | None
    abstained: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why: for each side, `baseline` plus the evidence is `decision`, and the score is the logistic function of the decision."""

    decision: dict[Side, float]
    baseline: dict[Side, float]
    evidence: list[Evidence]


class Word(NamedTuple):
    """What the model has for a token: its row in the table; or -1, whether it is a word, and what its character pieces add."""

    row: int
    is_word: bool
    leadership: float
    management: float


class Words:
    """Finds what the model has for tokens that the kernel does not find by their spelling, and remembers it."""

    def __init__(self, model: FoldedModel) -> None:
        self._model = model
        self._rows = {word: row for row, word in enumerate(model.vocabulary)}
        self._memory: dict[str, Word] = {}

    def look_up(self, token: str) -> Word:
        """Return what the model has for a token."""
        if (found := self._memory.get(token)) is None:
            word = normalise(token, self._model.known)
            row = self._rows.get(word, -1)
            found = Word(row, word[0].isalpha(), *((0.0, 0.0) if row >= 0 else self._model.unknown_word_tags(word).tolist()))
            if len(self._memory) >= _MEMORY:
                self._memory = {}
            self._memory[token] = found
        return found


class Tagger:
    """Tags sentences. Safe to share between threads: the tables are only read, and the memory of words only ever gains entries."""

    def __init__(self, model: FoldedModel) -> None:
        self.model = model
        self._kernel = Kernel(model, Words(model).look_up)

    def __reduce__(self) -> "tuple[type[Tagger], tuple[FoldedModel]]":
        """Copy as the model it was made from: what is compiled has no other copies."""
        return Tagger, (self.model,)

    def score(self, sentences: Sequence[str], threshold: float | None = None) -> Scores:
        """Score n sentences. Raises TypeError for a single string, which would be read as a list of letters, and for what is no string.

        `threshold` is the score in (0, 1) from which both tags are given; the model's own two thresholds if left out.
        """
        if isinstance(sentences, str):
            raise TypeError("score() takes a sequence of sentences, not one string")
        leadership, management = self.model.thresholds.tolist() if threshold is None else (threshold, threshold)
        return Scores(*self._kernel.score(sentences, leadership, management))

    def tag(self, sentences: Sequence[str], threshold: float | None = None) -> list[Tag]:
        """Tag n sentences, in order; arguments and errors as of `score`."""
        scores = self.score(sentences, threshold)
        return list(
            map(
                Tag,
                map(_LABELS.__getitem__, (scores.tagged @ (2, 1)).tolist()),
                scores.score[:, 0].tolist(),
                scores.score[:, 1].tolist(),
                map(_DIMENSIONS.__getitem__, scores.dimension.tolist()),
                map(_CONCEPTS.__getitem__, scores.concept.tolist()),
                scores.abstained.tolist(),
            )
        )

    def explain(self, sentence: str) -> Explanation:
        """Return what each token added; tokens that added nothing are left out.

        A pair counts half for each of its words; a neighbouring one with a name, a number or an edge of the sentence counts for its word
        alone.
        """
        spans, added = self._kernel.explain(sentence)
        baseline = self.model.bias_tags
        decision = baseline + added.sum(axis=0)
        evidence = [
            Evidence(start, end, sentence[start:end], *row)
            for (start, end), row in zip(spans.tolist(), added.tolist(), strict=True)
            if any(row)
        ]
        return Explanation(dict(zip(Side, decision.tolist(), strict=True)), dict(zip(Side, baseline.tolist(), strict=True)), evidence)
