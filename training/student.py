"""The additive student of the teachers (`training.distill`), committed in 16-bit numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.folded import SIDE_DIMENSIONS
from model.labels import Side
from model.tokens import bigrams
from training.arrays import read_arrays

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

TABLES: Final = "tables.npz"
PAIRS: Final = "pairs.txt"
OUTPUTS: Final = len(Side) + len(SIDE_DIMENSIONS)


class StudentError(ValueError):
    """The committed tables are missing or do not fit together."""


@dataclass(frozen=True, eq=False)
class Student:
    """Adds up, over the words of a sentence, what the teachers would say of it.

    The output for n words, the two tags and the 22 sides and dimensions, is

        bias + (sum of word rows + sum of pair rows + sum over j and k of (left[j - k] * kernel[k] * right[j]) @ factors) / sqrt(n)

    The last sum is a factorisation machine (Rendle 2010, "Factorization machines", equation 1) over words near each other: two words that
    were never seen side by side still have a row for their pair, since each brings its own numbers to it.

    Attributes:
        words: V words.
        pairs: P neighbouring pairs.
        word: (V, 24) what a word adds.
        pair: (P, 2) what a pair adds to the tags.
        left, right: (V, R) what a word brings to a pair as its first and as its second.
        kernel: (K, R) how much a pair counts whose words are 1 to K places apart.
        factors: (R, 24) what the numbers of a pair add.
        bias: (24,).
    """

    words: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    word: Floats
    pair: Floats
    left: Floats
    right: Floats
    kernel: Floats
    factors: Floats
    bias: Floats

    @cached_property
    def word_row(self) -> dict[str, int]:
        """The row of each word."""
        return {word: row for row, word in enumerate(self.words)}

    @cached_property
    def pair_row(self) -> dict[tuple[str, str], int]:
        """The row of each pair."""
        return {pair: row for row, pair in enumerate(self.pairs)}

    def decision_function(self, tokenised: Sequence[Sequence[str]]) -> Doubles:
        """Return (n, 24) for n sentences, given as the vocabulary forms of their tokens (`model.tokens.normalise`)."""
        return np.array([self._decide(list(words)) for words in tokenised], np.float64).reshape(-1, len(self.bias))

    def _decide(self, words: list[str]) -> Doubles:
        total: Doubles = np.zeros(len(self.bias))
        rows = [self.word_row.get(word, -1) for word in words]
        known = [row for row in rows if row >= 0]
        total += self.word[known].sum(axis=0, dtype=np.float64)
        pairs = [self.pair_row[pair] for pair in bigrams(words) if pair in self.pair_row]
        total[: self.pair.shape[1]] += self.pair[pairs].sum(axis=0, dtype=np.float64)
        factors: Doubles = np.zeros(self.left.shape[1])
        left, right = (np.where(np.array(rows)[:, None] >= 0, table[rows], 0).astype(np.float64) for table in (self.left, self.right))
        for k in range(1, min(len(self.kernel), len(words) - 1) + 1):
            factors += (left[:-k] * right[k:]).sum(axis=0) * self.kernel[k - 1]
        decision: Doubles = self.bias + (total + factors @ self.factors) / np.sqrt(max(len(words), 1))
        return decision


def save_student(student: Student, folder: Path) -> None:
    """Write the pairs, a line each, and the tables; the words are those of the word vectors."""
    folder.mkdir(exist_ok=True)
    (folder / PAIRS).write_text("".join(f"{first} {second}\n" for first, second in student.pairs), encoding="utf-8")
    np.savez_compressed(folder / TABLES, **{field.name: getattr(student, field.name).astype(np.float16) for field in fields(student)[2:]})


def load_student(folder: Path, words: tuple[str, ...]) -> Student:
    """Read what `save_student` wrote, for the words of the word vectors (`training.embedding`).

    Raises:
        StudentError: a file is missing, or they do not fit together.
    """
    try:
        pairs = [line.split(" ") for line in (folder / PAIRS).read_text(encoding="utf-8").splitlines()]
        stored = read_arrays(folder / TABLES)
        tables = {field.name: stored[field.name].astype(np.float32) for field in fields(Student)[2:]}
        student = Student(words, tuple((first, second) for first, second in pairs), **tables)
    except (OSError, KeyError, ValueError) as error:
        raise StudentError(f"{folder}: the student's tables cannot be read ({error})") from error
    reach, rank = np.atleast_2d(student.kernel).shape
    expected = {
        "word": (len(words), OUTPUTS),
        "pair": (len(pairs), len(Side)),
        "left": (len(words), rank),
        "right": (len(words), rank),
        "kernel": (reach, rank),
        "factors": (rank, OUTPUTS),
        "bias": (OUTPUTS,),
    }
    for name, shape in expected.items():
        if getattr(student, name).shape != shape:
            raise StudentError(f"{folder}: the table {name} has the shape {getattr(student, name).shape}, expected {shape}")
    return student
