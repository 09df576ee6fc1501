"""A sentence encoder: its vectors as they are under logistic regression, fine-tuned, and compared with the document's own statements."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve
from transformers import AutoModel, AutoTokenizer

from benchmarks.peers.linear import positive, tag_heads
from benchmarks.peers.protocol import SEED, TAGS, Flags, Materials

DEVICE: Final = "cuda" if torch.cuda.is_available() else "cpu"
BATCH: Final = 32
MAX_PIECES: Final = 128
EPOCHS: Final = 2
ENCODER_RATE: Final = 5e-5
HEAD_RATE: Final = 1e-3
WARM_UP: Final = 0.1
THRESHOLD_ROWS: Final = 2000
"""From so many training rows, evenly spread, zero-shot takes its thresholds."""

Vectors = NDArray[np.float32]


class Encoder:
    """The encoder with mean pooling."""

    FOLDER: Final = "encoder"

    def __init__(self, folder: Path | str) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.network: Any = AutoModel.from_pretrained(folder).eval().to(DEVICE)

    def save(self, folder: Path) -> None:
        """Write network and tokenizer."""
        self.tokenizer.save_pretrained(folder / self.FOLDER)
        self.network.save_pretrained(folder / self.FOLDER)

    def pool(self, texts: list[str]) -> torch.Tensor:
        """Return an (n, H) tensor."""
        batch = self.tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=MAX_PIECES).to(DEVICE)
        hidden = self.network(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1)
        return (hidden * mask).sum(1) / mask.sum(1)

    def pooled(self, texts: Sequence[str]) -> Vectors:
        """Return (n, H), computed in batches of sentences of like length, so that little is padded."""
        by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        vectors = np.zeros((len(texts), self.network.config.hidden_size), np.float32)
        with torch.inference_mode():
            for start in range(0, len(texts), BATCH):
                rows = by_length[start : start + BATCH]
                vectors[rows] = self.pool([texts[row] for row in rows]).cpu().numpy()
        return vectors

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return (n, H) vectors of length 1."""
        vectors = self.pooled(texts)
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)


class FrozenEncoder:
    """Its vectors under logistic regression."""

    HEADS: Final = "heads.joblib"

    def __init__(self, encoder: str | None) -> None:
        self.source = encoder
        self.heads = tag_heads()

    def fit(self, texts: Sequence[str], targets: Flags) -> None:
        """Fit the heads."""
        self.encoder = Encoder(str(self.source))
        self.heads.fit(self.encoder.embed(texts), targets)

    def save(self, folder: Path) -> None:
        """Write encoder and heads."""
        self.encoder.save(folder)
        joblib.dump(self.heads, folder / self.HEADS)

    def load(self, folder: Path) -> None:
        """Read encoder and heads."""
        self.encoder = Encoder(folder / Encoder.FOLDER)
        self.heads = joblib.load(folder / self.HEADS)

    def predict(self, texts: Sequence[str]) -> Flags:
        """Tag."""
        return positive(self.heads.decision_function(self.encoder.embed(texts)))


