"""Makes sentences from those of the corpus, in any number, for teachers to judge.

What a teacher says of a sentence whose words were exchanged tells what a word does in its place; a student that saw the corpus alone
would know few words, each in few places. Exchanging words for likely ones follows Jiao et al. 2020 ("TinyBERT", section 3.2 and
algorithm 1) and Tang et al. 2019 ("Distilling task-specific knowledge from BERT into simple neural networks", section 3.3).
"""

import random
import re
from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.tokens import fold_case, tokenise

NEIGHBOURS: Final = 24
NEIGHBOUR_DECAY: Final = 0.15  # a word gives way to its n-th neighbour with a chance that falls by exp(-0.15) with each n
ANY_WORD: Final = 0.25  # share of exchanged words that give way to any word, by frequency
FLATTEN: Final = 0.6  # exponent on the frequencies of words, so that rare ones are seen too
FAVOURED: Final = 0.6  # share of draws from the favoured sentences alone; the others are from all
RARE: Final = 3e-7  # under this frequency a word that the corpus has at most once is no candidate
EXCHANGED: Final = (0.1, 0.2, 0.35, 0.5)
EXCHANGED_IN_PARTS: Final = (0.0, 0.1, 0.2, 0.35)
LONGEST: Final = 330

_UNITS: Final = re.compile(r"\s+|[^\W\d_]+(?:['’][^\W\d_]+)*|.", re.DOTALL)
_CLAUSE: Final = re.compile(
    r"(?<=[,;:])\s+|\s+(?=(?:and|by|to|so|that|with|for|in|on|when|who|which|while|as|through|across|of)\s)",
)


@dataclass(frozen=True)
class Rewriter:
    """What rewriting draws from.

    Attributes:
        sentences: those of the corpus.
        favoured: those of them that are drawn from most, the ones like real text.
        words: the V words to exchange for.
        row: of each word.
        neighbours: (V, NEIGHBOURS) the words nearest to each, nearest first.
        candidates: words of which any may stand in for another.
        chances: their chances, added up.
    """

    sentences: Sequence[str]
    favoured: Sequence[str]
    words: Sequence[str]
    row: dict[str, int]
    neighbours: NDArray[np.int32]
    candidates: Sequence[str]
    chances: Sequence[float]

    def rewrite(self, chance: random.Random) -> str:
        """Return a sentence with words exchanged, a part of one, or the beginning of one with the end of another."""
        sentence, way = self._pick(chance), chance.random()
        if way < 0.35:
            return self._exchange(sentence, chance.choice(EXCHANGED), chance)
        clauses = _CLAUSE.split(sentence)
        if way < 0.6:
            count = chance.randint(1, len(clauses))
            start = chance.randint(0, len(clauses) - count)
            parts = clauses[start : start + count]
        else:
            other = _CLAUSE.split(self._pick(chance))
            parts = clauses[: chance.randint(1, len(clauses))]
            joined = parts + other[chance.randint(0, len(other) - 1) :]
            parts = joined if len(" ".join(joined)) <= LONGEST else parts
        return self._exchange(" ".join(parts), chance.choice(EXCHANGED_IN_PARTS), chance)

    def _pick(self, chance: random.Random) -> str:
        return chance.choice(self.favoured if chance.random() < FAVOURED else self.sentences)

    def _exchange(self, sentence: str, share: float, chance: random.Random) -> str:
        units = _UNITS.findall(sentence)
        for place, unit in enumerate(units):
            if unit[0].isalpha() and chance.random() < share:
                row = self.row.get(fold_case(unit))
                if row is None or chance.random() < ANY_WORD:
                    other = self.candidates[min(bisect(self.chances, chance.random()), len(self.candidates) - 1)]
                else:
                    other = self.words[int(self.neighbours[row, min(int(chance.expovariate(NEIGHBOUR_DECAY)), NEIGHBOURS - 1)])]
                units[place] = other.capitalize() if unit[0].isupper() and place == 0 else other
        return "".join(units)


def rewriter(
    sentences: Sequence[str], favoured: Sequence[str], words: Sequence[str], vectors: NDArray[np.float32], frequency: NDArray[np.float64]
) -> Rewriter:
    """Prepare rewriting: find the neighbours of each word by the cosine of its vector.

    Args:
        sentences: to rewrite.
        favoured: those of them to draw from most.
        words: V words.
        vectors: (V, H) of the plain encoder, in which words of like use lie near each other whatever their orientation.
        frequency: (V,) of the words in English.
    """
    counts = Counter(fold_case(token) for sentence in sentences for token in tokenise(sentence))
    usable = np.array([w[0].isalpha() and (f > RARE or counts[w] > 1) for w, f in zip(words, frequency, strict=True)])
    unit = vectors - vectors.mean(axis=0)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-9)
    neighbours = np.zeros((len(words), NEIGHBOURS), np.int32)
    for start in range(0, len(words), 1024):
        cosine: NDArray[np.float32] = unit[start : start + 1024] @ unit.T
        cosine[:, ~usable] = -1
        cosine[np.arange(len(cosine)), start + np.arange(len(cosine))] = -1
        nearest = np.argpartition(-cosine, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        order = np.argsort(-np.take_along_axis(cosine, nearest, axis=1), axis=1, kind="stable")
        neighbours[start : start + 1024] = np.take_along_axis(nearest, order, axis=1)
    candidates = [word for word, use in zip(words, usable, strict=True) if use]
    weights = np.array([max(frequency[i], counts[words[i]] / 1e6) for i in np.flatnonzero(usable).tolist()]) ** FLATTEN
    chances = list(accumulate((weights / weights.sum()).tolist()))
    return Rewriter(sentences, favoured, words, {word: i for i, word in enumerate(words)}, neighbours, candidates, chances)
