"""Sentence encoders: the plain one, and teachers tuned on the corpus."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerBase

from model.folded import SIDE_DIMENSIONS
from model.labels import Side
from training.corpus import Example, Manner
from training.student import OUTPUTS

Floats = NDArray[np.float32]

DEVICE: Final = "cuda" if torch.cuda.is_available() else "cpu"
NEAR: Final = 40
MAX_PIECES: Final = 64
JUDGED_AT_ONCE: Final = 4096 if DEVICE == "cuda" else 256  # what is larger leaves a processor's cache
ENCODER_RATE: Final = 8e-5
HEAD_RATE: Final = 1e-3
WARM_UP: Final = 0.06
DIMENSION_LOSS: Final = 0.6
MASKED: Final = 0.1  # share of pieces that are hidden from it while it learns
TAG_WEIGHTS: Final = {Manner.OFFICE: 1.0, Manner.DUTIES: 0.0, Manner.PARTICULAR: 0.5}


class Pieces(NamedTuple):
    """The word pieces of n texts: (n, MAX_PIECES) numbers, of which the first `lengths` (n,) count."""

    numbers: NDArray[np.uint16]
    lengths: NDArray[np.uint8]

    def rows(self, rows: NDArray[np.int64]) -> "Pieces":
        """Return some of them."""
        return Pieces(self.numbers[rows], self.lengths[rows])


def cut(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> Pieces:
    """Cut texts into the pieces an encoder knows, at most MAX_PIECES of each."""
    found: list[list[int]] = tokenizer(list(texts), truncation=True, max_length=MAX_PIECES)["input_ids"]
    numbers = np.zeros((len(found), MAX_PIECES), np.uint16)
    for row, own in enumerate(found):
        numbers[row, : len(own)] = own
    return Pieces(numbers, np.array([len(own) for own in found], np.uint8))


class Encoder(torch.nn.Module):  # type: ignore[misc]
    """The encoder with mean pooling, and two linear heads for the two tags and the 22 sides and dimensions.

    `heads[1]` is for documents full of particulars, `heads[0]` for all other text, and by it the encoder judges: so it learns from both
    parts of the corpus where they disagree (`training.heads`).
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
        self.network: Any = AutoModel.from_pretrained(folder, dtype=torch.float32)
        self.heads = torch.nn.ModuleList(torch.nn.Linear(self.network.config.hidden_size, OUTPUTS) for _ in range(2))

    def pool(self, pieces: Pieces) -> torch.Tensor:
        """Return (n, H) mean-pooled vectors."""
        width = min(-(-int(pieces.lengths.max()) // 8) * 8, MAX_PIECES)
        ids = torch.from_numpy(pieces.numbers[:, :width].astype(np.int32)).to(DEVICE)
        shown = (torch.arange(width) < torch.from_numpy(pieces.lengths)[:, None]).long().to(DEVICE)
        hidden = self.network(input_ids=ids, attention_mask=shown).last_hidden_state
        return (hidden * shown.unsqueeze(-1)).sum(1) / shown.sum(1, keepdim=True)

    def embed(self, pieces: Pieces) -> Floats:
        """Return (n, H) vectors, in full precision."""
        return self._in_batches(pieces, self.pool)

    def judge(self, pieces: Pieces) -> Floats:
        """Return (n, OUTPUTS) log-odds of the tags and logits of the sides and dimensions, as for office English."""
        with half_precision():
            return self._in_batches(pieces, lambda batch: self.heads[0](self.pool(batch)))

    def _in_batches(self, pieces: Pieces, of: Callable[[Pieces], torch.Tensor]) -> Floats:
        self.eval()
        order = np.argsort(pieces.lengths, kind="stable")
        with torch.inference_mode():
            portions = (order[start : start + JUDGED_AT_ONCE] for start in range(0, len(order), JUDGED_AT_ONCE))
            parts = [of(pieces.rows(portion)).float().cpu().numpy() for portion in portions]
        result = np.empty((len(order), parts[0].shape[1]), np.float32)
        result[order] = np.concatenate(parts)
        return result


def half_precision() -> AbstractContextManager[Any]:
    """Return the context in which a GPU multiplies in 16 bits."""
    return torch.autocast(DEVICE, torch.bfloat16, enabled=DEVICE == "cuda")  # type: ignore[no-any-return]


def tune(encoder: Encoder, examples: Sequence[Example], seed: int, epochs: int, batch_size: int) -> None:
    """Fine-tune on labelled sentences: both tags, and all readings of the dimension of one-sided sentences."""
    torch.manual_seed(seed)
    chance = np.random.default_rng(seed)
    pieces = cut(encoder.tokenizer, [example.text for example in examples])
    tags = torch.tensor([[float(side in example.label.tags) for side in Side] for example in examples], device=DEVICE)
    dimensions = torch.tensor(np.array([dimension_shares(example) for example in examples]), device=DEVICE)
    particular = torch.tensor([int(example.manner is Manner.PARTICULAR) for example in examples], device=DEVICE)
    weights = torch.tensor([TAG_WEIGHTS[example.manner] for example in examples], device=DEVICE)
    groups: list[dict[str, Any]] = [
        {"params": encoder.network.parameters(), "lr": ENCODER_RATE},
        {"params": encoder.heads.parameters(), "lr": HEAD_RATE},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
    steps = epochs * -(-len(examples) // batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(step / steps / WARM_UP, 1) * (1 - step / steps))
    encoder.train()
    for _ in range(epochs):
        for batch in batches(pieces.lengths, batch_size, NEAR, chance):
            rows = torch.from_numpy(batch).to(DEVICE)
            with half_precision():
                pooled = encoder.pool(_hide(pieces.rows(batch), encoder.tokenizer.mask_token_id, chance))
                every = torch.stack([head(pooled) for head in encoder.heads], dim=1).float()
            output = every[torch.arange(len(rows), device=DEVICE), particular[rows]]
            wrong = torch.nn.functional.binary_cross_entropy_with_logits(output[:, : len(Side)], tags[rows], reduction="none").sum(1)
            shares = dimensions[rows]
            spread = -(shares * torch.log_softmax(output[:, len(Side) :], dim=1)).sum() / shares.sum().clamp(min=1)
            loss = (wrong * weights[rows]).sum() / (weights[rows] > 0).sum().clamp(min=1) + DIMENSION_LOSS * spread
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    encoder.eval()


def dimension_shares(example: Example) -> Floats:
    """Return (22,): which share of the readings gave each side and dimension; zeros where there is none."""
    shares = np.zeros(len(SIDE_DIMENSIONS), np.float32)
    if example.label.one_sided:
        for dimension in example.dimensions:
            shares[SIDE_DIMENSIONS.index((Side(example.label), dimension))] += 1 / len(example.dimensions)
    return shares


def batches(lengths: NDArray[np.integer[Any]], size: int, near: int, chance: np.random.Generator) -> list[NDArray[np.int64]]:
    """Shuffle n sentences into batches, and sort them by length within every `near` batches, so that little is padded."""
    shuffled = chance.permutation(len(lengths))
    chunks = [shuffled[i : i + near * size] for i in range(0, len(shuffled), near * size)]
    ordered = np.concatenate([chunk[np.argsort(lengths[chunk], kind="stable")] for chunk in chunks])
    found = [ordered[i : i + size] for i in range(0, len(ordered), size)]
    return [found[i] for i in chance.permutation(len(found))]


def _hide(pieces: Pieces, mask: int, chance: np.random.Generator) -> Pieces:
    """Hide some pieces, but never the first and the last, which mark the edges."""
    place = np.arange(MAX_PIECES)
    inner = (place > 0) & (place < pieces.lengths[:, None].astype(int) - 1)
    return Pieces(np.where(inner & (chance.random(pieces.numbers.shape) < MASKED), mask, pieces.numbers).astype(np.uint16), pieces.lengths)
