"""The features of a sentence, as a scikit-learn transformer: a sum over its words and neighbouring pairs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Self, TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from model.tokens import PLACEHOLDERS, bigrams, character_grams, fold_case, tokenise, vocabulary_forms
from training.embedding import Embedding

Item = TypeVar("Item", str, tuple[str, str])


class AdditiveFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Maps n sentences to an (n, F) sparse matrix: [words | character pieces | embedding | neighbouring pairs].

    Each sentence is the sum of the rows of its words (`word_rows`) and of its neighbouring pairs, divided by the square root of its
    number of tokens. Names and numbers have empty rows, and a pair with one speaks for the other word of the pair only.

    Args:
        known: words seen in lower case; every other capitalised word counts as a name (`lower_case_words` of all training sentences).
        embedding: static word vectors.
        embedding_weight: factor on the vectors, set against 1 for a word or a piece.
        gram_weight: factor on the character pieces.
        min_word_count, min_gram_count, min_pair_count: how often something must occur in training to be a feature.
        pairs: whether neighbouring pairs are features.
    """

    def __init__(
        self,
        known: frozenset[str],
        embedding: Embedding,
        embedding_weight: float = 3.0,
        gram_weight: float = 1.0,
        min_word_count: int = 2,
        min_gram_count: int = 2,
        min_pair_count: int = 2,
        pairs: bool = True,
    ) -> None:
        self.known = known
        self.embedding = embedding
        self.embedding_weight = embedding_weight
        self.gram_weight = gram_weight
        self.min_word_count = min_word_count
        self.min_gram_count = min_gram_count
        self.min_pair_count = min_pair_count
        self.pairs = pairs

    def fit(self, sentences: Sequence[str], y: object = None) -> Self:
        """Learn which words, pieces and pairs are features."""
        tokenised = [vocabulary_forms(sentence, self.known) for sentence in sentences]
        counts = Counter(word for words in tokenised for word in words)
        self.words_ = _frequent(counts, self.min_word_count)
        grams: Counter[str] = Counter()
        for word, count in counts.items():
            for gram in character_grams(word):
                grams[gram] += count
        self.grams_ = _frequent(grams, self.min_gram_count) if self.gram_weight else {}
        pairs = Counter(pair for words in tokenised for pair in bigrams(words)) if self.pairs else Counter()
        self.pairs_ = _frequent(pairs, self.min_pair_count)
        return self

    def transform(self, sentences: Sequence[str]) -> sp.csr_array:
        """Return the (n, F) feature matrix, float64."""
        tokenised = [vocabulary_forms(sentence, self.known) for sentence in sentences]
        local: dict[str, int] = {}
        for words in tokenised:
            for word in words:
                local.setdefault(word, len(local))
        counts = _counts(tokenised, local)
        neighbours = _counts([bigrams(words) for words in tokenised], self.pairs_)
        features = sp.hstack([counts @ self.word_rows(list(local)), neighbours], format="csr")
        scale = sp.diags_array([1 / np.sqrt(max(len(words), 1)) for words in tokenised], dtype=np.float64)
        return sp.csr_array(scale @ features)

    def word_rows(self, words: Sequence[str]) -> sp.csr_array:
        """Return the (len(words), W) features of single words, W = words + pieces + embedding dimensions."""
        own = _counts([[word] for word in words], self.words_)
        grams = _counts([character_grams(word) for word in words], self.grams_) * np.float64(self.gram_weight)
        vectors = sp.csr_array(self.embedding.rows(words) * np.float64(self.embedding_weight))
        return sp.csr_array(sp.hstack([own, grams, vectors], format="csr"))

    def columns(self) -> tuple[slice, slice, slice, slice]:
        """Return where words, pieces, embedding and pairs stand among the features."""
        edges = np.cumsum([0, len(self.words_), len(self.grams_), self.embedding.vectors.shape[1], len(self.pairs_)])
        return (
            slice(edges[0], edges[1]),
            slice(edges[1], edges[2]),
            slice(edges[2], edges[3]),
            slice(edges[3], edges[4]),
        )


def lower_case_words(sentences: Iterable[str]) -> frozenset[str]:
    """Return the words that occur in lower case in the sentences; every other capitalised word counts as a name."""
    return frozenset(fold_case(token) for sentence in sentences for token in tokenise(sentence) if token[0].islower())


def _frequent(counts: "Counter[Item]", minimum: int) -> dict[Item, int]:
    # A placeholder, or a pair of two, stands for text that must not count.
    kept = sorted(
        item
        for item, count in counts.items()
        if count >= minimum and not PLACEHOLDERS.issuperset([item] if isinstance(item, str) else item)
    )
    return {item: column for column, item in enumerate(kept)}


def _counts(lists: Sequence[Sequence[Item]], columns: dict[Item, int]) -> sp.csr_array:
    indices: list[int] = []
    ends: list[int] = [0]
    for items in lists:
        indices.extend(columns[item] for item in items if item in columns)
        ends.append(len(indices))
    data: NDArray[np.float64] = np.ones(len(indices), dtype=np.float64)
    # 32-bit indices: liblinear takes no others.
    matrix = sp.csr_array((data, np.array(indices, np.int32), np.array(ends, np.int32)), shape=(len(lists), len(columns)))
    matrix.sum_duplicates()
    return matrix
