"""The additive student, as torch learns it from the teachers' judgements; `training.student` reads what it learnt."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from model.labels import Side
from model.tokens import PLACEHOLDERS, bigrams, vocabulary_forms
from training.distill.encoder import DEVICE, batches
from training.student import OUTPUTS, Student

TAGS: Final = len(Side)
LONGEST: Final = 64  # words of a sentence that are looked at
RANK: Final = 32  # numbers a word brings to a pair
REACH: Final = 4  # greatest distance in words at which two make a pair
EPOCHS: Final = 4
BATCH: Final = 4096
NEAR: Final = 16
RATE: Final = 1e-2
DECAY: Final = 1e-7
ORIGINALS: Final = 4  # how often a sentence of the corpus is seen for each time a rewritten one is
DIMENSION_LOSS: Final = 0.3
MIN_PAIR_COUNT: Final = 2
SEED: Final = 1


@dataclass(frozen=True)
class Vocabulary:
    """What the student has rows for: words, and neighbouring pairs.

    Attributes:
        words: row of each of V words.
        pairs: row of each of P pairs.
        known: words seen in lower case; every other capitalised word counts as a name.
    """

    words: dict[str, int]
    pairs: dict[tuple[str, str], int]
    known: frozenset[str]

    def arrays(self, sentences: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
        """Return (n, LONGEST) rows of words, V for none; (n, LONGEST + 1) rows of pairs, P for none; and (n,) lengths."""
        words = np.full((len(sentences), LONGEST), len(self.words), np.int32)
        pairs = np.full((len(sentences), LONGEST + 1), len(self.pairs), np.int32)
        lengths = np.zeros(len(sentences), np.int32)
        for i, sentence in enumerate(sentences):
            tokens = vocabulary_forms(sentence, self.known)[:LONGEST]
            lengths[i] = len(tokens)
            words[i, : len(tokens)] = [self.words.get(token, len(self.words)) for token in tokens]
            pairs[i, : len(tokens) + 1] = [self.pairs.get(pair, len(self.pairs)) for pair in bigrams(tokens)]
        return words, pairs, lengths


def vocabulary(words: Sequence[str], sentences: Sequence[str], known: frozenset[str]) -> Vocabulary:
    """Return the given words, and the pairs that several of the sentences hold."""
    counts = Counter(pair for sentence in sentences for pair in set(bigrams(vocabulary_forms(sentence, known))))
    pairs = sorted(pair for pair, count in counts.items() if count >= MIN_PAIR_COUNT and not PLACEHOLDERS.issuperset(pair))
    return Vocabulary({word: i for i, word in enumerate(words)}, {pair: i for i, pair in enumerate(pairs)}, known)


class Network(torch.nn.Module):  # type: ignore[misc]
    """The student's sums (`training.student.Student`); each row of a word is its own part and a linear map of its vector."""

    def __init__(self, vectors: NDArray[np.float32], pairs: int) -> None:
        super().__init__()
        size, width = vectors.shape
        self.register_buffer("vectors", torch.from_numpy(np.vstack([vectors, np.zeros((1, width), np.float32)])))
        self.own = torch.nn.ModuleList(_rows(size + 1, columns) for columns in (OUTPUTS, RANK, RANK))
        self.shared = torch.nn.ModuleList(torch.nn.Linear(width, columns, bias=False) for columns in (OUTPUTS, RANK, RANK))
        torch.nn.init.zeros_(self.shared[0].weight)
        self.pair = _rows(pairs + 1, TAGS)
        self.kernel = torch.nn.Parameter(torch.linspace(1, 0.3, REACH)[:, None].repeat(1, RANK))
        self.factors = torch.nn.Parameter(torch.randn(RANK, OUTPUTS) * 0.05)
        self.bias = torch.nn.Parameter(torch.zeros(OUTPUTS))

    def forward(self, words: torch.Tensor, pairs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return (n, OUTPUTS)."""
        longest = max(int(lengths.max()), 2)
        words, pairs = words[:, :longest].long(), pairs[:, : longest + 1].long()
        vectors = self.vectors[words]
        word, left, right = (own(words) + shared(vectors) for own, shared in zip(self.own, self.shared, strict=True))
        near = sum((left[:, :-k] * right[:, k:]).sum(1) * self.kernel[k - 1] for k in range(1, min(len(self.kernel), longest - 1) + 1))
        total = word.sum(1) + near @ self.factors
        total[:, :TAGS] += self.pair(pairs).sum(1)
        return total / lengths.clamp(min=1).float().sqrt()[:, None] + self.bias

    def start_from(self, student: Student) -> None:
        """Begin where a student has got to."""
        rows = (student.word, student.left, student.right, student.pair)
        with torch.no_grad():
            for own, known in zip((*self.own, self.pair), rows, strict=True):
                own.weight[:-1] = torch.from_numpy(known)
            for shared in self.shared:
                shared.weight.zero_()
            for value, known in ((self.kernel, student.kernel), (self.factors, student.factors), (self.bias, student.bias)):
                value.copy_(torch.from_numpy(known))

    def student(self, words: tuple[str, ...], pairs: tuple[tuple[str, str], ...]) -> Student:
        """Return the student of these V words and P pairs."""
        with torch.no_grad():
            rows = [own.weight + shared(self.vectors) for own, shared in zip(self.own, self.shared, strict=True)]
            tables = (rows[0][:-1], self.pair.weight[:-1], rows[1][:-1], rows[2][:-1], self.kernel, self.factors, self.bias)
            return Student(words, pairs, *(table.cpu().numpy() for table in tables))


def learn(
    vocabulary: Vocabulary,
    vectors: NDArray[np.float32],
    arrays: Sequence[NDArray[np.int32]],
    judged: NDArray[np.float16],
    originals: int,
) -> Student:
    """Fit a student to n judged sentences.

    Args:
        vocabulary: of V words and P pairs.
        vectors: (V, D) of the words.
        arrays: what `vocabulary.arrays` gave for the n sentences.
        judged: (n, OUTPUTS) what the teachers said.
        originals: how many of them, the first ones, are sentences of the corpus.
    """
    torch.manual_seed(SEED)
    network = Network(vectors, len(vocabulary.pairs))
    network.to(DEVICE)
    _fit(network, arrays, judged, originals, DECAY)
    return network.student(tuple(vocabulary.words), tuple(vocabulary.pairs))


def learn_dimensions(
    student: Student, vectors: NDArray[np.float32], arrays: Sequence[NDArray[np.int32]], judged: NDArray[np.float16], originals: int
) -> Student:
    """Teach a student the dimensions anew, and leave as they are its tags and what words bring to near pairs; arguments as for `learn`."""
    torch.manual_seed(SEED)
    network = Network(vectors, len(student.pairs))
    network.start_from(student)
    network.to(DEVICE)
    for fixed in (*network.own[1:], *network.shared[1:], network.pair):
        fixed.requires_grad_(False)
    network.kernel.requires_grad_(False)
    _fit(network, arrays, judged, originals, decay=0)  # Adam would bring every word that is not seen to nothing, however small the decay
    taught = network.student(student.words, student.pairs)
    for new, old in ((taught.word, student.word), (taught.factors, student.factors), (taught.bias, student.bias)):
        new[..., :TAGS] = old[..., :TAGS]
    return taught


def _fit(network: Network, arrays: Sequence[NDArray[np.int32]], judged: NDArray[np.float16], originals: int, decay: float) -> None:
    words, pairs, lengths = (torch.from_numpy(array).to(DEVICE) for array in arrays)
    targets = torch.from_numpy(judged).to(DEVICE)
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE, weight_decay=decay)
    seen = np.concatenate([*[np.arange(originals)] * ORIGINALS, np.arange(originals, len(judged))])
    chance = np.random.default_rng(SEED)
    steps = EPOCHS * -(-len(seen) // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: max(0.02, 1 - step / steps))
    for _ in range(EPOCHS):
        for places in batches(arrays[2][seen], BATCH, NEAR, chance):
            batch = torch.from_numpy(seen[places]).to(DEVICE)
            output, target = network(words[batch], pairs[batch], lengths[batch]), targets[batch].float()
            share = torch.sigmoid(target[:, :TAGS])
            wrong = torch.nn.functional.binary_cross_entropy_with_logits(output[:, :TAGS], share, reduction="none").sum(1).mean()
            spread = -(torch.softmax(target[:, TAGS:], 1) * torch.log_softmax(output[:, TAGS:], 1)).sum(1)
            loss = wrong + DIMENSION_LOSS * (spread * share.amax(1)).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()


def _rows(count: int, columns: int) -> torch.nn.Embedding:
    rows = torch.nn.Embedding(count, columns, padding_idx=count - 1)
    torch.nn.init.zeros_(rows.weight)
    return rows
