"""Model2Vec (Tulkens and van Dongen 2024): static vectors distilled from the plain encoder, with logistic regression on their mean.

The vectors in `data/embedding` would not be fair: their encoder was tuned on the corpus.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
from model2vec import StaticModel
from numpy.typing import NDArray

from benchmarks.peers.linear import positive, tag_heads
from benchmarks.peers.protocol import Flags, Materials


class StaticVectors:
    """Mean static vectors of 256 dimensions, the library's defaults."""

    FOLDER: Final = "vectors"
    HEADS: Final = "heads.joblib"

    def __init__(self, encoder: str | None) -> None:
        self.encoder = encoder
        self.vectors: Any = None
        self.heads = tag_heads()

    def fit(self, texts: Sequence[str], targets: Flags) -> None:
        """Distil, then fit the heads."""
        from model2vec.distill import distill  # not where a model is only used: it imports torch

        self.vectors = distill(self.encoder)
        self.heads.fit(self._embed(texts), targets)

    def save(self, folder: Path) -> None:
        """Write vectors and heads."""
        self.vectors.save_pretrained(folder / self.FOLDER)
        joblib.dump(self.heads, folder / self.HEADS)

    def load(self, folder: Path) -> None:
        """Read vectors and heads."""
        self.vectors = StaticModel.from_pretrained(folder / self.FOLDER)
        self.heads = joblib.load(folder / self.HEADS)

    def predict(self, texts: Sequence[str]) -> Flags:
        """Tag."""
        return positive(self.heads.decision_function(self._embed(texts)))

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(self.vectors.encode(list(texts), use_multiprocessing=False), np.float32)


def static_vectors(materials: Materials) -> StaticVectors:
    """Return the peer."""
    return StaticVectors(materials.encoder)
