"""The static word vectors, distilled once from a sentence encoder (training/distill) and committed as 8-bit integers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.arrays import read_arrays


class EmbeddingError(ValueError):
    """The committed vectors are missing or do not fit together."""


@dataclass(frozen=True, eq=False)
class Embedding:
    """V words with vectors of D numbers, root-mean-square length 1.

    Attributes:
        words: the V words.
        vectors: (V, D) float32.
    """

    words: tuple[str, ...]
    vectors: NDArray[np.float32]

    @cached_property
    def index(self) -> dict[str, int]:
        """The row of each word."""
        return {word: row for row, word in enumerate(self.words)}

    def rows(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return (len(words), D) vectors, zeros for words outside the vocabulary."""
        found = np.array([self.index.get(word, -1) for word in words], dtype=np.int64)
        rows = np.zeros((len(words), self.vectors.shape[1]), np.float32)
        rows[found >= 0] = self.vectors[found[found >= 0]]
        return rows


def load_embedding(folder: Path) -> Embedding:
    """Read `words.txt` (a word a line) and `vectors.npz` (`codes` int8 (V, D), `scale` float32 (D,)) from a folder.

    Raises:
        EmbeddingError: a file is missing or the two differ in length.
    """
    try:
        words = tuple((folder / "words.txt").read_text(encoding="utf-8").splitlines())
        stored = read_arrays(folder / "vectors.npz")
        vectors = stored["codes"].astype(np.float32) * stored["scale"].astype(np.float32)
    except (OSError, KeyError, ValueError) as error:
        raise EmbeddingError(f"{folder}: word vectors cannot be read ({error})") from error
    if len(words) != len(vectors):
        raise EmbeddingError(f"{folder}: {len(words)} words but {len(vectors)} vectors")
    return Embedding(words, vectors)


def quantise(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return (V, D) codes and (D,) scale: `codes * scale` is the vectors to half a step, clipped at 4 standard deviations."""
    scale = (4 * vectors.std(axis=0) / 127).astype(np.float32)
    codes = np.clip(np.round(vectors / scale), -127, 127).astype(np.int8)
    return codes, scale
