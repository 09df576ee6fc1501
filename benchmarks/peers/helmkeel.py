"""Helmkeel itself, measured the same way from the artifact that `make train` wrote."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.protocol import Flags, Materials
from model.artifact import load
from model.tagger import Tagger


class Helmkeel:
    """The trained artifact."""

    tagger: Tagger

    def fit(self, texts: Sequence[str], targets: Flags) -> None:
        """Refuse: `make train` does this, and the comparison checks that it was on the same rows."""
        raise NotImplementedError("Helmkeel is trained by `make train`")

    def save(self, folder: Path) -> None:
        """Refuse likewise."""
        raise NotImplementedError("Helmkeel is trained by `make train`")

    def load(self, folder: Path) -> None:
        """Read the artifact."""
        self.tagger = Tagger(load(folder).model)

    def predict(self, texts: Sequence[str]) -> Flags:
        """Tag."""
        return self.tagger.score(texts).tagged


def helmkeel(materials: Materials) -> Helmkeel:
    """Return it."""
    return Helmkeel()
