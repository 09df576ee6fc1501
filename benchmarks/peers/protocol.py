"""What a peer must be able to do, and what it is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]

TAGS: Final = ("leadership", "management")
"""The columns of all flags (`model.labels.Side`; the peers import nothing of the project, so that another Python can run them)."""
THRESHOLD: Final = 0.3
"""The probability from which a peer tags: that of Helmkeel (`training/config.toml`), so that all are measured alike."""
SEED: Final = 20261101


@dataclass(frozen=True)
class Materials:
    """What a peer may use beside the training rows.

    Attributes:
        encoder: folder with the files of a plain sentence encoder, where one is given.
        statements: for each tag, what the source document says on that side of the contrasts.
    """

    encoder: str | None
    statements: dict[str, list[str]]


class Peer(Protocol):
    """A tagger somebody would otherwise pick. `save` writes all that `load` needs into an empty folder: its files are the size on disk."""

    def fit(self, texts: Sequence[str], targets: Flags) -> None:
        """Learn from n sentences and (n, 2) tags."""

    def save(self, folder: Path) -> None:
        """Write the fitted model."""

    def load(self, folder: Path) -> None:
        """Read it, in a process that has not fitted anything."""

    def predict(self, texts: Sequence[str]) -> Flags:
        """Return (n, 2): the tags of n raw sentences."""


def size_bytes(folder: Path) -> int:
    """Return the size of all files of a saved model."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
