"""Distils the static word vectors from a sentence encoder, once: tunes it on the corpus, then embeds words one by one.

Run by hand (`make embedding ENCODER=...`), not by training: it needs torch, transformers and wordfreq; its result is committed. The
method is that
of Model2Vec (Tulkens and van Dongen 2024): the vector of a word is what the encoder makes of it alone, reduced by principal components and
weighted by a/(a + frequency) (Arora et al. 2017, "A simple but tough-to-beat baseline for sentence embeddings").

Documents that calibration relies on (`training.split.is_calibration`) and the hold-out are never shown to the encoder.
"""

import argparse
import hashlib
import json
import random
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import wordfreq
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from transformers import AutoModel, AutoTokenizer

from model.folded import SIDE_DIMENSIONS
from model.labels import Label, Side
from training.corpus import Example, read_corpus
from training.embedding import quantise
from training.split import is_calibration

ENCODER_NAME: Final = "sentence-transformers/all-MiniLM-L6-v2"
ENCODER_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
SEED: Final = 20261101
EPOCHS: Final = 2
BATCH: Final = 32
MAX_PIECES: Final = 64
ENCODER_RATE: Final = 6e-5
HEAD_RATE: Final = 1e-3
WARM_UP: Final = 0.06
DIMENSION_LOSS: Final = 0.3
FREQUENT_WORDS: Final = 45_000
DIMENSIONS: Final = 128
SMOOTHING: Final = 1e-3
PUNCTUATION: Final = tuple(".,;:!?()[]/-&%$\"'*+=<>@#…–—•")


class Encoder(torch.nn.Module):  # type: ignore[misc]
    """The encoder with mean pooling, and a linear head for the two tags and the 22 sides and dimensions."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.encoder = AutoModel.from_pretrained(folder)
        self.head = torch.nn.Linear(self.encoder.config.hidden_size, len(Side) + len(SIDE_DIMENSIONS))

    def embed(self, texts: list[str]) -> torch.Tensor:
        """Return (n, H) mean-pooled vectors."""
        batch = self.tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=MAX_PIECES)
        hidden = self.encoder(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1)
        return (hidden * mask).sum(1) / mask.sum(1)


def tune(encoder: Encoder, examples: list[Example]) -> None:
    """Fine-tune on labelled sentences: both tags, and the dimension of one-sided sentences."""
    order = random.Random(SEED)  # noqa: S311 -- shuffling, not secrecy
    groups: list[dict[str, Any]] = [
        {"params": encoder.encoder.parameters(), "rate": ENCODER_RATE},
        {"params": encoder.head.parameters(), "rate": HEAD_RATE},
    ]
    optimiser = torch.optim.AdamW(groups, lr=ENCODER_RATE, weight_decay=0.01)
    steps = EPOCHS * -(-len(examples) // BATCH)
    step = 0
    encoder.train()
    for _ in range(EPOCHS):
        for batch in _batches(examples, order):
            progress = step / steps
            for group in optimiser.param_groups:
                group["lr"] = group["rate"] * min(progress / WARM_UP, 1) * (1 - progress)
            output = encoder.head(encoder.embed([example.text for example in batch]))
            tags = torch.tensor([[float(side in example.label.tags) for side in Side] for example in batch])
            loss = 2 * torch.nn.functional.binary_cross_entropy_with_logits(output[:, : len(Side)], tags)
            sides = torch.tensor([_side_dimension(example) for example in batch])
            if (sides >= 0).any():
                loss = loss + DIMENSION_LOSS * torch.nn.functional.cross_entropy(output[:, len(Side) :], sides, ignore_index=-1)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
            optimiser.step()
            step += 1
    encoder.eval()


def vocabulary(encoder: Encoder, examples: list[Example]) -> list[str]:
    """Return the words to embed: frequent English, the whole words the encoder knows, those of the corpus, punctuation."""
    shape = re.compile(r"[a-z]+(?:'[a-z]+)?")
    frequent = [word for word in wordfreq.top_n_list("en", FREQUENT_WORDS, wordlist="large") if shape.fullmatch(word)]
    known = [word for word in encoder.tokenizer.get_vocab() if shape.fullmatch(word)]
    seen = {word for example in examples for word in shape.findall(example.text.lower().replace("’", "'"))}
    return sorted({*PUNCTUATION, *frequent, *known, *seen})


def word_vectors(encoder: Encoder, words: list[str]) -> NDArray[np.float32]:
    """Return (V, DIMENSIONS) vectors with a root-mean-square length of 1."""
    by_length = sorted(range(len(words)), key=lambda i: len(words[i]))
    raw = np.zeros((len(words), encoder.encoder.config.hidden_size), np.float32)
    with torch.no_grad():
        for i in range(0, len(words), 512):
            rows = by_length[i : i + 512]
            raw[rows] = encoder.embed([words[row] for row in rows]).numpy()
    reduced = PCA(DIMENSIONS, random_state=SEED).fit_transform(raw - raw.mean(axis=0))
    frequency = np.array([wordfreq.word_frequency(word, "en", wordlist="large") if word[0].isalpha() else 0.05 for word in words])
    weighted = reduced * (SMOOTHING / (SMOOTHING + frequency))[:, None]
    return np.asarray(weighted / np.sqrt((weighted**2).sum(axis=1).mean()), np.float32)


def main() -> None:
    """Tune, embed, reduce and write `data/embedding`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("encoder", type=Path, help=f"folder with the files of {ENCODER_NAME}")
    parser.add_argument("--data", type=Path, default=Path("data"))
    arguments = parser.parse_args()
    digest = hashlib.sha256((arguments.encoder / "model.safetensors").read_bytes()).hexdigest()
    if digest != ENCODER_SHA256:
        parser.error(f"{arguments.encoder}: model.safetensors has SHA-256 {digest}, expected {ENCODER_SHA256}")
    torch.manual_seed(SEED)
    examples = [example for example in read_corpus(arguments.data / "corpus") if not is_calibration(example.doc)]
    encoder = Encoder(arguments.encoder)
    tune(encoder, examples)
    words = vocabulary(encoder, examples)
    codes, scale = quantise(word_vectors(encoder, words))
    folder = arguments.data / "embedding"
    folder.mkdir(exist_ok=True)
    (folder / "words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    np.savez_compressed(folder / "vectors.npz", codes=codes, scale=scale)
    provenance = {
        "encoder": ENCODER_NAME,
        "encoder_sha256": ENCODER_SHA256,
        "encoder_licence": "Apache-2.0",
        "tuned_on_sentences": len(examples),
        "epochs": EPOCHS,
        "seed": SEED,
        "words": len(words),
        "dimensions": DIMENSIONS,
        "libraries": {name: version(name) for name in ("torch", "transformers", "wordfreq", "scikit-learn")},
    }
    (folder / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")


def _batches(examples: list[Example], order: random.Random) -> list[list[Example]]:
    """Shuffle, keeping sentences of like length together so that little is padded."""
    shuffled = order.sample(examples, len(examples))
    chunks = [sorted(shuffled[i : i + 40 * BATCH], key=lambda e: len(e.text)) for i in range(0, len(shuffled), 40 * BATCH)]
    batches = [chunk[i : i + BATCH] for chunk in chunks for i in range(0, len(chunk), BATCH)]
    order.shuffle(batches)
    return batches


def _side_dimension(example: Example) -> int:
    if example.dimension is None or example.label is Label.MIXED:
        return -1
    return SIDE_DIMENSIONS.index((Side(example.label), example.dimension))


if __name__ == "__main__":
    main()
