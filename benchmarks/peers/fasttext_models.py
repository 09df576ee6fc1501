"""fastText (Joulin et al. 2016), with the preprocessing and the settings of its own tutorial for several labels a text."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import fasttext
import numpy as np

from benchmarks.peers.protocol import SEED, TAGS, THRESHOLD, Flags, Materials

_PREFIX: Final = "__label__"
_NEITHER: Final = "neither"  # a line without a label teaches nothing
_MARK: Final = re.compile(r"([.!?,'/()])")


class FastText:
    """One model with a one-versus-all loss, so that each tag has a probability of its own."""

    FILE: Final = "model.bin"

    def __init__(self, minn: int, maxn: int) -> None:
        self.minn, self.maxn = minn, maxn
        self.model: Any = None

    def fit(self, texts: Sequence[str], targets: Flags) -> None:
        """Learn, on one thread, since more make every run different."""
        with tempfile.TemporaryDirectory() as folder:
            lines = Path(folder) / "train.txt"
            lines.write_text("".join(map(_labelled, texts, targets)), encoding="utf-8")
            self.model = fasttext.train_supervised(
                str(lines), loss="ova", lr=0.5, epoch=25, wordNgrams=2, bucket=200_000, dim=50, minn=self.minn, maxn=self.maxn,
                thread=1, seed=SEED, verbose=0,
            )  # fmt: skip

    def save(self, folder: Path) -> None:
        """Write the model as it is, not quantised."""
        self.model.save_model(str(folder / self.FILE))

    def load(self, folder: Path) -> None:
        """Read the model."""
        self.model = fasttext.load_model(str(folder / self.FILE))

    def predict(self, texts: Sequence[str]) -> Flags:
        """Tag."""
        found, _ = self.model.predict([_cleaned(text) for text in texts], k=-1, threshold=THRESHOLD)
        return np.array([[f"{_PREFIX}{tag}" in labels for tag in TAGS] for labels in found], dtype=bool).reshape(-1, len(TAGS))


def _cleaned(text: str) -> str:
    return _MARK.sub(r" \1 ", text).lower().replace("\n", " ")


def _labelled(text: str, tags: Flags) -> str:
    labels = [tag for tag, given in zip(TAGS, tags, strict=True) if given] or [_NEITHER]
    return " ".join([*(f"{_PREFIX}{label}" for label in labels), _cleaned(text)]) + "\n"


def words(materials: Materials) -> FastText:
    """Return the peer that knows whole words and neighbouring pairs."""
    return FastText(0, 0)


def subwords(materials: Materials) -> FastText:
    """Return the peer that also knows pieces of three to six characters."""
    return FastText(3, 6)