class FineTunedEncoder:
    """The encoder and a linear layer for the two tags, all trained together."""

    HEAD: Final = "head.npy"

    def __init__(self, encoder: str | None) -> None:
        self.source = encoder

    def fit(self, texts: Sequence[str], targets: Flags) -> None:
        """Train with AdamW, a linear warm-up and a linear way down."""
        torch.manual_seed(SEED)
        self.encoder = Encoder(str(self.source))
        head = torch.nn.Linear(self.encoder.network.config.hidden_size, len(TAGS)).to(DEVICE)
        groups: list[dict[str, Any]] = [
            {"params": self.encoder.network.parameters(), "lr": ENCODER_RATE},
            {"params": head.parameters(), "lr": HEAD_RATE},
        ]
        optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
        steps = EPOCHS * -(-len(texts) // BATCH)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(step / steps / WARM_UP, 1) * (1 - step / steps))
        rows, order = list(range(len(texts))), random.Random(SEED)  # noqa: S311 -- shuffling, not secrecy
        self.encoder.network.train()
        for _ in range(EPOCHS):
            order.shuffle(rows)
            for start in range(0, len(rows), BATCH):
                batch = rows[start : start + BATCH]
                wanted = torch.tensor(targets[batch], dtype=torch.float32, device=DEVICE)
                loss = torch.nn.functional.binary_cross_entropy_with_logits(head(self.encoder.pool([texts[r] for r in batch])), wanted)
                optimiser.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.encoder.network.parameters(), 1.0)
                optimiser.step()
                schedule.step()
        self.encoder.network.eval()
        self.head = torch.cat([head.weight.detach(), head.bias.detach()[:, None]], dim=1).cpu().numpy()

    def save(self, folder: Path) -> None:
        """Write encoder and head."""
        self.encoder.save(folder)
        np.save(folder / self.HEAD, self.head)

    def load(self, folder: Path) -> None:
        """Read encoder and head."""
        self.encoder = Encoder(folder / Encoder.FOLDER)
        self.head = np.load(folder / self.HEAD)

    def predict(self, texts: Sequence[str]) -> Flags:
        """Tag."""
        return positive(self.encoder.pooled(texts) @ self.head[:, :-1].T + self.head[:, -1])


class ZeroShotEncoder:
    """Cosine similarity to the nearest statement of each side; only the two thresholds come from the training rows.

    A cosine is no probability, so one half would mean nothing: each side takes the threshold that gives the best F1 on training rows.
    """

    STATE: Final = "statements.npz"
    THRESHOLDS: Final = "thresholds"

    def __init__(self, materials: Materials) -> None:
        self.source, self.statements = materials.encoder, materials.statements

    def fit(self, texts: Sequence[str], targets: Flags) -> None:
        """Embed the statements and choose the thresholds."""
        self.encoder = Encoder(str(self.source))
        self.sides = {tag: self.encoder.embed(self.statements[tag]) for tag in TAGS}
        rows = np.unique(np.linspace(0, len(texts) - 1, THRESHOLD_ROWS).astype(int))
        similar = self._similar([texts[row] for row in rows])
        self.thresholds = np.array([_best_threshold(targets[rows, k], similar[:, k]) for k in range(len(TAGS))])

    def save(self, folder: Path) -> None:
        """Write encoder, statements and thresholds."""
        self.encoder.save(folder)
        state: dict[str, Any] = {**self.sides, self.THRESHOLDS: self.thresholds}
        np.savez(folder / self.STATE, **state)

    def load(self, folder: Path) -> None:
        """Read them."""
        self.encoder = Encoder(folder / Encoder.FOLDER)
        with np.load(folder / self.STATE) as state:
            self.sides = {tag: state[tag] for tag in TAGS}
            self.thresholds = state[self.THRESHOLDS]

    def predict(self, texts: Sequence[str]) -> Flags:
        """Tag."""
        return np.asarray(self._similar(texts) >= self.thresholds, dtype=bool)

    def _similar(self, texts: Sequence[str]) -> Vectors:
        vectors = self.encoder.embed(texts)
        return np.column_stack([(vectors @ self.sides[tag].T).max(axis=1, initial=-1.0) for tag in TAGS])


def _best_threshold(truth: Flags, similar: Vectors) -> float:
    precision, recall, thresholds = precision_recall_curve(truth, similar)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    return float(thresholds[np.argmax(f1[:-1])])


def frozen(materials: Materials) -> FrozenEncoder:
    """Return the peer whose encoder stays as it is."""
    return FrozenEncoder(materials.encoder)


def fine_tuned(materials: Materials) -> FineTunedEncoder:
    """Return the peer whose encoder learns too."""
    return FineTunedEncoder(materials.encoder)


def zero_shot(materials: Materials) -> ZeroShotEncoder:
    """Return the peer that learns nothing but two thresholds."""
    return ZeroShotEncoder(materials)
